# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values for the guest, with govc as the witness."""

from __future__ import annotations

import json

import pytest

from support.govc import Govc
from support.vcenter_faults import NO_PERMISSION, TASK_IN_PROGRESS, Cut
from support.vcenter_proxy import VCenterProxy
from support.vcsim import VCSim
from support.waiting import wait_until
from vsphere_preemption.core.errors import InvalidInput, VCenterFault, VCenterObjectGone, VCenterPermissionDenied
from vsphere_preemption.core.inventory import ManagedObject

from .conftest import TAGGED, Clients

Refs = list[ManagedObject]
KEY = "guestinfo.vsphere.preemption"
TEXT = '{"reason": "<memory> & \\"CPU\\"", "at": "10:00", "who": "Zoë"}'


def values(govc: Govc, machine: str) -> dict[str, str]:
    """The extra configuration of a VM."""
    document = json.loads(govc.run("object.collect", "-json", govc.path_of(machine), "config.extraConfig"))
    return {entry["key"]: entry["value"] for entry in document[0]["val"]["_value"]}


def wait_for(govc: Govc, machine: str, value: str) -> None:
    wait_until(lambda: values(govc, machine).get(KEY), 10, "the value", until=lambda found: found == value)


def test_a_value_is_written_and_written_over(vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcsim)
    client.check()
    clients.calls()
    for value in (TEXT, "again"):
        assert client.set_guestinfo(refs[0], KEY, value).type == "Task"
        wait_for(govc, TAGGED[0], value)
    assert clients.calls() == ["ReconfigVM_Task"] * 2
    assert KEY not in values(govc, TAGGED[1])
    assert TAGGED[0] in govc.powered_on()


def test_a_lost_answer_is_asked_for_again(
    vcenter_proxy: VCenterProxy, govc: Govc, refs: Refs, clients: Clients
) -> None:
    client = clients.open(vcenter_proxy)
    client.check()
    vcenter_proxy.on("ReconfigVM_Task", Cut(after_forwarding=True))
    client.set_guestinfo(refs[0], KEY, "once")
    assert vcenter_proxy.calls.count("ReconfigVM_Task") == 2
    wait_for(govc, TAGGED[0], "once")


def test_refusals_are_told(vcenter_proxy: VCenterProxy, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcenter_proxy)
    vcenter_proxy.on("ReconfigVM_Task", NO_PERMISSION)
    with pytest.raises(VCenterPermissionDenied):
        client.set_guestinfo(refs[0], KEY, "x")
    vcenter_proxy.on("ReconfigVM_Task", TASK_IN_PROGRESS)
    with pytest.raises(VCenterFault, match="TaskInProgress") as caught:
        client.set_guestinfo(refs[0], KEY, "x")
    assert caught.value.retryable
    with pytest.raises(VCenterObjectGone):
        client.set_guestinfo(ManagedObject("VirtualMachine", "vm-4711"), KEY, "x")


@pytest.mark.parametrize("key", ["", "guestinfo.", "isolation.tools.copy.disable", "SET.config.template"])
def test_settings_of_the_vm_itself_are_never_written(vcsim: VCSim, refs: Refs, clients: Clients, key: str) -> None:
    client = clients.open(vcsim)
    with pytest.raises(InvalidInput, match="is not a guestinfo key"):
        client.set_guestinfo(refs[0], key, "x")
    assert clients.calls() == []
