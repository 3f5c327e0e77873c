# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run: carries out one accepted request, and ends with its record.

It is a separate workflow, so that it outlives a dispatcher with an execution timeout, which the prototype's command
line sets, and so that an unresponsive sink does not delay other requests. The plan determines which VMs may be stopped;
everything up to the announcement uses that list. The workflow ID is derived from the event, so the server itself
rejects a second run for the same event.

A cancellation ends the stop phase early; marks are settled and the announcement is made for what was done until then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import FailureError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core import times
    from vsphere_preemption.core.contract import QUERY_PROGRESS, RUN_WORKFLOW_TYPE, SIGNAL_HURRY, UPDATE_DECIDE
    from vsphere_preemption.core.contract import Criticality as Urgency
    from vsphere_preemption.core.errors import InvalidRequest
    from vsphere_preemption.core.mark import RunIdentity
    from vsphere_preemption.core.policy.model import Events, Mode, OnShortfall
    from vsphere_preemption.core.reasons import RunReason
    from vsphere_preemption.core.records.outcome import Announcement, RunRecord, RunStatus, VictimStatus, conclude
    from vsphere_preemption.core.workflow_ids import child_id

    from ..messages.restore import RestoreInput
    from ..messages.run import (
        ANNOUNCE,
        NOTICE,
        TELL,
        AnnounceInput,
        NoticeInput,
        PlanInput,
        PlanResult,
        RunInput,
        TellInput,
        on_the_wire,
    )
    from .activity_calls import ActivityCalls, code_of, failure_message
    from .approval import Approval
    from .cancellation import CancellationGuard
    from .raw_input import only_payload, refused
    from .restore import PreemptionRestore
    from .stopping import StoppingPhase

RUNS = "preemption_runs"
VICTIMS = "preemption_victims"
RUN_SECONDS = "preemption_run_seconds"

# Does not log while a history is replayed.
log = workflow.logger

# A run that started before this patch cancelled its restore if it was cancelled while it started it.
CANCELLED_IN_RESTORE = "cancelled-in-restore"
# A run that started before this patch stops its victims after a wait without looking whether the pressure is gone, and
# waits for approval also when a more urgent request arrives. It is asked for at the start of a run: directly after a
# local activity that took several workflow tasks, a replay does not find the marker.
AFTER_A_WAIT = "run-after-a-wait"

NOTICE_WITHIN = timedelta(minutes=1)
ANNOUNCE_WITHIN = timedelta(seconds=60)
# How often to poll an alarm that must stay green for the hold time.
LOOK_SECONDS, LOOKS_IN_HOLD_TIME = 30.0, 4


def count_run(record: RunRecord, took: timedelta) -> None:
    """Count a finished run: its outcome, its victims by method and outcome, and its duration."""
    meter = workflow.metric_meter()
    outcome = {"outcome": record.outcome.value}
    meter.create_counter(RUNS, "Finished preemption runs by outcome.").add(1, outcome)
    victims = meter.create_counter(VICTIMS, "Victims by method and outcome.")
    by_kind = Counter((victim.method.value, victim.outcome.value) for victim in record.victims)
    for (method, end), number in by_kind.items():
        victims.add(number, {"method": method, "outcome": end})
    seconds = meter.create_histogram_float(RUN_SECONDS, "Time from start to end of a run.")
    seconds.record(took.total_seconds(), outcome)


@workflow.defn(name=RUN_WORKFLOW_TYPE)
class PreemptionRun:
    """Plan, approve, warn, stop, settle, announce; the result is the record of the run (`RunRecord.as_wire`)."""

    @workflow.init
    def __init__(self, input: RunInput) -> None:
        self._cancellation = CancellationGuard()
        self._activities = ActivityCalls(self._cancellation)
        self._approval = Approval()
        self._urgency = input.request.criticality
        self._phase = "planning"
        self._planned: PlanResult | None = None
        self._looks_after_waits = False

    @workflow.run
    async def run(self, input: RunInput) -> dict[str, Any]:
        identity = RunIdentity(input.workflow_id, input.workflow_started, workflow.info().workflow_id, input.request)
        record = RunRecord(input.workflow_id, input.request, input.received, identity.run_id)
        record.started = times.to_wire(workflow.now())
        self._looks_after_waits = workflow.patched(AFTER_A_WAIT)
        try:
            planned = await self._decide(record, identity)
            if planned:
                await self._act(record, identity, planned)
        except FailureError as error:
            self._give_up(record, error)
        record.finished = times.to_wire(workflow.now())
        await self._tell(record, identity)
        self._phase = "ended"
        count_run(record, workflow.now() - workflow.info().start_time)
        ended = {"run_id": record.run_id, "outcome": record.outcome.value, "reason": record.reason.value}
        log.info("run ended", extra={**ended, "victims": len(record.victims), "detail": record.message})
        await self._cancellation.wait_until(workflow.all_handlers_finished)
        return record.as_wire()

    # Dynamic and raw: see `raw_input`.
    @workflow.signal(dynamic=True)
    def hurry(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Escalate the run, because a more urgent request has arrived. Anything else is ignored."""
        try:
            criticality = only_payload("Cannot escalate the run", payloads) if name == SIGNAL_HURRY else ""
        except InvalidRequest as error:
            log.warning("signal ignored", extra={"detail": str(error)})
            return
        wanted = [level for level in Urgency if level.value == criticality and level.rank > self._urgency.rank]
        self._urgency = wanted[0] if wanted else self._urgency

    @workflow.update(dynamic=True)
    def agree(self, name: str, payloads: Sequence[RawValue]) -> dict[str, Any]:
        """Approve or reject the plan of a run that is waiting for approval."""
        return {"runID": workflow.info().workflow_id, **self._approval.take(_decision_in(name, payloads)).as_wire()}

    @agree.validator
    def validate_agree(self, name: str, payloads: Sequence[RawValue]) -> None:
        self._approval.check(_decision_in(name, payloads))

    @workflow.query(name=QUERY_PROGRESS)
    def progress(self) -> dict[str, Any]:
        """The progress of the run, and its plan."""
        plan = self._planned.plan.as_wire() if self._planned else None
        return {"phase": self._phase, "criticality": self._urgency.value, "plan": plan}

    async def _decide(self, record: RunRecord, identity: RunIdentity) -> PlanResult | None:
        """The plan to carry out; None if nothing may be done, for the reason in the record."""
        planned = await self._plan(record, PlanInput(identity))
        reason, message = _why_nothing(planned)
        if reason is RunReason.NONE and planned.policy.mode is Mode.APPROVE and planned.plan.victims:
            reason, message = await self._ask_for_approval(record, planned)
            if reason is RunReason.NONE:
                # Plan again, for the approved VMs only: much may have changed while the run was waiting.
                asked = planned
                agreed = [victim.vm.value for victim in asked.plan.victims]
                planned = await self._plan(record, PlanInput(identity, agreed))
                record.plan = planned.plan.approved_from(asked.plan)
                reason, message = _why_nothing(planned)
        if reason is RunReason.NONE:
            return planned
        record.outcome, record.reason, record.message = RunStatus.SKIPPED, reason, message.strip()
        return None

    async def _plan(self, record: RunRecord, input: PlanInput) -> PlanResult:
        self._phase = "planning"
        planned = self._planned = await self._activities.plan(input)
        record.take_plan(planned.plan, planned.policy, planned.policy_digest)
        return planned

    async def _ask_for_approval(self, record: RunRecord, planned: PlanResult) -> tuple[RunReason, str]:
        """Wait for a decision; the reason why nothing may be done, if any."""
        self._phase, self._approval.is_wanted = "waiting_for_approval", True
        began = self._urgency
        await self._cancellation.wait_up_to(
            planned.policy.approval_seconds,
            lambda: (
                self._approval.decision is not None or (self._looks_after_waits and self._urgency.rank > began.rank)
            ),
        )
        self._approval.is_wanted = False
        decision = self._approval.decision
        if decision is None:
            if self._cancellation.cancelled:
                return RunReason.CANCELLED, "The run was cancelled while it was waiting for approval."
            if self._is_superseded(record):
                return RunReason.SUPERSEDED, "A more urgent request arrived before the plan was approved."
            return RunReason.APPROVAL_TIMED_OUT, "Approval timed out."
        record.approval = decision.as_wire()
        if not decision.approve:
            note = f": {decision.note}" if decision.note else "."
            return RunReason.NOT_APPROVED, f"{decision.by or 'An unknown user'} rejected the plan{note}"
        return RunReason.NONE, ""

    async def _act(self, record: RunRecord, identity: RunIdentity, planned: PlanResult) -> None:
        if planned.plan.victims and not self._cancellation.cancelled:
            waited = await self._give_notice(identity, planned) or record.approval is not None
            phase = StoppingPhase(
                record, identity, planned, cancellation=self._cancellation, urgency=lambda: self._urgency
            )
            if waited and await self._is_over(phase):
                record.outcome = RunStatus.SKIPPED
                return
            self._phase = "stopping"
            await phase.stop_all()
            record.urgency = phase.applied
        self._conclude(record)
        self._phase = "announcing"
        await self._announce(record, identity)
        await self._restore_later(record, identity, planned)

    def _is_superseded(self, record: RunRecord) -> bool:
        """Whether a more urgent request is waiting, which would ask the same question."""
        return self._looks_after_waits and self._urgency.rank > record.request.criticality.rank

    async def _is_over(self, phase: StoppingPhase) -> bool:
        """Whether, after a wait, there is no reason left to stop anything."""
        return self._looks_after_waits and not self._cancellation.cancelled and await phase.is_over()

    async def _give_notice(self, identity: RunIdentity, planned: PlanResult) -> bool:
        """Send the notice and wait; an escalation or a cancellation ends the wait. A failed notice is ignored.

        Return whether the policy asks for a notice.
        """
        notice, began = planned.policy.notice, self._urgency
        if not notice.applies(began):
            return False
        self._phase = "notice"
        action = planned.policy.actions.of(began)
        begin = workflow.now() + timedelta(seconds=notice.lead_seconds)
        input = NoticeInput(
            run=identity,
            wire_victims=on_the_wire(planned.plan.victims),
            method=action.method,
            grace_seconds=action.grace_seconds,
            not_before=times.to_wire(begin),
            time=times.to_wire(workflow.now()),
            event=notice.event and bool(identity.request.reply_to),
            guestinfo=notice.guestinfo,
        )
        try:
            await self._activities.carry_out(NOTICE, input, str, NOTICE_WITHIN, cancel=True)
        except FailureError as error:
            log.warning("notice failed", extra={"run_id": identity.run_id, "detail": failure_message(error)})
        self._phase = "lead_time"
        left = (begin - workflow.now()).total_seconds()
        await self._cancellation.wait_up_to(left, lambda: self._urgency.rank > began.rank)
        return True

    def _conclude(self, record: RunRecord) -> None:
        stopped_early = record.reason
        record.outcome, record.reason = conclude(record.victims, cancelled=self._cancellation.cancelled)
        if record.outcome is RunStatus.DONE and not record.marks_settled:
            record.outcome, record.reason = RunStatus.PARTIAL, RunReason.MARKS_NOT_SETTLED
        if record.outcome is RunStatus.DONE and stopped_early is not RunReason.NONE:
            record.reason = stopped_early

    async def _announce(self, record: RunRecord, identity: RunIdentity) -> None:
        """Announce the stopped VMs to the address in the request, if there are any and it has one."""
        stopped = [victim for victim in record.victims if victim.outcome is VictimStatus.STOPPED]
        if not stopped or not identity.request.reply_to:
            return
        input = AnnounceInput(identity, on_the_wire(stopped), times.to_wire(workflow.now()))
        try:
            event_id = await self._activities.carry_out(ANNOUNCE, input, str, ANNOUNCE_WITHIN)
            record.announcement = Announcement("sent", event_id)
        except FailureError as error:
            status = "refused" if code_of(error) in ("sink_not_allowed", "sink_refused") else "failed"
            record.announcement = Announcement(status, message=failure_message(error))

    async def _restore_later(self, record: RunRecord, identity: RunIdentity, planned: PlanResult) -> None:
        """Start the workflow that restores the VMs when the alarm has been green for long enough."""
        stopped = any(victim.outcome is VictimStatus.STOPPED for victim in record.victims)
        if not planned.policy.restore.automatic or planned.alarm is None or not stopped:
            return
        starting = workflow.start_child_workflow(
            PreemptionRestore.run,
            RestoreInput(
                workflow_id=identity.workflow_id,
                tag=identity.request.tag,
                reason=RunReason.PRESSURE_GONE.value,
                run_id=identity.run_id,
                reply_to=identity.request.reply_to,
                alarm=planned.alarm,
                wait_for_green=True,
                policy_name=planned.policy.name,
                run=identity,
                look_seconds=min(LOOK_SECONDS, planned.policy.restore.hold_seconds / LOOKS_IN_HOLD_TIME),
            ).as_wire(),
            id=child_id(identity.run_id, "restore"),
            parent_close_policy=ParentClosePolicy.ABANDON,
            static_summary="Restores the VMs when the alarm is green",
        )
        await self._cancellation.complete(starting, patch=CANCELLED_IN_RESTORE)

    async def _tell(self, record: RunRecord, identity: RunIdentity) -> None:
        """Send an unsuccessful outcome to the address in the request. A failure to send has no effect."""
        events = self._planned.policy.events if self._planned else Events()
        wanted = events.skipped if record.outcome is RunStatus.SKIPPED else events.failed
        if record.outcome is RunStatus.DONE or not identity.request.reply_to or not wanted:
            return
        input = TellInput(identity, record.as_wire(), record.finished)
        try:
            await self._activities.carry_out(TELL, input, str, ANNOUNCE_WITHIN)
        except FailureError as error:
            log.warning("outcome event not sent", extra={"run_id": identity.run_id, "detail": failure_message(error)})

    def _give_up(self, record: RunRecord, error: FailureError) -> None:
        planned = bool(record.plan.victims or record.plan.left_out)
        record.outcome, record.reason = RunStatus.FAILED, RunReason.RUN_FAILED if planned else RunReason.PLAN_FAILED
        if self._cancellation.cancelled and not planned:
            record.outcome, record.reason = RunStatus.SKIPPED, RunReason.CANCELLED
        record.message = failure_message(error)


def _decision_in(name: str, payloads: Sequence[RawValue]) -> object:
    what = f"Cannot accept the update {name[:80]!r}"
    try:
        if name != UPDATE_DECIDE:
            raise InvalidRequest(what, why="it is unknown", next_step=f"Send {UPDATE_DECIDE}.")
        return only_payload(what, payloads)
    except InvalidRequest as error:
        raise refused(error) from error


def _why_nothing(planned: PlanResult) -> tuple[RunReason, str]:
    """Why a plan is not carried out, even if it is approved; no reason if it may be."""
    if planned.refusal:
        return RunReason(planned.refusal), planned.message
    if planned.plan.shortfall and planned.policy.amount.on_shortfall is OnShortfall.ABORT:
        return RunReason.SHORTFALL, "The eligible VMs do not free enough to meet the target."
    if planned.policy.mode is Mode.DRY_RUN:
        return RunReason.DRY_RUN, "Dry run: no VM was stopped; the record shows the plan."
    return RunReason.NONE, ""
