# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settle the marks: every pending mark of the run gets the outcome of its VM.

This also runs if the stop activity failed. Victims without a known outcome are then looked up: a VM that has our
pending mark and is off was stopped by us if vCenter's event log shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from temporalio import activity

from vsphere_preemption.core import times
from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.errors import PreemptionError, VCenterFault, VCenterObjectGone
from vsphere_preemption.core.inventory import ManagedObject, PowerState, VirtualMachine
from vsphere_preemption.core.mark import MarkPhase, read_mark
from vsphere_preemption.core.reasons import VictimReason
from vsphere_preemption.core.records.outcome import VictimOutcome, VictimStatus

from ..messages.run import SETTLE, SettleInput, StopResult, on_the_wire
from .stop.evidence import Evidence
from .stop.marks import Marks
from .stop.pipeline import wanted_state
from .support.heartbeat import with_heartbeat
from .support.vcenter import PowerClient

Machines = Mapping[ManagedObject, VirtualMachine]


class SettleMarks:
    """The activity that settles marks."""

    def __init__(self, vcenter: PowerClient) -> None:
        self._vcenter = vcenter

    @activity.defn(name=SETTLE, no_thread_cancel_exception=True)
    def settle(self, input: SettleInput) -> StopResult:
        with with_heartbeat(), ThreadPoolExecutor(self._vcenter.concurrency, "settle") as threads:
            machines = self._vcenter.read([victim.vm for victim in input.stop.victims])
            marks = Marks(input.stop)
            for vm, machine in machines.items():
                marks.learn(vm, machine.mark)
            known = {outcome.vm: outcome for outcome in input.outcomes}
            known.update(self._look_up(input, known, machines))
            outcomes = [known[victim.vm] for victim in input.stop.victims]
            _raise_first(threads.map(lambda outcome: self._settle_one(input, outcome, machines, marks), outcomes))
        return StopResult(on_the_wire(replace(outcome, settled=bool(outcome.marked)) for outcome in outcomes))

    def _look_up(
        self, input: SettleInput, known: Mapping[ManagedObject, VictimOutcome], machines: Machines
    ) -> dict[ManagedObject, VictimOutcome]:
        """Outcomes for the victims that have none, from their current state in vCenter."""
        stop = input.stop
        open_victims = [victim for victim in stop.victims if victim.vm not in known]
        marked = {victim.vm for victim in open_victims if _is_ours(machines.get(victim.vm), stop.run.run_id)}
        ends = (PowerState.OFF, wanted_state(stop.method))
        off = {vm for vm in marked if machines[vm].power_state in ends}
        told = {vm for vm in off if _says_preempted(machines[vm])}
        stopped = told | Evidence(self._vcenter, times.from_wire(stop.marked)).ours(off - told)
        forced = stop.method is StopMethod.HARD
        found = {}
        for victim in open_victims:
            mark_time = stop.marked if victim.vm in marked else ""
            if victim.vm in stopped:
                end, reason, moment = VictimStatus.STOPPED, VictimReason.NONE, input.settled
            elif victim.vm in off:
                end, reason, moment = VictimStatus.SPARED, VictimReason.ALREADY_OFF, ""
            else:
                end, reason, moment = VictimStatus.FAILED, VictimReason.OUTCOME_UNKNOWN, ""
            found[victim.vm] = VictimOutcome(
                victim.vm,
                victim.name,
                end,
                stop.method,
                reason,
                forced=forced and bool(moment),
                marked=mark_time,
                stopped=moment,
            )
        return found

    def _settle_one(
        self, input: SettleInput, outcome: VictimOutcome, machines: Machines, marks: Marks
    ) -> PreemptionError | None:
        """Write the final mark if ours is still pending; return the error if that fails."""
        machine = machines.get(outcome.vm)
        if not outcome.marked or machine is None or not _is_ours(machine, input.stop.run.run_id):
            return None
        text = marks.final(outcome, input.settled)
        if machine.mark == text:
            return None
        try:
            self._vcenter.write_mark(outcome.vm, text)
        except VCenterObjectGone:
            return None
        except PreemptionError as error:
            return error
        return None


def _is_ours(machine: VirtualMachine | None, run_id: str) -> bool:
    mark = read_mark(machine.mark) if machine else None
    return mark is not None and mark.run_id == run_id


def _says_preempted(machine: VirtualMachine) -> bool:
    mark = read_mark(machine.mark)
    return mark is not None and mark.phase is MarkPhase.PREEMPTED


def _raise_first(problems: Iterable[PreemptionError | None]) -> None:
    """Retry the activity if any mark could not be written, because no mark may stay pending."""
    for problem in list(problems):
        if isinstance(problem, VCenterFault):
            problem.retryable = True
        if problem:
            raise problem
