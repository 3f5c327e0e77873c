# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approving or rejecting the plan of a run that is waiting for approval.

A run is decided once. Earlier decisions are read from the history of the run, so they are also known for runs that have
ended.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..core.contract import UPDATE_DECIDE
from ..core.errors import InvalidRequest, NotWaitingForApproval, WorkflowNotFound
from ..core.records.outcome import ApprovalDecision
from . import dispatcher
from .faults import CALL_LIMIT, no_worker, translated, within
from .preemptions import checked_id, is_known, not_found

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHandle

WAITING = "waiting_for_approval"
BEFORE_WAITING = ("starting", "planning")
LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class PendingApproval:
    """A run that is waiting for a decision, or has one. decision: the decision, None while it is waiting."""

    run: dispatcher.ActiveRun
    decision: ApprovalDecision | None = None


async def find_pending_approval(
    client: Client, workflow_id: str, preemption_id: str | None = None, *, wait_seconds: float = 0.0
) -> PendingApproval:
    """The run that is waiting for a decision or has one: the active one, or the one with this id.

    wait_seconds: how long to wait for one. Raises NotWaitingForApproval with the state of the run, WorkflowNotFound if
    nothing has the id, InvalidRequest, NoWorker.
    """
    preemption_id = checked_id(preemption_id)
    loop = asyncio.get_running_loop()
    end = loop.time() + wait_seconds
    while True:
        found = await _look(client, workflow_id, preemption_id)
        if found is not None and (found.decision or found.run.phase == WAITING):
            return found
        can_come = found is None or not preemption_id or found.run.phase in BEFORE_WAITING
        if not can_come or loop.time() >= end:
            if preemption_id and found is None:
                raise not_found(f"{preemption_id} matches no workflow execution")
            raise _not_waiting(workflow_id, found.run if found else None, wait_seconds)
        await asyncio.sleep(min(LOOK_SECONDS, max(0.0, end - loop.time())))


def would_change(pending: PendingApproval, decision: ApprovalDecision) -> bool:
    """Whether this decides anything. Raises NotWaitingForApproval if it contradicts an earlier decision."""
    if pending.decision is None:
        return True
    if pending.decision.approve is not decision.approve:
        raise _refused(pending.run.preemption_id, f"it was already {pending.decision}")
    return False


async def decide(client: Client, pending: PendingApproval, decision: ApprovalDecision) -> tuple[ApprovalDecision, bool]:
    """Decide; returns the decision in effect, and whether this call made it."""
    if not would_change(pending, decision):
        return pending.decision or decision, False
    preemption_id = pending.run.preemption_id
    what = f"Cannot decide on the run {preemption_id}"
    handle = client.get_workflow_handle(preemption_id)
    seconds = CALL_LIMIT.total_seconds()
    try:
        with translated(what):
            answer = await within(seconds, lambda: handle.execute_update(UPDATE_DECIDE, decision.as_wire()))
    except (InvalidRequest, WorkflowNotFound) as error:
        # Another user decided first, or the approval has timed out.
        why = "it has ended" if isinstance(error, WorkflowNotFound) else error.why.rpartition(": ")[2]
        raise _refused(preemption_id, why) from error
    if answer is None:
        raise no_worker(what, f"no worker responded within {seconds:g} seconds")
    holds = ApprovalDecision(answer["approve"], answer["by"], answer["note"])
    return holds, decision.by.startswith(holds.by) and decision.note.startswith(holds.note)


async def _look(client: Client, workflow_id: str, preemption_id: str) -> PendingApproval | None:
    """None while there is no such run, or no active one."""
    if preemption_id and not await is_known(client, preemption_id, workflow_id=workflow_id):
        return None
    run = await (
        dispatcher.read_run(client, preemption_id) if preemption_id else dispatcher.active_run(client, workflow_id)
    )
    if run is None:
        return None
    if run.phase == "starting":
        return PendingApproval(run)
    if run.phase == WAITING:
        if await dispatcher.is_running(client, run.preemption_id):
            return PendingApproval(run)
        # A terminated run still returns its last reply.
        run = replace(run, phase="ended")
    return PendingApproval(run, await _decision_in_history(client.get_workflow_handle(run.preemption_id), client))


async def _decision_in_history(handle: WorkflowHandle[Any, Any], client: Client) -> ApprovalDecision | None:
    """The first decision that the run accepted."""
    with translated(f"Cannot read the history of the run {handle.id}"):
        async for event in handle.fetch_history_events():
            request = event.workflow_execution_update_accepted_event_attributes.accepted_request
            if request.input.name == UPDATE_DECIDE:
                [given] = await client.data_converter.decode(request.input.args.payloads)
                return ApprovalDecision(given["approve"], str(given.get("by") or ""), str(given.get("note") or ""))
    return None


def _not_waiting(workflow_id: str, run: dispatcher.ActiveRun | None, seconds: float) -> NotWaitingForApproval:
    after = f" after {seconds:g} seconds" if seconds else ""
    if run is None:
        return _refused(workflow_id, f"no run of the workflow is waiting for approval{after}")
    return _refused(run.preemption_id, f"it is not waiting for approval{after}; its phase is {run.phase}")


def _refused(name: str, why: str) -> NotWaitingForApproval:
    return NotWaitingForApproval(
        f"Cannot decide on the run {name}",
        why=why,
        next_step="Use preemption_query to see the active run and the outcome of earlier runs.",
    )
