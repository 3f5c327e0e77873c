# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The restore of one batch of VMs: re-check, check the capacity, power on, wait, mark.

A later attempt may carry it out again. It finds in vCenter what an earlier attempt did, so it does not power on a VM
that someone else has changed since, and it recognises every VM that we have powered on.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from vsphere_preemption.core import times
from vsphere_preemption.core.bounded import bounded, short
from vsphere_preemption.core.errors import PreemptionError, VCenterObjectGone
from vsphere_preemption.core.inventory import Area, ManagedObject, PowerChanges, PowerState, VirtualMachine
from vsphere_preemption.core.mark import MarkFound, MarkPhase, read_mark, restored
from vsphere_preemption.core.policy.model import Place
from vsphere_preemption.core.restore.candidates import (
    RestoreLimits,
    Room,
    why_not_restored,
    why_not_stopped_by_us,
    without_room,
)
from vsphere_preemption.core.restore.record import (
    NotRestored,
    RestoreCandidate,
    RestoreReason,
    VmRestoreOutcome,
    VmRestoreStatus,
)
from vsphere_preemption.core.sending import Confirm

from ...messages.restore import GiveBackInput, GiveBackResult
from ..pressure import GREEN, Gauges, alarm_colour
from ..stop.gate import Gate, GateClosed, pass_through
from ..support.claims import Claims
from ..support.context import ActivityContext, any_fault, may_pass
from ..support.vcenter import PowerClient

# One attempt of an activity may take five minutes.
TASK_SECONDS = 180.0
LONGEST_WAIT = 1.0

log = logging.getLogger(__name__)

Machines = Mapping[ManagedObject, VirtualMachine]
Users = Mapping[ManagedObject, str]


class RestoreClient(PowerClient, Gauges, Protocol):
    """The part of the vCenter client that a restore needs."""

    def resolve(self, places: Sequence[Place]) -> Area: ...

    def power_on(self, vm: ManagedObject, confirm: Confirm) -> ManagedObject: ...

    def who_stopped(self, machines: Iterable[ManagedObject], since: datetime) -> Users: ...

    def who_started(self, machines: Iterable[ManagedObject], since: datetime) -> Users: ...


@dataclass(frozen=True, kw_only=True)
class RestoreContext(ActivityContext):
    """The dependencies of a batch.

    gate: checked before each power-on. reach_back: how long before a mark's time the stop of its VM may have been
    requested. again: not the first attempt.
    """

    gate: Gate
    reach_back: timedelta = timedelta(hours=2)
    lease_seconds: float = 180.0
    again: bool = False


class Batch:
    """Restores the VMs of one batch."""

    def __init__(
        self, vcenter: RestoreClient, input: GiveBackInput, claims: Claims, threads: Executor, context: RestoreContext
    ) -> None:
        self._vcenter = vcenter
        self._input = input
        self._claims = claims
        self._threads = threads
        self._context = context
        self._since = min(times.from_wire(candidate.preempted) for candidate in input.returns) - context.reach_back
        self._marks: dict[ManagedObject, str | None] = {}

    def give_back(self) -> GiveBackResult:
        """The outcome of each VM. Raises if vCenter or Temporal, which holds the kill switch, is unreachable."""
        vms = [candidate.vm for candidate in self._input.returns]
        # Claim before reading: else another restore could power on a VM in between, and both would report it.
        ours = {vm for vm in vms if self._claims.take(vm, self._input.restore_id)}
        machines = self._vcenter.recheck(self._input.tag, vms, labels=False)
        self._marks = {vm: machine.mark for vm, machine in machines.items()}
        ended = self._known(machines, ours)
        left = [candidate for candidate in self._input.returns if candidate.vm not in ended]
        ending, message = RestoreReason.NONE, ""
        if left:
            room = self._room(left, machines)
            ending, message = self._why_not(room)
            refused = without_room(left, {candidate.vm: machines[candidate.vm].host for candidate in left}, room)
            ended |= self._keep(left, ending, message) if ending else self._power_on(left, refused)
            paused = next((end for end in ended.values() if end.reason is NotRestored.PAUSED), None)
            if paused:
                ending, message = RestoreReason.PAUSED, paused.message
        outcomes = list(self._threads.map(self._settle, (ended[candidate.vm] for candidate in self._input.returns)))
        for outcome in outcomes:
            _log_outcome(self._input.restore_id, outcome)
        return GiveBackResult(bounded([outcome.as_wire() for outcome in outcomes]), ending.value, short(message))

    def _known(self, machines: Machines, ours: Collection[ManagedObject]) -> dict[ManagedObject, VmRestoreOutcome]:
        """The VMs that must not be powered on: they are already on, gone, or no longer ours to restore."""
        on = [vm for vm, machine in machines.items() if machine.power_state is PowerState.ON and vm in ours]
        starters = self._vcenter.who_started(on, self._since) if on else {}
        off = [vm for vm in machines if vm in ours and vm not in on]
        stoppers = self._vcenter.who_stopped(off, self._since) if off else {}
        verdicts = (
            self._judge(candidate, machines.get(candidate.vm), starters, stoppers)
            if candidate.vm in ours
            else VmRestoreOutcome.of(candidate, VmRestoreStatus.KEPT, NotRestored.CLAIMED)
            for candidate in self._input.returns
        )
        return {verdict.vm: verdict for verdict in verdicts if verdict}

    def _judge(
        self, candidate: RestoreCandidate, machine: VirtualMachine | None, starters: Users, stoppers: Users
    ) -> VmRestoreOutcome | None:
        """The outcome of a VM that must not be powered on; None for one that may be."""
        if machine is None:
            return VmRestoreOutcome.of(candidate, VmRestoreStatus.KEPT, NotRestored.TAG_REMOVED)
        mark = read_mark(machine.mark)
        if machine.power_state is PowerState.ON:
            return self._found_on(candidate, mark, starters.get(candidate.vm))
        limits = RestoreLimits(
            self._context.now(), 0.0, run_id=candidate.run_id, lease_seconds=self._context.lease_seconds
        )
        reason = why_not_restored(machine, limits) or why_not_stopped_by_us(
            stoppers.get(candidate.vm), self._vcenter.user
        )
        if not reason and (mark is None or mark.time != times.from_wire(candidate.preempted)):
            # The VM was restored and stopped again since the plan; a new hold time has started.
            reason = NotRestored.CHANGED
        return VmRestoreOutcome.of(candidate, VmRestoreStatus.KEPT, reason) if reason else None

    def _found_on(self, candidate: RestoreCandidate, mark: MarkFound | None, starter: str | None) -> VmRestoreOutcome:
        """Ours if vCenter reports that our account powered it on, and its mark is still that of the plan.

        The claim excludes another restore that has powered it on but not yet written the mark. If the mark says
        restored, it was written since the plan, by an earlier attempt or by another restore.
        """
        known = mark is not None and mark.run_id == candidate.run_id and starter == self._vcenter.user
        if known and mark and mark.phase is MarkPhase.PREEMPTED:
            return self._restored(candidate)
        if known and mark and mark.phase is MarkPhase.RESTORED and self._context.again:
            return self._restored(candidate, mark.time)
        return VmRestoreOutcome.of(candidate, VmRestoreStatus.KEPT, NotRestored.IS_ON)

    def _why_not(self, room: Room) -> tuple[RestoreReason, str]:
        """Why no further VM may be powered on."""
        if self._context.gate.check():
            return RestoreReason.PAUSED, self._context.gate.message()
        colour = alarm_colour(self._vcenter, self._input.alarm) if self._input.alarm else GREEN
        if colour != GREEN:
            return RestoreReason.PRESSURE, f"The alarm is {colour}."
        pressure = room.pressure()
        return (RestoreReason.PRESSURE, pressure) if pressure else (RestoreReason.NONE, "")

    def _keep(
        self, left: Sequence[RestoreCandidate], ending: RestoreReason, message: str
    ) -> dict[ManagedObject, VmRestoreOutcome]:
        return {
            candidate.vm: VmRestoreOutcome.of(candidate, VmRestoreStatus.KEPT, NotRestored(ending.value), message)
            for candidate in left
        }

    def _room(self, left: Sequence[RestoreCandidate], machines: Machines) -> Room:
        hosts = sorted({host for candidate in left if (host := machines[candidate.vm].host)})
        usages = self._threads.map(lambda host: self._vcenter.usage([host]), hosts)
        return Room(dict(zip(hosts, usages, strict=True)), self._input.settings)

    def _power_on(
        self, left: Sequence[RestoreCandidate], refused: Mapping[ManagedObject, NotRestored]
    ) -> dict[ManagedObject, VmRestoreOutcome]:
        ended: dict[ManagedObject, VmRestoreOutcome] = {}
        admitted = []
        for candidate in left:
            if candidate.vm in refused:
                ended[candidate.vm] = VmRestoreOutcome.of(candidate, VmRestoreStatus.KEPT, refused[candidate.vm])
            else:
                admitted.append(candidate)
        tasks = {}
        for candidate, step in zip(admitted, self._threads.map(self._ask, admitted), strict=True):
            if isinstance(step, VmRestoreOutcome):
                ended[candidate.vm] = step
            else:
                tasks[candidate.vm] = step
        return ended | self._follow([candidate for candidate in admitted if candidate.vm in tasks], tasks)

    def _ask(self, candidate: RestoreCandidate) -> ManagedObject | VmRestoreOutcome:
        """Request power-on until vCenter accepts it or rejects it permanently, or the VM is on."""
        last = ""
        for again in self._context.tries(may_pass):
            self._context.check_in()
            try:
                return pass_through(self._context.gate, partial(self._vcenter.power_on, candidate.vm))
            except GateClosed as closed:
                return VmRestoreOutcome.of(candidate, VmRestoreStatus.KEPT, NotRestored.PAUSED, closed.message)
            except VCenterObjectGone as error:
                return VmRestoreOutcome.of(candidate, VmRestoreStatus.KEPT, NotRestored.GONE, str(error))
            except PreemptionError as error:
                last = str(error)
                self._context.gate.forget()
                if not again(error):
                    break
            # The call may have been accepted although its response was lost.
            seen = self._look(candidate)
            if seen:
                return seen
        return VmRestoreOutcome.of(candidate, VmRestoreStatus.FAILED, NotRestored.REFUSED, last)

    def _look(self, candidate: RestoreCandidate) -> VmRestoreOutcome | None:
        """The outcome of a VM that is on or gone; None for one that is still off."""
        machine = self._vcenter.read([candidate.vm]).get(candidate.vm)
        if machine is None:
            return VmRestoreOutcome.of(candidate, VmRestoreStatus.KEPT, NotRestored.GONE)
        if machine.power_state is not PowerState.ON:
            return None
        starter = self._vcenter.who_started([candidate.vm], self._since).get(candidate.vm)
        return self._found_on(candidate, read_mark(machine.mark), starter)

    def _follow(
        self, asked: Sequence[RestoreCandidate], tasks: Mapping[ManagedObject, ManagedObject]
    ) -> dict[ManagedObject, VmRestoreOutcome]:
        """Wait up to three minutes until the VMs are on."""
        waiting = {candidate.vm: candidate for candidate in asked}
        ended: dict[ManagedObject, VmRestoreOutcome] = {}
        deadline = self._context.clock() + TASK_SECONDS
        with self._vcenter.watch(machines=list(waiting), tasks=tasks, until=PowerState.ON) as watch:
            while len(ended) < len(waiting) and (left := deadline - self._context.clock()) > 0:
                self._context.check_in()
                ended |= self._take_in(watch.wait(min(LONGEST_WAIT, left)), waiting)
        late = "The VM was not powered on within three minutes; it may still power on later."
        for vm, candidate in waiting.items():
            ended.setdefault(vm, VmRestoreOutcome.of(candidate, VmRestoreStatus.FAILED, NotRestored.TASK_TIMEOUT, late))
        return ended

    def _take_in(
        self, changes: PowerChanges, waiting: Mapping[ManagedObject, RestoreCandidate]
    ) -> dict[ManagedObject, VmRestoreOutcome]:
        ended = {}
        for vm, moment in changes.off.items():
            # If no task of ours shows that the VM was powered on, the event log does.
            ended[vm] = self._restored(waiting[vm]) if moment else self._look(waiting[vm])
        for vm in changes.gone:
            ended[vm] = VmRestoreOutcome.of(waiting[vm], VmRestoreStatus.KEPT, NotRestored.GONE)
        for vm, message in changes.failed.items():
            seen = self._look(waiting[vm])
            ended[vm] = seen or VmRestoreOutcome.of(
                waiting[vm], VmRestoreStatus.FAILED, NotRestored.TASK_FAILED, message
            )
        return {vm: outcome for vm, outcome in ended.items() if outcome}

    def _restored(self, candidate: RestoreCandidate, seen: datetime | None = None) -> VmRestoreOutcome:
        return VmRestoreOutcome.of(
            candidate, VmRestoreStatus.RESTORED, started=times.to_wire(seen or self._context.now())
        )

    def _settle(self, outcome: VmRestoreOutcome) -> VmRestoreOutcome:
        """Write to the mark of a restored VM that it was restored, unless it already has that phase."""
        text = self._marks.get(outcome.vm)
        found = read_mark(text)
        if outcome.outcome is not VmRestoreStatus.RESTORED or text is None or not found:
            return outcome
        if found.phase is MarkPhase.RESTORED:
            return outcome
        newer = restored(text, times.from_wire(outcome.started), reason=self._input.reason)
        return self._write(outcome, newer)

    def _write(self, outcome: VmRestoreOutcome, text: str) -> VmRestoreOutcome:
        last = ""
        for again in self._context.tries(any_fault):
            try:
                self._vcenter.write_mark(outcome.vm, text)
                return outcome
            except VCenterObjectGone:
                return outcome
            except PreemptionError as error:
                last = str(error)[:500]
                if not again(error):
                    break
        return replace(outcome, reason=NotRestored.MARK_FAILED, message=last)


def _log_outcome(restore_id: str, outcome: VmRestoreOutcome) -> None:
    level = logging.WARNING if outcome.outcome is VmRestoreStatus.FAILED else logging.INFO
    about = {"restore_id": restore_id, "vm": outcome.vm.value, "vm_name": outcome.name}
    ended = {"outcome": outcome.outcome.value, "reason": outcome.reason.value, "detail": outcome.message}
    log.log(level, "restore of a VM", extra={**about, **ended})
