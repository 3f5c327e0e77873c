# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks on VMs. govc reads them back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.govc import MARK_ATTRIBUTE, Govc
from support.vcenter_faults import NO_PERMISSION, Cut, Fault, Run
from support.vcenter_proxy import VCenterProxy
from support.vcsim import VCSim
from vsphere_preemption.core.errors import VCenterFault, VCenterObjectGone, VCenterPermissionDenied
from vsphere_preemption.core.inventory import ManagedObject

from .conftest import TAGGED, Clients

Refs = list[ManagedObject]
MARK = '{"preempted":true,"text":"<&\\"ü€"}'


def test_the_attribute_is_created_where_it_is_missing(vcsim: VCSim, govc: Govc, clients: Clients) -> None:
    key = clients.open(vcsim).ensure_attribute()
    assert govc.attribute_keys() == {key: MARK_ATTRIBUTE}


def test_an_attribute_that_exists_is_used(vcsim: VCSim, govc: Govc, clients: Clients) -> None:
    govc.run("fields.add", "-type", "VirtualMachine", "another")
    govc.run("fields.add", "-type", "VirtualMachine", MARK_ATTRIBUTE)
    client = clients.open(vcsim)
    assert govc.attribute_keys()[client.ensure_attribute()] == MARK_ATTRIBUTE
    assert "AddCustomFieldDef" not in clients.calls()


def test_many_threads_create_it_once(vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcsim)
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda ref: client.write_mark(ref, "{}"), refs))
    assert clients.calls().count("AddCustomFieldDef") == 1
    assert len(govc.marks()) == 3


def test_another_client_that_creates_it_first_is_no_error(
    vcenter_proxy: VCenterProxy, govc: Govc, clients: Clients
) -> None:
    def create() -> None:
        govc.run("fields.add", "-type", "VirtualMachine", MARK_ATTRIBUTE)

    vcenter_proxy.on("AddCustomFieldDef", Run(create))
    client = clients.open(vcenter_proxy)
    assert client.ensure_attribute() in govc.attribute_keys()
    assert clients.errors() == ["vcenter_fault"]


def test_who_may_not_create_it_is_told_what_to_do(vcenter_proxy: VCenterProxy, clients: Clients) -> None:
    vcenter_proxy.on("AddCustomFieldDef", NO_PERMISSION)
    with pytest.raises(VCenterPermissionDenied, match="Create it once with a privileged account"):
        clients.open(vcenter_proxy).ensure_attribute()


def test_a_mark_takes_one_call_and_comes_through_unchanged(
    vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients
) -> None:
    client = clients.open(vcsim)
    client.tagged("preemptible")
    client.ensure_attribute()
    clients.calls()
    client.write_mark(refs[0], MARK)
    assert clients.calls() == ["SetField"]
    assert govc.machine(TAGGED[0]).attributes[MARK_ATTRIBUTE] == MARK
    assert client.read(refs)[refs[0]].mark == MARK


def test_a_lost_answer_is_no_matter_for_a_mark(
    vcenter_proxy: VCenterProxy, govc: Govc, refs: Refs, clients: Clients
) -> None:
    client = clients.open(vcenter_proxy)
    client.ensure_attribute()
    vcenter_proxy.on("SetField", Cut(after_forwarding=True))
    client.write_mark(refs[0], "{}")
    assert vcenter_proxy.calls.count("SetField") == 2
    assert govc.machine(TAGGED[0]).attributes[MARK_ATTRIBUTE] == "{}"


def test_an_attribute_that_was_made_again_is_found_again(
    vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients
) -> None:
    client = clients.open(vcsim)
    old = client.ensure_attribute()
    govc.run("fields.add", "-type", "VirtualMachine", "another")
    govc.run("fields.rm", MARK_ATTRIBUTE)
    client.write_mark(refs[0], "{}")
    assert client.ensure_attribute() != old
    assert govc.machine(TAGGED[0]).attributes[MARK_ATTRIBUTE] == "{}"


def test_after_a_restart_the_key_is_not_believed(vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients) -> None:
    """The simulator then gives the old key to another attribute; a mark must not end up in that."""
    client = clients.open(vcsim)
    old = client.ensure_attribute()
    vcsim.restart(keep_state=False)
    govc.run("fields.add", "-type", "VirtualMachine", "another")
    assert govc.attribute_keys() == {old: "another"}
    client.write_mark(refs[0], "{}")
    assert govc.machine(TAGGED[0]).attributes == {MARK_ATTRIBUTE: "{}"}


def test_a_value_that_vcenter_does_not_like_is_an_error(
    vcenter_proxy: VCenterProxy, refs: Refs, clients: Clients
) -> None:
    client = clients.open(vcenter_proxy)
    client.ensure_attribute()
    vcenter_proxy.on("SetField", Fault("InvalidArgument", "A specified parameter was not correct: value"), times=None)
    with pytest.raises(VCenterFault, match=r"InvalidArgument \(A specified parameter") as caught:
        client.write_mark(refs[0], "{}")
    assert not caught.value.retryable
    assert vcenter_proxy.calls.count("SetField") == 1


def test_a_deleted_vm_is_told_as_gone(vcenter_proxy: VCenterProxy, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcenter_proxy)
    client.ensure_attribute()
    gone = Fault("ManagedObjectNotFound", detail=f'<obj type="VirtualMachine">{refs[0].value}</obj>')
    vcenter_proxy.on("SetField", gone)
    with pytest.raises(VCenterObjectGone, match=f"VirtualMachine:{refs[0].value} no longer exists"):
        client.write_mark(refs[0], "{}")
