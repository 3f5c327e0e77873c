# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflows that request something later, without waiting for the outcome: for a schedule, and for a raise delay.

Every ID of a scheduled action is derived from the schedule and its nominal time. So an action that is caught up on, or
started twice, causes only one run. The schedule's execution timeout limits how late it may be.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core import times
    from vsphere_preemption.core.contract import RAISE_WORKFLOW_TYPE, SCHEDULED_EVENT_TYPE, SCHEDULED_WORKFLOW_TYPE
    from vsphere_preemption.core.errors import InvalidRequest
    from vsphere_preemption.core.workflow_ids import child_id

    from ..messages.restore import RestoreInput
    from ..messages.scheduled import ASK, AskInput, RaiseInput, ScheduledInput
    from .activity_calls import RETRY
    from .restore import PreemptionRestore

# Set by the server; it does not include jitter.
MEANT_FOR = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
ONE_ATTEMPT = timedelta(seconds=30)
LONGEST_DELAY_SECONDS = 31 * 24 * 3600.0


@workflow.defn(name=SCHEDULED_WORKFLOW_TYPE)
class PreemptionScheduled:
    """The result contains the workflow that was requested or started, and the ID of the event."""

    @workflow.run
    async def run(self, input: ScheduledInput) -> dict[str, Any]:
        time = times.to_wire(_meant_for())
        event_id = f"{input.schedule}-{time}"
        if input.request is not None:
            workflow_id = input.workflow_id
            event = _event(input.schedule, event_id, time)
            outcome = await self._preempt(workflow_id, {**input.request, "event": event})
        elif input.restore is not None:
            workflow_id = _checked(child_id(input.workflow_id, f"restore/{event_id}"))
            outcome = await self._restore(workflow_id, input.restore)
        else:
            raise _invalid("The schedule has neither a request nor a restore.")
        return {"schedule": input.schedule, "eventID": event_id, "workflowID": workflow_id, "outcome": outcome}

    async def _preempt(self, workflow_id: str, request: dict[str, Any]) -> str:
        await _ask(workflow_id, request)
        return "asked"

    async def _restore(self, restore_id: str, input: RestoreInput) -> str:
        try:
            await workflow.start_child_workflow(
                PreemptionRestore.run,
                input.as_wire(),
                id=restore_id,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary="Restores VMs on schedule",
            )
        except WorkflowAlreadyStartedError:
            return "duplicate"
        return "asked"


@workflow.defn(name=RAISE_WORKFLOW_TYPE)
class PreemptionRaise:
    """Requests a preemption after an alarm has lasted for a time. It is cancelled when the alarm is cleared.

    It is used for senders that report a change once and keep no state; the alarm watch handles such delays by itself.
    The result is the execution run ID of the workflow that received the request.
    """

    @workflow.run
    async def run(self, input: RaiseInput) -> str:
        if not 0 <= input.delay_seconds <= LONGEST_DELAY_SECONDS:
            raise _invalid(f"The delay of {input.delay_seconds!r} seconds is not between 0 and 31 days.")
        await workflow.sleep(timedelta(seconds=input.delay_seconds))
        return await _ask(input.workflow_id, input.request)


async def _ask(workflow_id: str, request: dict[str, Any]) -> str:
    """Request a preemption; the execution run ID of the workflow that received the request."""
    run_id: str = await workflow.execute_activity(
        ASK,
        AskInput(_checked(workflow_id), request),
        result_type=str,
        start_to_close_timeout=ONE_ATTEMPT,
        retry_policy=RETRY,
        summary=f"Request a preemption from {workflow_id}",
    )
    return run_id


def _checked(workflow_id: str) -> str:
    """The ID, if Temporal can use it; a text in JSON need not be one."""
    try:
        workflow_id.encode()
    except UnicodeEncodeError as error:
        raise _invalid("The workflow ID is not valid text.") from error
    return workflow_id


def _invalid(text: str) -> ApplicationError:
    return ApplicationError(text, type=InvalidRequest.code, non_retryable=True)


def _event(schedule: str, event_id: str, time: str) -> dict[str, Any]:
    source = f"preemption-schedule/{schedule}"
    return {"specversion": "1.0", "id": event_id, "source": source, "type": SCHEDULED_EVENT_TYPE, "time": time}


def _meant_for() -> datetime:
    """The nominal time of the schedule's action, in whole seconds as in the workflow ID."""
    info = workflow.info()
    return (info.typed_search_attributes.get(MEANT_FOR) or info.start_time).replace(microsecond=0)
