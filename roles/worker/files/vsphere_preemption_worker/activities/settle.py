# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settle the marks: every pending mark of the run gets the outcome of its VM.

This also runs if the stop activity failed. Victims without a known outcome are then looked up: a VM that has our
pending mark and is off was stopped by us if vCenter's event log shows it. One that is still on and that we asked to
stop is followed first, for the rest of its time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import activity

from vsphere_preemption.core import times
from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.errors import PreemptionError, VCenterFault, VCenterObjectGone
from vsphere_preemption.core.inventory import ManagedObject, PowerState, VirtualMachine
from vsphere_preemption.core.mark import MarkFound, MarkPhase, read_mark
from vsphere_preemption.core.planning.plan import Victim
from vsphere_preemption.core.reasons import VictimReason
from vsphere_preemption.core.records.outcome import VictimOutcome, VictimStatus

from ..messages.run import SETTLE, SettleInput, StopInput, StopResult, on_the_wire
from .stop.confirmation import TASK_SECONDS
from .stop.marks import Marks, is_ours
from .stop.pipeline import wanted_state
from .stop.requested import EarlierRequest, Evidence
from .support.heartbeat import Heartbeat, with_heartbeat
from .support.vcenter import PowerClient

LONGEST_WAIT = 1.0

Machines = Mapping[ManagedObject, VirtualMachine]
Requests = Mapping[ManagedObject, EarlierRequest]


class SettleMarks:
    """The activity that settles marks."""

    def __init__(self, vcenter: PowerClient, now: Callable[[], datetime]) -> None:
        self._vcenter = vcenter
        self._now = now

    @activity.defn(name=SETTLE, no_thread_cancel_exception=True)
    def settle(self, input: SettleInput) -> StopResult:
        with with_heartbeat() as heartbeat, ThreadPoolExecutor(self._vcenter.concurrency, "settle") as threads:
            known = {outcome.vm: outcome for outcome in input.outcomes}
            open_victims = [victim for victim in input.stop.victims if victim.vm not in known]
            machines = self._vcenter.read([victim.vm for victim in input.stop.victims])
            requests = self._requests(input.stop, open_victims, machines)
            if requests:
                self._follow(input.stop, requests, heartbeat)
                machines = self._vcenter.read([victim.vm for victim in input.stop.victims])
            marks = Marks(input.stop)
            for vm, machine in machines.items():
                marks.learn(vm, machine.mark)
            known.update(self._look_up(input, open_victims, machines, requests))
            outcomes = [known[victim.vm] for victim in input.stop.victims]
            _raise_first(threads.map(lambda outcome: self._settle_one(input, outcome, machines, marks), outcomes))
        return StopResult(on_the_wire(replace(outcome, settled=bool(outcome.marked)) for outcome in outcomes))

    def _requests(self, stop: StopInput, victims: Iterable[Victim], machines: Machines) -> Requests:
        """What was asked of those victims that are still on."""
        marked = [victim.vm for victim in victims if is_ours(machines.get(victim.vm), stop.run.run_id)]
        running = [vm for vm in marked if machines[vm].power_state is PowerState.ON]
        return Evidence(self._vcenter, times.from_wire(stop.marked)).requests(running, self._now())

    def _follow(self, stop: StopInput, requests: Requests, heartbeat: Heartbeat) -> None:
        """Wait until the VMs have stopped, or their time is over."""
        ends = {
            vm: times.from_wire(request.when)
            + timedelta(seconds=stop.grace_seconds if request.method is StopMethod.SOFT else TASK_SECONDS)
            for vm, request in requests.items()
        }
        with self._vcenter.watch(machines=list(ends), tasks={}, until=wanted_state(stop.method)) as watch:
            while (left := (max(ends.values(), default=self._now()) - self._now()).total_seconds()) > 0:
                heartbeat.raise_if_handed_over()
                changes = watch.wait(min(LONGEST_WAIT, left))
                ends = {vm: end for vm, end in ends.items() if vm not in changes.off and vm not in changes.gone}

    def _look_up(
        self, input: SettleInput, victims: Iterable[Victim], machines: Machines, requests: Requests
    ) -> dict[ManagedObject, VictimOutcome]:
        """Outcomes for the victims that have none, from their current state in vCenter."""
        stop = input.stop
        marked = {victim.vm for victim in victims if is_ours(machines.get(victim.vm), stop.run.run_id)}
        ends = (PowerState.OFF, wanted_state(stop.method))
        off = {vm for vm in marked if machines[vm].power_state in ends}
        told = {vm: mark for vm in off if (mark := _preempted_mark(machines[vm]))}
        evidence = Evidence(self._vcenter, times.from_wire(stop.marked)).ours(off - set(told))
        forced = {vm for vm, mark in told.items() if mark.forced}
        forced |= {vm for vm, last in evidence.items() if last.method is StopMethod.HARD}
        # A mark that was written before keeps its time; a VM that was followed has stopped just now.
        moments = {vm: times.to_wire(self._now()) for vm in requests}
        moments |= {vm: times.to_wire(mark.time) for vm, mark in told.items() if mark.time}
        found = {}
        for victim in victims:
            vm, reason = victim.vm, VictimReason.NONE
            if vm in told or vm in evidence:
                end = VictimStatus.STOPPED
            elif vm in off:
                end, reason = VictimStatus.SPARED, VictimReason.ALREADY_OFF
            else:
                end, reason = VictimStatus.FAILED, _why_running(requests.get(vm))
            found[vm] = VictimOutcome(
                vm,
                victim.name,
                end,
                stop.method,
                reason,
                forced=vm in forced,
                marked=stop.marked if vm in marked else "",
                requested=requests[vm].when if vm in requests else "",
                stopped=moments.get(vm, input.settled) if end is VictimStatus.STOPPED else "",
            )
        return found

    def _settle_one(
        self, input: SettleInput, outcome: VictimOutcome, machines: Machines, marks: Marks
    ) -> PreemptionError | None:
        """Write the final mark if ours is still pending; return the error if that fails."""
        machine = machines.get(outcome.vm)
        if not outcome.marked or machine is None or not is_ours(machine, input.stop.run.run_id):
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


def _why_running(request: EarlierRequest | None) -> VictimReason:
    if request is None:
        return VictimReason.OUTCOME_UNKNOWN
    return VictimReason.GUEST_IGNORED if request.method is StopMethod.SOFT else VictimReason.TASK_TIMEOUT


def _preempted_mark(machine: VirtualMachine) -> MarkFound | None:
    mark = read_mark(machine.mark)
    return mark if mark and mark.phase is MarkPhase.PREEMPTED else None


def _raise_first(problems: Iterable[PreemptionError | None]) -> None:
    """Retry the activity if any mark could not be written, because no mark may stay pending."""
    for problem in list(problems):
        if isinstance(problem, VCenterFault):
            problem.retryable = True
        if problem:
            raise problem
