# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workflows that alarms cause: the watch over them, one for each task queue, and requests that wait for an alarm to
last.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..core.contract import RAISE_WORKFLOW_TYPE, SIGNAL_PRESSURE_GONE, WATCH_WORKFLOW_TYPE
from ..core.errors import WorkflowNotFound
from ..core.requests.request import PreemptionRequest
from ..core.workflow_ids import child_id, shortened
from ._temporalio import part
from .faults import CALL_LIMIT, translated

if TYPE_CHECKING:
    from temporalio.client import Client


def watch_id(task_queue: str) -> str:
    """Id of the alarm watch workflow of a task queue."""
    return shortened(f"preemption-alarms/{task_queue}")


async def start_watch(client: Client, task_queue: str) -> None:
    """Start it unless it is already running. Raises TemporalError."""
    with translated("Cannot start the alarm watch"):
        await client.start_workflow(
            WATCH_WORKFLOW_TYPE,
            {},
            id=watch_id(task_queue),
            task_queue=task_queue,
            id_conflict_policy=part("common").WorkflowIDConflictPolicy.USE_EXISTING,
            rpc_timeout=CALL_LIMIT,
        )


def raise_id(workflow_id: str, colour: str) -> str:
    """Id of the workflow that waits before it sends the request to the workflow with this id."""
    return child_id(workflow_id, f"raise-{colour}")


async def raise_later(
    client: Client,
    request: PreemptionRequest,
    *,
    workflow_id: str,
    colour: str,
    delay_seconds: float,
    task_queue: str,
) -> None:
    """Send the request after the delay, unless one is already waiting, which started earlier. Raises TemporalError."""
    workflow_input = {"workflow_id": workflow_id, "request": request.as_wire(), "delay_seconds": delay_seconds}
    with translated(f"Cannot send the request to the workflow {workflow_id}"):
        await client.start_workflow(
            RAISE_WORKFLOW_TYPE,
            workflow_input,
            id=raise_id(workflow_id, colour),
            task_queue=task_queue,
            id_conflict_policy=part("common").WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"Sends the request once the alarm has been {json.dumps(colour)} for {delay_seconds:g} s",
            rpc_timeout=CALL_LIMIT,
        )


async def calm(client: Client, workflow_id: str, colour: str) -> bool:
    """Cancel the delayed request; returns whether there was one. Raises TemporalError."""
    handle = client.get_workflow_handle(raise_id(workflow_id, colour))
    try:
        with translated(f"Cannot cancel the delayed request {handle.id}"):
            # A cancellation takes a moment, in which the next request would go to a workflow that is about to end.
            await handle.terminate(reason="The alarm no longer has this colour.", rpc_timeout=CALL_LIMIT)
    except WorkflowNotFound:
        # No request is waiting, or it has already been sent.
        return False
    return True


async def end_runs(client: Client, workflow_id: str) -> bool:
    """End the run of an alarm that is green, and turn away what waits; return whether its workflow is running.

    The workflow itself continues: a request that arrives next is for the next firing. Raises TemporalError.
    """
    handle = client.get_workflow_handle(workflow_id)
    try:
        with translated(f"Cannot end the run of the workflow {workflow_id}"):
            await handle.signal(SIGNAL_PRESSURE_GONE, rpc_timeout=CALL_LIMIT)
    except WorkflowNotFound:
        return False
    return True
