# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VMs that are suspended and given back, and what vCenter's record says about it afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from support.govc import Govc
from support.vcenter_faults import NO_PERMISSION, TASK_IN_PROGRESS, Cut
from support.vcenter_proxy import VCenterProxy
from support.vcsim import WITNESS_USER, Model, VCSim
from vsphere_preemption.core.errors import VCenterFault, VCenterObjectGone, VCenterPermissionDenied, VCenterUnreachable
from vsphere_preemption.core.inventory import ManagedObject, PowerState
from vsphere_preemption.vcenter.client import VCenter

from .conftest import TAGGED, Clients

Refs = list[ManagedObject]
CALLS = {"SuspendVM_Task": "suspend", "PowerOnVM_Task": "power_on"}


@pytest.fixture
def slow_vcsim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCSim]:
    """A vCenter whose tasks take a while."""
    delays = {"Suspend": 300, "PowerOn": 300}
    model = Model(clusters=2, hosts=2, machines=2)
    vcsim = VCSim(tmp_path_factory.mktemp("slow"), model=model, delays_ms=delays).start()
    yield vcsim
    vcsim.stop()


def since() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=5)


def act(client: VCenter, call: str, vm: ManagedObject) -> ManagedObject:
    task = getattr(client, CALLS[call])(vm)
    assert isinstance(task, ManagedObject)
    return task


def reached(client: VCenter, tasks: Mapping[ManagedObject, ManagedObject], until: PowerState) -> set[ManagedObject]:
    """Those of the VMs that the watch tells are there with the end of their task."""
    there: dict[ManagedObject, datetime | None] = {}
    with client.watch(machines=tasks, tasks=tasks, until=until) as watch:
        while changes := watch.wait(10):
            there |= changes.off
            assert not changes.failed
    assert None not in there.values()
    return set(there)


def test_vms_are_suspended_and_resumed_and_the_watch_tells(slow_vcsim: VCSim, clients: Clients) -> None:
    govc = slow_vcsim.govc()
    names = [name for name in sorted(govc.machines()) if "VM0" in name]
    refs = [ManagedObject("VirtualMachine", machine.ref) for name, machine in govc.machines().items() if name in names]
    client = clients.open(slow_vcsim)
    assert reached(client, {vm: client.suspend(vm) for vm in refs}, PowerState.SUSPENDED) == set(refs)
    assert [govc.power_states()[name] for name in names] == ["suspended"] * 2
    assert reached(client, {vm: client.power_on(vm) for vm in refs}, PowerState.ON) == set(refs)
    assert set(names) <= govc.powered_on()


def test_many_are_watched_by_polling_until_they_are_on(
    slow_vcsim: VCSim, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vsphere_preemption.vcenter.power.watch.FILTER_OBJECTS", 0)
    govc = slow_vcsim.govc()
    refs = [ManagedObject("VirtualMachine", machine.ref) for machine in govc.machines().values()]
    client = clients.open(slow_vcsim)
    assert reached(client, {vm: client.suspend(vm) for vm in refs}, PowerState.SUSPENDED) == set(refs)
    assert reached(client, {vm: client.power_on(vm) for vm in refs}, PowerState.ON) == set(refs)


def test_the_power_state_tells_where_no_task_does(vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients) -> None:
    govc.power("suspend", TAGGED[1])
    govc.power("off", TAGGED[2])
    client = clients.open(vcsim)
    for until, vm in ((PowerState.ON, refs[0]), (PowerState.SUSPENDED, refs[1]), (PowerState.OFF, refs[2])):
        with client.watch(machines=refs, tasks={}, until=until) as watch:
            assert watch.wait(5).off == {vm: None}


def test_a_power_on_that_fails_is_told_with_its_fault(vcsim: VCSim, refs: Refs, clients: Clients) -> None:
    """The VM is on already, and so it is where it should be."""
    client = clients.open(vcsim)
    with client.watch(machines=refs[:1], tasks={refs[0]: client.suspend(refs[0])}, until=PowerState.SUSPENDED) as watch:
        assert set(watch.wait(10).off) == {refs[0]}
    second = client.suspend(refs[0])
    with client.watch(machines=refs[:1], tasks={refs[0]: second}, until=PowerState.ON) as watch:
        assert watch.wait(10).failed[refs[0]].startswith("InvalidPowerState")


@pytest.mark.parametrize("call", CALLS)
def test_refusals_are_told_and_a_call_is_made_once(
    vcenter_proxy: VCenterProxy, refs: Refs, clients: Clients, call: str
) -> None:
    client = clients.open(vcenter_proxy)
    client.check()
    vcenter_proxy.on(call, TASK_IN_PROGRESS)
    with pytest.raises(VCenterFault, match="TaskInProgress") as caught:
        act(client, call, refs[0])
    assert (caught.value.fault, caught.value.retryable) == ("TaskInProgress", True)
    vcenter_proxy.on(call, NO_PERMISSION)
    with pytest.raises(VCenterPermissionDenied):
        act(client, call, refs[0])
    vcenter_proxy.on(call, Cut(after_forwarding=True))
    with pytest.raises(VCenterUnreachable):
        act(client, call, refs[0])
    assert vcenter_proxy.calls.count(call) == 3
    with pytest.raises(VCenterObjectGone):
        act(client, call, ManagedObject("VirtualMachine", "vm-4711"))


def test_templates_cannot_be_powered_on(vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients) -> None:
    govc.power("off", TAGGED[0])
    with contextlib.closing(vcsim.witness()) as witness:
        witness.set_property(refs[0].value, "config.template", True)
    with pytest.raises(VCenterFault, match="InvalidState"):
        clients.open(vcsim).power_on(refs[0])


# What may happen to one VM: by us (the client), or by a person (govc, as another user).
WE = {
    "we power it off": ("power_off", PowerState.OFF),
    "we shut it down": ("shut_down_guest", PowerState.OFF),
    "we suspend it": ("suspend", PowerState.SUSPENDED),
    "we power it on": ("power_on", PowerState.ON),
}
THEY = {
    "they power it off": "off",
    "they shut it down": "s",
    "they suspend it": "suspend",
    "they power it on": "on",
}


def do(step: str, client: VCenter, govc: Govc, vm: ManagedObject) -> None:
    """One step of a story, to its end."""
    if step in THEY:
        govc.power(THEY[step], TAGGED[0])
        return
    call, until = WE[step]
    task = getattr(client, call)(vm)
    with client.watch(machines=[vm], tasks={vm: task} if task else {}, until=until) as watch:
        assert set(watch.wait(10).off) == {vm}


@pytest.mark.parametrize(
    ("story", "by"),
    [
        (["we power it off"], "us"),
        (["we shut it down"], "us"),
        (["we suspend it"], "us"),
        (["we suspend it", "we power it off"], "us"),
        (["we power it off", "they power it on", "they power it off"], "them"),
        (["we shut it down", "they power it on", "they shut it down"], "them"),
        (["we power it off", "they power it on", "they suspend it"], "them"),
        (["we suspend it", "they power it on", "they suspend it"], "them"),
        (["we suspend it", "they power it off"], "them"),
        (["they power it off", "they power it on", "we suspend it"], "us"),
        (["we power it off", "they power it on", "we power it off"], "us"),
        (["we power it off", "they power it on"], "nobody"),
        (["we suspend it", "they power it on"], "nobody"),
        (["we power it off", "we power it on"], "nobody"),
        (["we power it off", "we power it on", "they power it off"], "them"),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, list) else "",
)
def test_a_vm_was_stopped_by_us_only_where_nobody_has_powered_it_on_since(
    vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients, story: list[str], by: str
) -> None:
    client = clients.open(vcsim)
    begin = since()
    for step in story:
        do(step, client, govc, refs[0])
    expected = {"us": {refs[0]: client.user}, "them": {refs[0]: WITNESS_USER}, "nobody": {}}[by]
    assert client.who_stopped(refs[:1], begin) == expected
