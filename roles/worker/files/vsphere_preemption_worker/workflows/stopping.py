# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stop phase of a run: stops the victims wave by wave, escalates on a more urgent request, and settles every mark.

An escalation is a second StopVictims with the more urgent method, in parallel to the one that is still waiting for
guests. It finds the marks of its own run and stops the VMs that are still on, and the first one detects this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core import times
    from vsphere_preemption.core.codec import read
    from vsphere_preemption.core.contract import Criticality, StopMethod
    from vsphere_preemption.core.mark import RunIdentity
    from vsphere_preemption.core.planning.plan import Victim
    from vsphere_preemption.core.policy.model import Waves
    from vsphere_preemption.core.reasons import RunReason, VictimReason
    from vsphere_preemption.core.records.outcome import RunRecord, VictimOutcome, VictimStatus

    from ..messages.run import (
        PRESSURE,
        SETTLE,
        STOP,
        PlanResult,
        PressureInput,
        PressureResult,
        SettleInput,
        StopInput,
        StopResult,
        Wire,
        on_the_wire,
    )
    from .activity_calls import ActivityCalls, failure_message
    from .cancellation import CancellationGuard

STOP_WITHIN = timedelta(minutes=15)
SETTLE_WITHIN = timedelta(hours=1)
PRESSURE_WITHIN = timedelta(minutes=1)

# A run that began before this patch may have begun a wave that was cancelled before it started.
NO_WAVE_AFTER_CANCELLATION = "no-wave-after-cancellation"
# A run that began before this patch waits for the next wave also when a more urgent request arrives.
HURRY_ENDS_PAUSE = "hurry-ends-pause"

_GENTLE = (StopMethod.SOFT, StopMethod.SOFT_THEN_HARD)


class StoppingPhase:
    """Stops the victims of one run. urgency: the current criticality, which may rise during the phase."""

    def __init__(
        self,
        record: RunRecord,
        identity: RunIdentity,
        planned: PlanResult,
        *,
        cancellation: CancellationGuard,
        urgency: Callable[[], Criticality],
    ) -> None:
        self._record = record
        self._identity = identity
        self._planned = planned
        self._cancellation = cancellation
        self._activities = ActivityCalls(cancellation)
        self._urgency = urgency
        self._wave_urgency = urgency()
        self._with_running_guests: list[Criticality] = []

    @property
    def applied(self) -> Criticality:
        """The highest criticality for which everything was done; a guest that kept running could still be forced."""
        return min([self._wave_urgency, *self._with_running_guests], key=lambda criticality: criticality.rank)

    async def stop_all(self) -> None:
        """Stop all victims, or as many as needed. The record gets the outcomes, including those of spared victims."""
        victims, done = self._planned.plan.victims, 0
        for wave in in_waves(victims, self._planned.policy.waves):
            if self._cancellation.cancelled or (done and await self._may_end()):
                break
            if self._cancellation.cancelled and workflow.patched(NO_WAVE_AFTER_CANCELLATION):
                break
            await self._stop_wave(wave, done)
            done += len(wave)
        if done:
            self._spare(victims[done:])

    async def _may_end(self) -> bool:
        """Between two waves: pause, and check whether the remaining victims are still needed."""
        last_wave, ends_pause = self._wave_urgency, workflow.patched(HURRY_ENDS_PAUSE)
        pause = self._planned.policy.waves.pause_seconds
        await self._cancellation.wait_up_to(pause, lambda: ends_pause and self._urgency().rank > last_wave.rank)
        if self._cancellation.cancelled:
            return False
        planned = self._planned
        input = PressureInput(planned.alarm, planned.policy.amount.target, planned.wire_scope)
        try:
            seen = await self._activities.carry_out(PRESSURE, input, PressureResult, PRESSURE_WITHIN, cancel=True)
        except FailureError as error:
            # The pressure is unknown, so the plan still applies.
            self._record.message = failure_message(error)
            return False
        if seen.gone or seen.paused:
            self._record.reason = RunReason.PAUSED if seen.paused else RunReason.PRESSURE_GONE
            self._record.message = seen.message
        return seen.gone or seen.paused

    async def _stop_wave(self, victims: Sequence[Victim], first: int) -> None:
        """Stop one wave. Marks that remain pending are settled, even if the stop activity fails."""
        input = self._stop_input(victims, first)
        outcomes: Wire = []
        try:
            outcomes = await self._carry_out(input)
        except FailureError as error:
            self._record.message = failure_message(error)
        ended = read(list[VictimOutcome], outcomes)
        if not outcomes or not all(victim.settled or not victim.marked for victim in ended):
            ended = await self._settle(SettleInput(input, outcomes, times.to_wire(workflow.now())))
        self._record.victims = [*self._record.victims, *ended]
        if any(victim.reason is VictimReason.GUEST_IGNORED for victim in ended):
            self._with_running_guests.append(self._wave_urgency)

    async def _carry_out(self, input: StopInput) -> Wire:
        """The outcomes of a wave. If there are two outcomes of a victim, that of the later, more urgent call counts."""
        within = STOP_WITHIN + timedelta(seconds=input.grace_seconds)
        began = self._wave_urgency = self._urgency()
        first = self._activities.send(STOP, input, StopResult, within)
        await self._cancellation.wait_until(
            lambda: first.done() or self._escalated(input, began), on_cancel=first.cancel
        )
        if first.done():
            if not self._may_escalate(input):
                self._wave_urgency = self._urgency()
            return (await first).wire_outcomes
        self._wave_urgency = self._urgency()
        action = self._planned.policy.actions.of(self._urgency())
        more = replace(input, method=action.method, grace_seconds=action.grace_seconds)
        second = self._activities.send(STOP, more, StopResult, within)
        try:
            urgent = (await self._activities.result_of(second, cancel=True)).outcomes
        except FailureError as error:
            # The first call continues; its outcomes are the only ones.
            self._record.message, urgent = failure_message(error), []
        patient = (await self._activities.result_of(first, cancel=True)).outcomes
        return on_the_wire(_together(patient, urgent) if urgent else patient)

    def _escalated(self, input: StopInput, began: Criticality) -> bool:
        return self._urgency().rank > began.rank and self._may_escalate(input)

    def _may_escalate(self, input: StopInput) -> bool:
        """Whether the current criticality asks for more than a call with this input does."""
        return input.method in _GENTLE and self._planned.policy.actions.of(self._urgency()).method is not input.method

    async def _settle(self, input: SettleInput) -> list[VictimOutcome]:
        """Settle the marks. Stopped VMs are recorded even if their marks could not be settled."""
        try:
            return (await self._activities.carry_out(SETTLE, input, StopResult, SETTLE_WITHIN)).outcomes
        except FailureError as error:
            if not input.wire_outcomes:
                raise
            self._record.marks_settled = False
            self._record.message = failure_message(error)
            return input.outcomes

    def _stop_input(self, victims: Sequence[Victim], first: int) -> StopInput:
        action = self._planned.policy.actions.of(self._urgency())
        return StopInput(
            run=self._identity,
            wire_victims=on_the_wire(victims),
            method=action.method,
            grace_seconds=action.grace_seconds,
            marked=times.to_wire(workflow.now()),
            wire_policy=self._planned.wire_policy,
            wire_scope=self._planned.wire_scope,
            lease_seconds=self._planned.lease_seconds,
            first=first,
        )

    def _spare(self, victims: Sequence[Victim]) -> None:
        """Record the victims of waves that were not started as spared."""
        reason = VictimReason.CANCELLED if self._cancellation.cancelled else VictimReason.PRESSURE_GONE
        if self._record.reason is RunReason.PAUSED:
            reason = VictimReason.PAUSED
        method = self._planned.policy.actions.of(self._urgency()).method
        spared = [VictimOutcome(victim.vm, victim.name, VictimStatus.SPARED, method, reason) for victim in victims]
        self._record.victims = [*self._record.victims, *spared]


def in_waves(victims: Sequence[Victim], waves: Waves) -> Iterator[Sequence[Victim]]:
    """The victims in the order of the plan, in waves of the configured size."""
    size = waves.size or len(victims) or 1
    return (victims[start : start + size] for start in range(0, len(victims), size))


def _together(patient: Sequence[VictimOutcome], urgent: Sequence[VictimOutcome]) -> list[VictimOutcome]:
    """One outcome for each victim. Its mark must be written again, because both calls have written one."""
    return [
        replace(_better(first, second), settled=False) if first.marked or second.marked else first
        for first, second in zip(patient, urgent, strict=True)
    ]


def _better(patient: VictimOutcome, urgent: VictimOutcome) -> VictimOutcome:
    """The first call attributes VMs that shut down by themselves; the urgent one knows which VMs it powered off."""
    if urgent.outcome is VictimStatus.STOPPED and (urgent.forced or patient.outcome is not VictimStatus.STOPPED):
        return replace(urgent, reason=urgent.reason or VictimReason.HURRIED)
    return patient
