# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a schedule starts: it asks for a preemption or a restore, and leaves it at that.

All that it does is named by the schedule and the time that the schedule meant. So a time that is caught up on, or
started twice, causes one run. How late it may be is for the schedule to say: it limits how long this may stay open.
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
    from vsphere_preemption.core.contract import SCHEDULED_EVENT_TYPE, SCHEDULED_WORKFLOW_TYPE
    from vsphere_preemption.core.errors import InvalidRequest

    from ..restore_messages import RestoreInput
    from ..scheduled_messages import ASK, AskInput, ScheduledInput
    from .errands import RETRY
    from .restore import PreemptionRestore

# Set by the server; with jitter, it is the time before that.
MEANT_FOR = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
ONE_ATTEMPT = timedelta(seconds=30)


@workflow.defn(name=SCHEDULED_WORKFLOW_TYPE)
class PreemptionScheduled:
    """The result says what was asked of which workflow, and the id of the event that names it."""

    @workflow.run
    async def run(self, order: ScheduledInput) -> dict[str, Any]:
        time = times.to_wire(_meant_for())
        event_id = f"{order.schedule}-{time}"
        if order.request is not None:
            workflow_id = order.workflow_id
            event = _event(order.schedule, event_id, time)
            outcome = await self._preempt(workflow_id, {**order.request, "event": event})
        elif order.restore is not None:
            workflow_id = f"{order.workflow_id}/restore/{event_id}"
            outcome = await self._restore(workflow_id, order.restore)
        else:
            raise ApplicationError("The schedule asks for nothing.", type=InvalidRequest.code, non_retryable=True)
        return {"schedule": order.schedule, "eventID": event_id, "workflowID": workflow_id, "outcome": outcome}

    async def _preempt(self, workflow_id: str, request: dict[str, Any]) -> str:
        await workflow.execute_activity(
            ASK,
            AskInput(workflow_id, request),
            result_type=str,
            start_to_close_timeout=ONE_ATTEMPT,
            retry_policy=RETRY,
            summary=f"Asks the workflow {workflow_id}",
        )
        return "asked"

    async def _restore(self, restore_id: str, order: RestoreInput) -> str:
        try:
            await workflow.start_child_workflow(
                PreemptionRestore.run,
                order.as_wire(),
                id=restore_id,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary="Gives VMs back on schedule",
            )
        except WorkflowAlreadyStartedError:
            return "duplicate"
        return "asked"


def _event(schedule: str, event_id: str, time: str) -> dict[str, Any]:
    source = f"preemption-schedule/{schedule}"
    return {"specversion": "1.0", "id": event_id, "source": source, "type": SCHEDULED_EVENT_TYPE, "time": time}


def _meant_for() -> datetime:
    """The time of the schedule because of which this runs, in whole seconds as in the workflow id."""
    info = workflow.info()
    return (info.typed_search_attributes.get(MEANT_FOR) or info.start_time).replace(microsecond=0)
