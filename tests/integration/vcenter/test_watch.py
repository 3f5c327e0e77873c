# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until VMs are off, all of them with one subscription."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from support.govc import Govc
from support.vcenter_faults import Cut, Hang, Swallow
from support.vcenter_proxy import VCenterProxy
from support.vcsim import WORKER_USER, Model, VCSim
from support.waiting import wait_until
from vsphere_preemption.core.errors import VCenterUnreachable
from vsphere_preemption.core.inventory import ManagedObject, PowerChanges
from vsphere_preemption.vcenter.client import VCenter
from vsphere_preemption.vcenter.power.watch import PowerWatch

from .conftest import TAGGED, Clients

Refs = list[ManagedObject]
TASK_SECONDS = 0.5


@pytest.fixture
def vcsim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCSim]:
    """A vCenter whose power-off tasks take half a second."""
    model = Model(clusters=2, hosts=2, machines=5)
    vcsim = VCSim(tmp_path_factory.mktemp("vcsim"), model=model, delays_ms={"PowerOff": 500}).start()
    yield vcsim
    vcsim.stop()


def all_changes(watch: PowerWatch, seconds: float = 10) -> PowerChanges:
    """Everything that a watch tells until it has nothing left to tell."""
    off: dict[ManagedObject, datetime | None] = {}
    gone: frozenset[ManagedObject] = frozenset()
    failed: dict[ManagedObject, str] = {}
    deadline = time.monotonic() + seconds
    while changes := watch.wait(max(0.0, deadline - time.monotonic())):
        off |= changes.off
        gone |= changes.gone
        failed |= changes.failed
    return PowerChanges(off, gone, failed)


def power_off(client: VCenter, refs: Sequence[ManagedObject]) -> dict[ManagedObject, ManagedObject]:
    return {ref: client.power_off(ref) for ref in refs}


def later(action: Callable[[], object], seconds: float = 0.2) -> None:
    threading.Timer(seconds, action).start()


def test_tasks_are_followed_to_their_end(vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcsim)
    began = datetime.now(UTC)
    with client.watch(machines=refs, tasks=power_off(client, refs)) as watch:
        assert not watch.wait(0)
        changes = all_changes(watch)
    assert set(changes.off) == set(refs)
    ends = [moment for moment in changes.off.values() if moment is not None]
    assert all(timedelta(seconds=TASK_SECONDS) <= end - began < timedelta(seconds=5) for end in ends)
    assert not set(TAGGED) & govc.powered_on()


def test_a_watch_takes_few_calls(vcsim: VCSim, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcsim)
    tasks = power_off(client, refs)
    clients.calls()
    with client.watch(machines=refs, tasks=tasks) as watch:
        all_changes(watch)
    calls: list[str] = []

    def so_far() -> list[str]:
        calls.extend(clients.calls())
        return calls

    # It is ended in the background.
    wait_until(so_far, 5, "the end of the subscription", until=lambda seen: "DestroyPropertyCollector" in seen)
    assert calls.count("WaitForUpdatesEx") <= 4
    others = sorted(call for call in calls if call != "WaitForUpdatesEx")
    assert others == ["CreateFilter", "CreatePropertyCollector", "DestroyPropertyCollector"]


def test_news_come_as_soon_as_vcenter_has_them(vcsim: VCSim, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcsim)
    with client.watch(machines=refs, tasks={}) as watch:
        watch.wait(0)
        later(lambda: client.shut_down_guest(refs[1]), 0.3)
        began = time.monotonic()
        assert watch.wait(1.0).off == {refs[1]: None}
        assert time.monotonic() - began < 0.95


def test_a_guest_that_ignores_us_is_no_news(vcenter_proxy: VCenterProxy, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcenter_proxy)
    vcenter_proxy.on("ShutdownGuest", Swallow())
    client.shut_down_guest(refs[0])
    began = time.monotonic()
    with client.watch(machines=refs, tasks={}) as watch:
        assert not watch.wait(1.2)
    assert 1.2 <= time.monotonic() - began < 10


def test_a_vm_that_was_off_before_is_told_at_once(vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients) -> None:
    govc.power("off", TAGGED[2])
    with clients.open(vcsim).watch(machines=refs, tasks={}) as watch:
        assert set(watch.wait(10).off) == {refs[2]}


def test_a_task_that_fails_is_told_with_its_fault(vcsim: VCSim, refs: Refs, clients: Clients) -> None:
    """The power-off of a VM that is off already fails; it is on again when that is told."""
    client = clients.open(vcsim)
    client.power_off(refs[0])
    with client.watch(machines=refs[:1], tasks={}) as watch:
        all_changes(watch)
    second = client.power_off(refs[0])
    with client.watch(machines=refs[:1], tasks={refs[0]: second}) as watch:
        assert watch.wait(10).off == {refs[0]: None}
    with contextlib.closing(vcsim.witness()) as witness:
        witness.power_on([refs[0].value])
    with client.watch(machines=refs[:1], tasks={refs[0]: second}) as watch:
        assert watch.wait(10).failed[refs[0]].startswith("InvalidPowerState")


def test_a_deleted_vm_is_gone(vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients) -> None:
    govc.destroy(TAGGED[0])
    with clients.open(vcsim).watch(machines=refs, tasks={}) as watch:
        assert watch.wait(10).gone == {refs[0]}


def test_a_vm_that_is_deleted_during_the_watch_ends_as_off_or_gone(
    vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients
) -> None:
    """vcsim breaks the connection of a watch now and then when a VM in it is deleted."""
    client = clients.open(vcsim)
    with client.watch(machines=refs, tasks={}) as watch:
        watch.wait(0)
        govc.destroy(TAGGED[0])
        changes = watch.wait(10)
        assert {*changes.off, *changes.gone} == {refs[0]}
        client.shut_down_guest(refs[1])
        assert set(watch.wait(10).off) == {refs[1]}


def test_a_forgotten_task_does_not_matter(vcsim: VCSim, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcsim)
    with client.watch(machines=refs[:1], tasks={refs[0]: ManagedObject("Task", "task-4711")}) as watch:
        assert not watch.wait(0)
        client.shut_down_guest(refs[0])
        assert set(watch.wait(10).off) == {refs[0]}


def test_a_lost_session_is_no_end_of_the_watch(vcsim: VCSim, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcsim)

    def end_session_and_stop() -> None:
        with contextlib.closing(vcsim.witness()) as witness:
            witness.end_sessions(WORKER_USER)
            witness.vm(refs[0].value).PowerOffVM_Task()

    with client.watch(machines=refs, tasks={}) as watch:
        watch.wait(0)
        later(end_session_and_stop)
        assert set(watch.wait(10).off) == {refs[0]}


def test_a_restart_of_vcenter_is_no_end_of_the_watch(vcenter_proxy: VCenterProxy, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcenter_proxy)
    with client.watch(machines=refs, tasks=power_off(client, refs)) as watch:
        watch.wait(0)
        vcenter_proxy.restart_vcenter(down_seconds=1, end_sessions_of=WORKER_USER)
        assert set(all_changes(watch).off) == set(refs)


def test_a_vcenter_that_stays_away_is_unreachable(vcenter_proxy: VCenterProxy, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcenter_proxy, call_seconds=1)
    with client.watch(machines=refs, tasks={}) as watch:
        watch.wait(0)
        vcenter_proxy.close()
        with pytest.raises(VCenterUnreachable):
            watch.wait(10)


def test_lost_and_late_answers_are_asked_for_again(vcenter_proxy: VCenterProxy, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcenter_proxy, call_seconds=1)
    tasks = power_off(client, refs)
    vcenter_proxy.on("WaitForUpdatesEx", Cut(after_forwarding=True), skip=1)
    vcenter_proxy.on("WaitForUpdatesEx", Hang(1.5), skip=1)
    with client.watch(machines=refs, tasks=tasks) as watch:
        assert set(all_changes(watch).off) == set(refs)


@pytest.mark.parametrize(
    "filter_objects", [pytest.param(60, id="polled"), pytest.param(1000, id="in pages of a filter")]
)
def test_many_vms_are_followed_with_few_calls(
    tmp_path_factory: pytest.TempPathFactory, clients: Clients, monkeypatch: pytest.MonkeyPatch, filter_objects: int
) -> None:
    monkeypatch.setattr("vsphere_preemption.vcenter.power.watch.FILTER_OBJECTS", filter_objects)
    model = Model(clusters=1, machines=100)
    vcsim = VCSim(tmp_path_factory.mktemp("many"), model=model, delays_ms={"PowerOff": 500}).start()
    try:
        client = clients.open(vcsim)
        refs = [ManagedObject("VirtualMachine", machine.ref) for machine in vcsim.govc().machines().values()]
        tasks = power_off(client, refs)
        clients.calls()
        with client.watch(machines=refs, tasks=tasks) as watch:
            changes = all_changes(watch)
        assert None not in changes.off.values()
        assert (len(changes.off), changes.gone, changes.failed) == (100, frozenset(), {})
        assert len(clients.calls()) < 25
    finally:
        vcsim.stop()
