# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What vCenter's answers mean, on answers made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyVmomi import vim as pyvmomi_vim

from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.vcenter.inventory.marks import _key_among
from vsphere_preemption.vcenter.power.event_log import EVENTS, POWERED_ON, _last_calls, _last_users
from vsphere_preemption.vcenter.transport.soap import offered_versions

vim: Any = pyvmomi_vim
START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
VM = ManagedObject("VirtualMachine", "vm-42")
US, SOMEBODY = "VSPHERE.LOCAL\\preemption", "VSPHERE.LOCAL\\ada"


def an_event(kind: str, user: str, minute: int, vm: str = "vm-42") -> Any:
    argument = vim.event.VmEventArgument(vm=vim.VirtualMachine(vm, None), name=vm)
    moment = START + timedelta(minutes=minute)
    return getattr(vim.event, kind)(userName=user, createdTime=moment, key=minute, vm=argument)


def who(*events: Any) -> str | None:
    return _last_users(frozenset({VM}), events, undone_by=POWERED_ON).get(VM)


def test_the_last_user_who_stopped_the_vm_counts() -> None:
    ours, theirs = an_event("VmStoppingEvent", US, 1), an_event("VmStoppingEvent", SOMEBODY, 2)
    assert who(theirs, ours) == SOMEBODY


def test_a_guest_that_shuts_down_at_our_request_was_stopped_by_us() -> None:
    """vCenter's event of the power-off itself names nobody then."""
    assert who(an_event("VmGuestShutdownEvent", US, 1), an_event("VmPoweredOffEvent", "", 2)) == US


def test_what_happened_before_the_vm_was_powered_on_again_does_not_count() -> None:
    before, on = an_event("VmStoppingEvent", US, 1), an_event("VmPoweredOnEvent", SOMEBODY, 2)
    assert who(before, on, an_event("VmPoweredOffEvent", "", 3)) is None


@pytest.mark.parametrize("kind", ["VmPoweredOnEvent", "DrsVmPoweredOnEvent", "VmRestartedOnAlternateHostEvent"])
def test_each_way_of_powering_on_counts(kind: str) -> None:
    before, on = an_event("VmStoppingEvent", US, 1), an_event(kind, "", 2)
    assert who(before, on, an_event("VmPoweredOffEvent", "", 3)) is None


def test_who_suspends_a_vm_stops_it() -> None:
    ours = [an_event("VmSuspendingEvent", US, 1), an_event("VmSuspendedEvent", US, 2)]
    assert who(*ours) == US
    assert who(*ours, an_event("VmPoweredOffEvent", SOMEBODY, 3)) == SOMEBODY
    assert who(*ours, an_event("VmPoweredOnEvent", SOMEBODY, 3)) is None


@pytest.mark.parametrize(
    ("kinds", "call"),
    [
        pytest.param(["VmGuestShutdownEvent"], 1, id="a guest that is shutting down"),
        pytest.param(["VmGuestShutdownEvent", "VmPoweredOffEvent"], 1, id="a guest that has shut down"),
        pytest.param(["VmGuestShutdownEvent", "VmStoppingEvent", "VmPoweredOffEvent"], 2, id="then powered off"),
        pytest.param(["VmSuspendingEvent", "VmSuspendedEvent"], 1, id="suspended"),
        pytest.param(["VmGuestShutdownEvent", "VmPoweredOnEvent"], None, id="runs again"),
    ],
)
def test_the_call_that_stops_a_vm_is_found(kinds: list[str], call: int | None) -> None:
    events = [an_event(kind, US, number) for number, kind in enumerate(kinds, start=1)]
    found = _last_calls(frozenset({VM}), reversed(events)).get(VM)
    assert (found.key if found else None) == call


def test_the_end_of_a_stop_by_another_user_is_a_call_of_its_own() -> None:
    ours, theirs = an_event("VmGuestShutdownEvent", US, 1), an_event("VmPoweredOffEvent", SOMEBODY, 2)
    assert _last_calls(frozenset({VM}), [ours, theirs])[VM].userName == SOMEBODY


def test_all_events_that_are_asked_for_exist() -> None:
    assert all(getattr(vim.event, kind) for kind in EVENTS)


def test_events_of_other_vms_do_not_count() -> None:
    assert who(an_event("VmStoppingEvent", US, 1, vm="vm-7")) is None


def a_field(key: int, name: str, kind: str = "") -> dict[str, str]:
    return {"key": str(key), "name": name} | ({"managedObjectType": kind} if kind else {})


def test_the_attribute_for_vms_is_ours_and_one_for_hosts_is_not() -> None:
    name = "com.vmware.workflows.vsphere.preemption"
    on_hosts = a_field(1, name, "HostSystem")
    assert _key_among([on_hosts, a_field(2, "other", "VirtualMachine")]) is None
    assert _key_among([on_hosts, a_field(3, name)]) == 3
    assert _key_among([a_field(3, name), a_field(4, name, "VirtualMachine"), on_hosts]) == 4


def test_only_the_versions_of_the_right_namespace_are_offered() -> None:
    document = b"""<namespaces version="1.0">
      <namespace><name>urn:vim25</name><version>8.0.3.0</version>
        <priorVersions><version>8.0.2.0</version><version>7.0</version></priorVersions></namespace>
      <namespace><name>urn:sms</name><version>5.0</version></namespace></namespaces>"""
    assert offered_versions(document) == {"8.0.3.0", "8.0.2.0", "7.0"}


def test_a_page_that_is_no_list_of_versions_offers_none() -> None:
    assert offered_versions(b"<html><p>starting") == frozenset()
    assert offered_versions(b"<html/>") == frozenset()
