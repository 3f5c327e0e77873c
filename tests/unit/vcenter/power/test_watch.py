# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a watch reads news and bears outages. The news are scripted here; the integration tests have real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from pyVmomi import vim as pyvmomi_vim

from vsphere_preemption.core.errors import VCenterPermissionDenied, VCenterUnreachable
from vsphere_preemption.core.inventory import ManagedObject, PowerState
from vsphere_preemption.vcenter.power import watch as watching
from vsphere_preemption.vcenter.power.updates import News
from vsphere_preemption.vcenter.power.watch import FILTER_OBJECTS, PowerWatch
from vsphere_preemption.vcenter.transport.soap_codec import Fault

from ..conftest import FakeClock

vim: Any = pyvmomi_vim
ENDED = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
ON, OFF = {"runtime.powerState": "poweredOn"}, {"runtime.powerState": "poweredOff"}
NOTHING = News()


def vm(number: int) -> ManagedObject:
    return ManagedObject("VirtualMachine", f"vm-{number}")


def task(number: int) -> ManagedObject:
    return ManagedObject("Task", f"task-{number}")


def unreachable() -> VCenterUnreachable:
    return VCenterUnreachable("Cannot watch", why="vCenter is down", next_step="Try again.")


@dataclass
class Script:
    """What vCenter says next; nothing new when it is over. Waiting moves the clock. filters: what was subscribed to."""

    clock: FakeClock
    lines: list[News | Exception] = field(default_factory=list)
    filters: list[frozenset[ManagedObject]] = field(default_factory=list)
    polled: list[Sequence[ManagedObject]] = field(default_factory=list)
    closed: int = 0

    def open(self, soap: object, refs: Iterable[ManagedObject], paths: object) -> Script:
        self.filters.append(frozenset(refs))
        return self

    def news(self, seconds: int) -> News:
        line = self.lines.pop(0) if self.lines else NOTHING
        if isinstance(line, Exception):
            raise line
        if not line:
            self.clock.pass_by(seconds)
        return line

    def poll(self, refs: Sequence[ManagedObject], paths: object) -> News:
        if not refs:
            return NOTHING
        self.polled.append(refs)
        return self.news(0)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def script(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Script:
    script = Script(clock)
    monkeypatch.setattr(watching, "FilterUpdates", script)
    monkeypatch.setattr(watching, "PolledUpdates", lambda soap: _Poller(script.poll))
    return script


@dataclass
class _Poller:
    news: Callable[[Sequence[ManagedObject], object], News]


def a_watch(
    script: Script, machines: Sequence[ManagedObject], until: PowerState = PowerState.OFF, /, **tasks: ManagedObject
) -> PowerWatch:
    by_vm = {ManagedObject("VirtualMachine", name.replace("_", "-")): entry for name, entry in tasks.items()}
    soap: Any = None
    clock = script.clock
    return PowerWatch(soap, machines, by_vm, call_seconds=30, until=until, clock=clock, pause=clock.pass_by)


def test_a_vm_that_is_off_is_told_once(script: Script) -> None:
    script.lines = [News({vm(1): OFF, vm(2): ON}), News({vm(1): OFF, vm(2): OFF})]
    watch = a_watch(script, [vm(1), vm(2)])
    assert watch.wait(5).off == {vm(1): None}
    assert watch.wait(5).off == {vm(2): None}
    assert not watch.wait(5)


def test_a_task_that_succeeded_is_enough_even_where_the_vm_is_on_again(script: Script) -> None:
    script.lines = [News({vm(1): ON, task(1): {"info.state": "success", "info.completeTime": ENDED}})]
    assert a_watch(script, [vm(1)], vm_1=task(1)).wait(5).off == {vm(1): ENDED}


@pytest.mark.parametrize("until", [PowerState.ON, PowerState.SUSPENDED])
def test_another_power_state_may_be_waited_for(script: Script, until: PowerState) -> None:
    script.lines = [News({vm(1): OFF, vm(2): OFF}), News({vm(1): {"runtime.powerState": str(until)}})]
    watch = a_watch(script, [vm(1), vm(2)], until)
    assert watch.wait(5).off == {vm(1): None}
    assert not watch.wait(5)


def test_a_vm_that_is_off_is_not_suspended_and_why_is_told(script: Script) -> None:
    failed = {"info.state": "error", "info.error": Fault("InvalidPowerState", "")}
    script.lines = [News({vm(1): OFF, task(1): failed})]
    changes = a_watch(script, [vm(1)], PowerState.SUSPENDED, vm_1=task(1)).wait(5)
    assert (changes.off, changes.failed) == ({}, {vm(1): "InvalidPowerState"})


def test_values_that_come_in_parts_are_put_together(script: Script) -> None:
    script.lines = [
        News({vm(1): ON, task(1): {"info.completeTime": ENDED}}),
        News({task(1): {"info.state": "success"}}),
    ]
    assert a_watch(script, [vm(1)], vm_1=task(1)).wait(5).off == {vm(1): ENDED}


def test_a_failed_task_is_told_once_with_its_fault_and_the_vm_stays_watched(script: Script) -> None:
    fault = Fault("TaskInProgress", "The VM is busy.")
    script.lines = [News({vm(1): ON, task(1): {"info.state": "error", "info.error": fault}}), News({vm(1): OFF})]
    watch = a_watch(script, [vm(1)], vm_1=task(1))
    assert watch.wait(5).failed == {vm(1): "TaskInProgress (The VM is busy)"}
    changes = watch.wait(5)
    assert (changes.off, changes.failed) == ({vm(1): None}, {})


def test_a_vm_that_is_off_did_not_fail(script: Script) -> None:
    script.lines = [News({vm(1): OFF, task(1): {"info.state": "error"}})]
    changes = a_watch(script, [vm(1)], vm_1=task(1)).wait(5)
    assert (list(changes.off), changes.failed) == ([vm(1)], {})


def test_a_deleted_vm_is_gone_and_a_forgotten_task_is_no_news(script: Script) -> None:
    script.lines = [News({vm(2): ON}, frozenset({vm(1), task(2)})), News({vm(2): OFF})]
    watch = a_watch(script, [vm(1), vm(2)], vm_2=task(2))
    assert watch.wait(5).gone == {vm(1)}
    assert list(watch.wait(5).off) == [vm(2)]


def test_without_news_the_wait_ends_in_time(script: Script) -> None:
    assert not a_watch(script, [vm(1)]).wait(7.3)
    assert 1007.2 < script.clock.now < 1007.9


def test_an_outage_is_waited_out_with_a_new_subscription(script: Script) -> None:
    script.lines = [News({vm(1): ON}), unreachable(), unreachable(), News({vm(1): OFF})]
    assert list(a_watch(script, [vm(1)]).wait(5).off) == [vm(1)]
    assert len(script.filters) == 3


def test_an_outage_that_lasts_longer_than_two_calls_may_is_an_error(script: Script) -> None:
    script.lines = [News({vm(1): ON}), *(unreachable() for call in range(1000))]
    watch = a_watch(script, [vm(1)])
    with pytest.raises(VCenterUnreachable):
        watch.wait(300)
    assert 1060 < script.clock.now < 1062


def test_a_refusal_is_an_error_at_once(script: Script) -> None:
    script.lines = [VCenterPermissionDenied("Cannot watch", why="no privilege", next_step="Grant it.")]
    with pytest.raises(VCenterPermissionDenied):
        a_watch(script, [vm(1)]).wait(300)


def test_news_that_come_close_together_are_gathered(script: Script) -> None:
    script.lines = [News({vm(1): OFF}), News({vm(2): OFF})]
    watch = a_watch(script, [vm(number) for number in range(1, 31)])
    watch.wait(5)
    before = script.clock.now
    watch.wait(5)
    assert 0.02 < script.clock.now - before < 0.05


def test_news_of_a_few_vms_are_told_at_once(script: Script) -> None:
    script.lines = [News({vm(1): OFF}), News({vm(2): OFF})]
    watch = a_watch(script, [vm(1), vm(2)])
    watch.wait(5)
    before = script.clock.now
    watch.wait(5)
    assert script.clock.now == before


def test_a_power_state_does_not_tell_for_a_task_that_is_still_running(script: Script) -> None:
    """Somebody else may have stopped the VM; only the task says whether it was us."""
    script.lines = [
        News({vm(1): OFF, task(1): {"info.state": "running"}}),
        News({task(1): {"info.state": "success", "info.completeTime": ENDED}}),
    ]
    assert a_watch(script, [vm(1)], vm_1=task(1)).wait(5).off == {vm(1): ENDED}


def test_a_poll_asks_for_the_tasks_of_the_vms_that_are_off(script: Script) -> None:
    machines = [vm(number) for number in range(FILTER_OBJECTS)]
    tasks = {f"vm_{number}": task(number) for number in range(FILTER_OBJECTS)}
    done = {task(7): {"info.state": "success", "info.completeTime": ENDED}}
    script.lines = [News({ref: OFF if ref == vm(7) else ON for ref in machines}), News(done)]
    assert a_watch(script, machines, **tasks).wait(5).off == {vm(7): ENDED}
    assert script.polled == [machines, [task(7)]]


def test_many_vms_are_polled_and_the_last_ones_watched(script: Script) -> None:
    machines = [vm(number) for number in range(FILTER_OBJECTS + 1)]
    first, rest = machines[:2], machines[2:]
    script.lines = [News(dict.fromkeys(first, OFF)), News(dict.fromkeys(rest, OFF))]
    watch = a_watch(script, machines)
    assert set(watch.wait(5).off) == set(first)
    assert script.polled == [machines]
    assert set(watch.wait(5).off) == set(rest)
    assert script.filters == [frozenset(rest)]


def test_the_subscription_is_ended(script: Script) -> None:
    with a_watch(script, [vm(1)]) as watch:
        watch.wait(1)
    assert script.closed == 1
