# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A vCenter in memory whose VMs were preempted an hour ago, and one attempt to give them back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from vsphere_preemption.core import times
from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.inventory import Area, ManagedObject, PowerChanges, PowerState, Usage
from vsphere_preemption.core.policy.model import Place, Restore
from vsphere_preemption.core.reasons import VictimReason
from vsphere_preemption.core.restore.record import RestoreCandidate, VmRestoreOutcome
from vsphere_preemption.core.sending import Confirm
from vsphere_preemption_worker.activities.restore.batch import Batch, RestoreContext
from vsphere_preemption_worker.activities.support.claims import Claims
from vsphere_preemption_worker.messages.restore import GiveBackInput

from .fake_vcenter import START, US, FakeClock, FakeGate, FakeVCenter, vm

HOST = ManagedObject("HostSystem", "host-1")
ALARM = AlarmEvent(name="memory", compute_resource=ManagedObject("ClusterComputeResource", "domain-c1"))
STOPPED = START - timedelta(hours=1)
EVENT = {"specversion": "1.0", "id": "e1", "source": "test", "type": "T"}


class RestoringVCenter(FakeVCenter):
    """VMs that we preempted an hour ago, each with 1,000 MiB on one host."""

    def __init__(self, clock: FakeClock, *numbers: int) -> None:
        super().__init__(clock, *numbers)
        self.started_by: dict[ManagedObject, str] = {}
        self.host_usage = Usage(10_000, 1_000, 100, 10)
        self.colour = "green"
        self.failing_tasks: dict[ManagedObject, str] = {}
        self.slow = False
        for number in numbers:
            self.machines[vm(number)] = replace(self.machines[vm(number)], mark=a_mark(), host=HOST)
            self.switch_off(vm(number), US)

    def power_on(self, ref: ManagedObject, confirm: Confirm) -> ManagedObject:
        self._call("power_on", ref, confirm)
        if ref not in self.failing_tasks and not self.slow:
            self.switch_on(ref, US)
        self._answer("power_on", ref)
        return ManagedObject("Task", f"task-{ref.value}")

    def switch_on(self, ref: ManagedObject, user: str) -> None:
        self.machines[ref] = replace(self.machines[ref], power_state=PowerState.ON)
        self.started_by[ref] = user
        self.stopped_by.pop(ref, None)

    def who_started(self, machines: Iterable[ManagedObject], since: datetime) -> Mapping[ManagedObject, str]:
        return {ref: self.started_by[ref] for ref in machines if ref in self.started_by}

    def resolve(self, places: Sequence[Place]) -> Area:
        return Area()

    def usage(self, hosts: Iterable[ManagedObject] | None) -> Usage:
        return self.host_usage

    def alarm_colour(self, entity: ManagedObject, alarm: ManagedObject | None = None, name: str = "") -> str:
        return self.colour

    def watch(  # type: ignore[override]
        self, *, machines: Iterable[ManagedObject], tasks: Mapping[ManagedObject, ManagedObject], until: PowerState
    ) -> OnWatch:
        assert until is PowerState.ON
        return OnWatch(self, list(machines))

    def phase(self, number: int) -> str:
        return str(json.loads(self.machines[vm(number)].mark or "{}")["phase"])


@dataclass
class OnWatch:
    """Tells who is on, gone, or whose task failed; where nothing is new, the clock moves on."""

    vcenter: RestoringVCenter
    waiting: list[ManagedObject]

    def __enter__(self) -> OnWatch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        return None

    def wait(self, seconds: float) -> PowerChanges:
        seen = self.vcenter.machines
        on = [ref for ref in self.waiting if ref in seen and seen[ref].power_state is PowerState.ON]
        gone = [ref for ref in self.waiting if ref not in seen]
        failed = {ref: text for ref, text in self.vcenter.failing_tasks.items() if ref in self.waiting}
        self.waiting = [ref for ref in self.waiting if ref not in (*on, *gone, *failed)]
        if not on and not gone and not failed:
            self.vcenter.clock.pass_by(seconds)
        return PowerChanges({ref: self.vcenter.clock.now() for ref in on}, frozenset(gone), failed)


def a_mark(**changes: Any) -> str:
    mark = {"preempted": True, "event": EVENT, "phase": "preempted", "runID": "r1", "time": times.to_wire(STOPPED)}
    return json.dumps({**mark, "method": "hard", "reason": "", **changes})


@dataclass
class Attempt:
    """One attempt of the activity, without Temporal."""

    vcenter: RestoringVCenter
    alarm: AlarmEvent | None = None
    again: bool = False
    paused: Callable[[], bool] = lambda: False
    claims: Claims = field(default_factory=Claims)
    settings: Restore = field(default_factory=Restore)
    ending: str = ""

    def run(self) -> dict[int, tuple[str, str]]:
        """Outcome and reason of each VM by its number."""
        returns = [
            RestoreCandidate(ref, machine.name, "r1", times.to_wire(STOPPED), memory_mib=1000)
            for ref, machine in self.vcenter.machines.items()
        ]
        wire = [back.as_wire() for back in returns]
        order = GiveBackInput("wf/restore/1", "preemptible", "drill", wire, self.settings, self.alarm, heeds_pause=True)
        clock = self.vcenter.clock
        gate = FakeGate(lambda: VictimReason.PAUSED if self.paused() else None)
        context = RestoreContext(now=clock.now, gate=gate, again=self.again, clock=clock, pause=clock.pass_by)
        with ThreadPoolExecutor(1) as threads:
            result = Batch(self.vcenter, order, self.claims, threads, context).give_back()
        self.ending = result.ending
        self.machines: list[VmRestoreOutcome] = result.machines
        return {int(m.vm.value[3:]): (m.outcome.value, m.reason.value) for m in result.machines}
