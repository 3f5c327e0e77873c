# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The restore of one batch of VMs: re-check, check the capacity, power on, wait, mark.

A later attempt may carry it out again. It finds in vCenter what an earlier attempt did, so it does not power on a VM
that someone else has changed since, and it recognises every VM that we have powered on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from vsphere_preemption.core import times
from vsphere_preemption.core.errors import PreemptionError, VCenterFault, VCenterObjectGone
from vsphere_preemption.core.inventory import Area, ManagedObject, PowerState, VirtualMachine
from vsphere_preemption.core.mark import MarkFound, MarkPhase, read_mark, restored
from vsphere_preemption.core.policy.model import Place
from vsphere_preemption.core.restore.candidates import RestoreLimits, Room, admit, whose, why_kept
from vsphere_preemption.core.restore.record import Kept, RestoreReason, Return, Returned, ReturnEnd

from ...messages.restore import GiveBackInput, GiveBackResult
from ..pressure import GREEN, Gauges, alarm_colour
from ..stop.pipeline import OUTAGE, PAUSES
from ..support.claims import Claims
from ..support.vcenter import PowerChanges, PowerClient

# One attempt of an activity may take five minutes.
TASK_SECONDS = 180.0
LONGEST_WAIT = 1.0

log = logging.getLogger(__name__)

Machines = Mapping[ManagedObject, VirtualMachine]
Users = Mapping[ManagedObject, str]


class RestoreClient(PowerClient, Gauges, Protocol):
    """The part of the vCenter client that a restore needs."""

    def resolve(self, places: Sequence[Place]) -> Area: ...

    def power_on(self, vm: ManagedObject) -> ManagedObject: ...

    def who_started(self, machines: Iterable[ManagedObject], since: datetime) -> Users: ...


@dataclass(frozen=True)
class Around:
    """The dependencies of a batch, which tests can replace.

    reach_back: how long before a mark's time the stop of its VM may have been requested. again: not the first attempt.
    """

    now: Callable[[], datetime]
    check_in: Callable[[], None] = lambda: None
    reach_back: timedelta = timedelta(hours=2)
    lease_seconds: float = 180.0
    again: bool = False
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep


class Batch:
    """Restores the VMs of one batch."""

    def __init__(
        self, vcenter: RestoreClient, order: GiveBackInput, claims: Claims, threads: Executor, around: Around
    ) -> None:
        self._vcenter = vcenter
        self._order = order
        self._claims = claims
        self._threads = threads
        self._around = around
        self._since = min(times.from_wire(back.preempted) for back in order.returns) - around.reach_back
        self._marks: dict[ManagedObject, str | None] = {}

    def give_back(self, paused: str = "") -> GiveBackResult:
        """The outcome of each VM; raises if vCenter is unreachable. paused: who paused preemption, if that matters."""
        vms = [back.vm for back in self._order.returns]
        # Claim before reading: else another restore could power on a VM in between, and both would report it.
        ours = {vm for vm in vms if self._claims.take(vm, self._order.restore_id)}
        machines = self._vcenter.recheck(self._order.tag, vms, labels=False)
        self._marks = {vm: machine.mark for vm, machine in machines.items()}
        ended = self._known(machines, ours)
        left = [back for back in self._order.returns if back.vm not in ended]
        ending, message = RestoreReason.NONE, ""
        if left:
            room = self._room(left, machines)
            ending, message = self._why_not(paused, room)
            refused = admit(left, {back.vm: machines[back.vm].host for back in left}, room)
            ended |= self._keep(left, ending, message) if ending else self._power_on(left, refused)
        outcomes = list(self._threads.map(self._settle, (ended[back.vm] for back in self._order.returns)))
        for outcome in outcomes:
            _log_outcome(self._order.restore_id, outcome)
        return GiveBackResult([outcome.as_wire() for outcome in outcomes], ending.value, message)

    def _known(self, machines: Machines, ours: Collection[ManagedObject]) -> dict[ManagedObject, Returned]:
        """The VMs that must not be powered on: they are already on, gone, or no longer ours to restore."""
        on = [vm for vm, machine in machines.items() if machine.power_state is PowerState.ON and vm in ours]
        starters = self._vcenter.who_started(on, self._since) if on else {}
        off = [vm for vm in machines if vm in ours and vm not in on]
        stoppers = self._vcenter.who_stopped(off, self._since) if off else {}
        verdicts = (
            self._judge(back, machines.get(back.vm), starters, stoppers)
            if back.vm in ours
            else Returned.of(back, ReturnEnd.KEPT, Kept.CLAIMED)
            for back in self._order.returns
        )
        return {verdict.vm: verdict for verdict in verdicts if verdict}

    def _judge(self, back: Return, machine: VirtualMachine | None, starters: Users, stoppers: Users) -> Returned | None:
        """The outcome of a VM that must not be powered on; None for one that may be."""
        if machine is None:
            return Returned.of(back, ReturnEnd.KEPT, Kept.TAG_REMOVED)
        mark = read_mark(machine.mark)
        if machine.power_state is PowerState.ON:
            return self._found_on(back, mark, starters.get(back.vm))
        limits = RestoreLimits(self._around.now(), 0.0, run_id=back.run_id, lease_seconds=self._around.lease_seconds)
        reason = why_kept(machine, limits) or whose(stoppers.get(back.vm), self._vcenter.user)
        if not reason and (mark is None or mark.time != times.from_wire(back.preempted)):
            # The VM was restored and stopped again since the plan; a new hold time has started.
            reason = Kept.CHANGED
        return Returned.of(back, ReturnEnd.KEPT, reason) if reason else None

    def _found_on(self, back: Return, mark: MarkFound | None, starter: str | None) -> Returned:
        """Ours if vCenter reports that our account powered it on, and its mark is still that of the plan.

        The claim excludes another restore that has powered it on but not yet written the mark. If the mark says
        restored, it was written since the plan, by an earlier attempt or by another restore.
        """
        known = mark is not None and mark.run_id == back.run_id and starter == self._vcenter.user
        if known and mark and mark.phase is MarkPhase.PREEMPTED:
            return self._restored(back)
        if known and mark and mark.phase is MarkPhase.RESTORED and self._around.again:
            return self._restored(back, mark.time)
        return Returned.of(back, ReturnEnd.KEPT, Kept.IS_ON)

    def _why_not(self, paused: str, room: Room) -> tuple[RestoreReason, str]:
        """Why no further VM may be powered on."""
        if paused:
            return RestoreReason.PAUSED, paused
        colour = alarm_colour(self._vcenter, self._order.alarm) if self._order.alarm else GREEN
        if colour != GREEN:
            return RestoreReason.PRESSURE, f"The alarm is {colour}."
        pressure = room.pressure()
        return (RestoreReason.PRESSURE, pressure) if pressure else (RestoreReason.NONE, "")

    def _keep(self, left: Sequence[Return], ending: RestoreReason, message: str) -> dict[ManagedObject, Returned]:
        return {back.vm: Returned.of(back, ReturnEnd.KEPT, Kept(ending.value), message) for back in left}

    def _room(self, left: Sequence[Return], machines: Machines) -> Room:
        hosts = sorted({host for back in left if (host := machines[back.vm].host)})
        usages = self._threads.map(lambda host: self._vcenter.usage([host]), hosts)
        return Room(dict(zip(hosts, usages, strict=True)), self._order.settings)

    def _power_on(self, left: Sequence[Return], refused: Mapping[ManagedObject, Kept]) -> dict[ManagedObject, Returned]:
        ended: dict[ManagedObject, Returned] = {}
        admitted = []
        for back in left:
            if back.vm in refused:
                ended[back.vm] = Returned.of(back, ReturnEnd.KEPT, refused[back.vm])
            else:
                admitted.append(back)
        tasks = {}
        for back, step in zip(admitted, self._threads.map(self._ask, admitted), strict=True):
            if isinstance(step, Returned):
                ended[back.vm] = step
            else:
                tasks[back.vm] = step
        return ended | self._follow([back for back in admitted if back.vm in tasks], tasks)

    def _ask(self, back: Return) -> ManagedObject | Returned:
        """Request power-on until vCenter accepts it or rejects it permanently, or the VM is on."""
        last: PreemptionError | None = None
        for pause in (*PAUSES, None):
            self._around.check_in()
            try:
                return self._vcenter.power_on(back.vm)
            except VCenterObjectGone as error:
                return Returned.of(back, ReturnEnd.KEPT, Kept.GONE, str(error))
            except PreemptionError as error:
                last = error
                if pause is None and isinstance(error, OUTAGE):
                    raise
                if not error.retryable and not _already_on(error):
                    break
            self._around.pause(pause or 0)
            # The call may have been accepted although its response was lost.
            seen = self._look(back)
            if seen:
                return seen
        return Returned.of(back, ReturnEnd.FAILED, Kept.REFUSED, str(last))

    def _look(self, back: Return) -> Returned | None:
        """The outcome of a VM that is on or gone; None for one that is still off."""
        machine = self._vcenter.read([back.vm]).get(back.vm)
        if machine is None:
            return Returned.of(back, ReturnEnd.KEPT, Kept.GONE)
        if machine.power_state is not PowerState.ON:
            return None
        starter = self._vcenter.who_started([back.vm], self._since).get(back.vm)
        return self._found_on(back, read_mark(machine.mark), starter)

    def _follow(
        self, asked: Sequence[Return], tasks: Mapping[ManagedObject, ManagedObject]
    ) -> dict[ManagedObject, Returned]:
        """Wait up to three minutes until the VMs are on."""
        waiting = {back.vm: back for back in asked}
        ended: dict[ManagedObject, Returned] = {}
        deadline = self._around.clock() + TASK_SECONDS
        with self._vcenter.watch(machines=list(waiting), tasks=tasks, until=PowerState.ON) as watch:
            while len(ended) < len(waiting) and (left := deadline - self._around.clock()) > 0:
                self._around.check_in()
                ended |= self._take_in(watch.wait(min(LONGEST_WAIT, left)), waiting)
        late = "The VM was not powered on within three minutes; it may still power on later."
        for vm, back in waiting.items():
            ended.setdefault(vm, Returned.of(back, ReturnEnd.FAILED, Kept.TASK_TIMEOUT, late))
        return ended

    def _take_in(self, changes: PowerChanges, waiting: Mapping[ManagedObject, Return]) -> dict[ManagedObject, Returned]:
        ended = {}
        for vm, moment in changes.off.items():
            # If no task of ours shows that the VM was powered on, the event log does.
            ended[vm] = self._restored(waiting[vm]) if moment else self._look(waiting[vm])
        for vm in changes.gone:
            ended[vm] = Returned.of(waiting[vm], ReturnEnd.KEPT, Kept.GONE)
        for vm, message in changes.failed.items():
            seen = self._look(waiting[vm])
            ended[vm] = seen or Returned.of(waiting[vm], ReturnEnd.FAILED, Kept.TASK_FAILED, message)
        return {vm: outcome for vm, outcome in ended.items() if outcome}

    def _restored(self, back: Return, seen: datetime | None = None) -> Returned:
        return Returned.of(back, ReturnEnd.RESTORED, started=times.to_wire(seen or self._around.now()))

    def _settle(self, outcome: Returned) -> Returned:
        """Write to the mark of a restored VM that it was restored, unless it already has that phase."""
        text = self._marks.get(outcome.vm)
        found = read_mark(text)
        if outcome.outcome is not ReturnEnd.RESTORED or text is None or not found:
            return outcome
        if found.phase is MarkPhase.RESTORED:
            return outcome
        newer = restored(text, times.from_wire(outcome.started), reason=self._order.reason)
        return self._write(outcome, newer)

    def _write(self, outcome: Returned, text: str) -> Returned:
        for pause in (*PAUSES, None):
            try:
                self._vcenter.write_mark(outcome.vm, text)
                return outcome
            except VCenterObjectGone:
                return outcome
            except PreemptionError as error:
                if pause is None and isinstance(error, OUTAGE):
                    raise
                if pause is None or not isinstance(error, (*OUTAGE, VCenterFault)):
                    return replace(outcome, reason=Kept.MARK_FAILED, message=str(error)[:500])
                self._around.pause(pause)
        return outcome


def _already_on(error: PreemptionError) -> bool:
    return getattr(error, "fault", "") == "InvalidPowerState"


def _log_outcome(restore_id: str, outcome: Returned) -> None:
    level = logging.WARNING if outcome.outcome is ReturnEnd.FAILED else logging.INFO
    about = {"restore_id": restore_id, "vm": outcome.vm.value, "vm_name": outcome.name}
    ended = {"outcome": outcome.outcome.value, "reason": outcome.reason.value, "detail": outcome.message}
    log.log(level, "restore of a VM", extra={**about, **ended})
