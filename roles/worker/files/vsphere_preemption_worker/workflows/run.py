# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run: the child workflow that carries one accepted request out, from the plan to the announcement.

It is a workflow of its own because it may outlive the dispatcher: the prototype's command line gives that one five
minutes, and a run that was cut off would leave VMs stopped and unannounced. Its id is made from the event, so the
server itself refuses a second run for the same event.

A cancellation ends the stopping early; marks are settled and the announcement is made for what was done until then.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError
from temporalio.workflow import ActivityCancellationType

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core import times
    from vsphere_preemption.core.contract import METHOD_BY_CRITICALITY, RUN_WORKFLOW_TYPE
    from vsphere_preemption.core.mark import RunIdentity
    from vsphere_preemption.core.outcome import Announcement, RunEnd, RunRecord, VictimEnd, conclude
    from vsphere_preemption.core.reasons import RunReason

    from ..messages import (
        ANNOUNCE,
        PLAN,
        SETTLE,
        STOP,
        AnnounceInput,
        PlanResult,
        RunInput,
        SettleInput,
        StopInput,
        StopResult,
        Wire,
        on_the_wire,
        outcomes_of,
    )
    from .explain import code_of, explain, is_final
    from .measures import count_run
    from .patience import Patience

Result = TypeVar("Result")

# Says nothing while a history is replayed.
log = workflow.logger

HEARTBEAT = timedelta(seconds=5)
ONE_ATTEMPT = timedelta(minutes=5)
PLAN_AT_ONCE_WITHIN = timedelta(minutes=1)
LONG_PLAN_SECONDS = 1.5
PLAN_WITHIN = timedelta(minutes=10)
STOP_WITHIN = timedelta(minutes=15)
SETTLE_WITHIN = timedelta(hours=1)
ANNOUNCE_WITHIN = timedelta(seconds=60)
# Bounded by time, not by a number of attempts: two rolling restarts of a worker use up three.
RETRY = RetryPolicy(initial_interval=timedelta(seconds=0.5), maximum_interval=timedelta(seconds=10))


@workflow.defn(name=RUN_WORKFLOW_TYPE)
class PreemptionRun:
    """Plan, stop, settle, announce; the result is the record of the run (`RunRecord.as_wire`)."""

    def __init__(self) -> None:
        self._patience = Patience()

    @workflow.run
    async def run(self, order: RunInput) -> dict[str, Any]:
        identity = RunIdentity(order.workflow_id, order.workflow_started, workflow.info().workflow_id, order.request)
        record = RunRecord(order.workflow_id, order.request, order.received, identity.run_id)
        record.started = times.to_wire(workflow.now())
        try:
            planned = await self._plan(identity)
            record.plan, record.window_seconds = planned.plan, planned.window_seconds
            await self._stop_victims(record, identity, planned)
            self._conclude(record)
            await self._announce(record, identity)
        except FailureError as error:
            self._give_up(record, error)
        record.finished = times.to_wire(workflow.now())
        count_run(record, workflow.now() - workflow.info().start_time)
        ended = {"run_id": record.run_id, "outcome": record.outcome.value, "reason": record.reason.value}
        log.info("run ended", extra={**ended, "victims": len(record.victims), "detail": record.message})
        return record.as_wire()

    async def _plan(self, identity: RunIdentity) -> PlanResult:
        """Plan at once in this worker, which takes no way over the server; where vCenter is away, with patience."""
        handle = workflow.start_local_activity(
            PLAN,
            identity,
            result_type=PlanResult,
            start_to_close_timeout=PLAN_AT_ONCE_WITHIN,
            retry_policy=RetryPolicy(maximum_attempts=1),
        )
        try:
            # A local activity fails with the error itself, not wrapped into one of the activity.
            await self._patience.until(handle.done, on_cancel=handle.cancel)
            planned: PlanResult = await handle
        except FailureError as error:
            if self._patience.cancelled or is_final(error):
                raise
            return await self._carry_out(PLAN, identity, PlanResult, PLAN_WITHIN, cancel=True)
        if planned.took_seconds > LONG_PLAN_SECONDS:
            await self._patience.breathe()
        return planned

    async def _stop_victims(self, record: RunRecord, identity: RunIdentity, planned: PlanResult) -> None:
        """Stop them; marks that this leaves pending are settled, also when the stopping breaks off."""
        victims = planned.plan.victims
        if not victims or self._patience.cancelled:
            return
        order = StopInput(
            run=identity,
            wire_victims=on_the_wire(victims),
            method=METHOD_BY_CRITICALITY[identity.request.criticality],
            grace_seconds=planned.grace_seconds,
            marked=times.to_wire(workflow.now()),
        )
        outcomes: Wire = []
        within = STOP_WITHIN + timedelta(seconds=planned.grace_seconds)
        try:
            outcomes = (await self._carry_out(STOP, order, StopResult, within, cancel=True)).wire_outcomes
        except FailureError as error:
            record.message = explain(error)
        record.victims = outcomes_of(outcomes)
        if outcomes and all(victim.settled or not victim.marked for victim in record.victims):
            return
        await self._settle(record, SettleInput(order, outcomes, times.to_wire(workflow.now())))

    async def _settle(self, record: RunRecord, order: SettleInput) -> None:
        """Settle the marks. What was stopped is on record also when its marks could not be settled."""
        try:
            record.victims = (await self._carry_out(SETTLE, order, StopResult, SETTLE_WITHIN)).outcomes
        except FailureError as error:
            if not order.wire_outcomes:
                raise
            record.marks_settled = False
            record.message = explain(error)

    def _conclude(self, record: RunRecord) -> None:
        record.outcome, record.reason = conclude(record.victims, cancelled=self._patience.cancelled)
        if record.outcome is RunEnd.DONE and not record.marks_settled:
            record.outcome, record.reason = RunEnd.PARTIAL, RunReason.MARKS_NOT_SETTLED

    async def _announce(self, record: RunRecord, identity: RunIdentity) -> None:
        """Tell the address in the request, when there is one and something was stopped."""
        stopped = [victim for victim in record.victims if victim.outcome is VictimEnd.STOPPED]
        if not stopped or not identity.request.reply_to:
            return
        order = AnnounceInput(identity, on_the_wire(stopped), times.to_wire(workflow.now()))
        try:
            event_id = await self._carry_out(ANNOUNCE, order, str, ANNOUNCE_WITHIN)
            record.announcement = Announcement("sent", event_id)
        except FailureError as error:
            status = "refused" if code_of(error) in ("sink_not_allowed", "sink_refused") else "failed"
            record.announcement = Announcement(status, message=explain(error))

    def _give_up(self, record: RunRecord, error: FailureError) -> None:
        planned = bool(record.plan.victims or record.plan.left_out)
        record.outcome, record.reason = RunEnd.FAILED, RunReason.RUN_FAILED if planned else RunReason.PLAN_FAILED
        if self._patience.cancelled and not planned:
            record.outcome, record.reason = RunEnd.SKIPPED, RunReason.CANCELLED
        record.message = explain(error)

    async def _carry_out(
        self, name: str, order: object, result: type[Result], within: timedelta, *, cancel: bool = False
    ) -> Result:
        """The activity's result; a cancellation of the run is passed on to it only where that is asked for."""
        handle = workflow.start_activity(
            name,
            order,
            result_type=result,
            schedule_to_close_timeout=within,
            start_to_close_timeout=within if name == STOP else min(within, ONE_ATTEMPT),
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRY,
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        pass_on: Callable[[], object] | None = handle.cancel if cancel else None
        await self._patience.until(handle.done, on_cancel=pass_on)
        finished: Result = await handle
        return finished
