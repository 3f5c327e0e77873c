# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims on VMs: one workflow per task queue tracks which run has which VMs, so no two workers stop the same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ..core.contract import (
    CLAIMS_WORKFLOW_TYPE,
    RESTORE_WORKFLOW_TYPE,
    RUN_WORKFLOW_TYPE,
    SIGNAL_RELEASE,
    UPDATE_CLAIM,
)
from ..core.errors import InvalidSetting, TemporalError, WorkflowNotFound
from ..core.workflow_ids import shortened
from ._temporalio import part
from .faults import translated

if TYPE_CHECKING:
    from temporalio.client import Client

CALL_LIMIT = timedelta(seconds=20)


def claims_id(task_queue: str) -> str:
    """Id of the workflow that stores the claims of a task queue."""
    return shortened(f"preemption-claims/{task_queue}")


@dataclass(frozen=True)
class ClaimGrant:
    """vms: MoRefs of the VMs that the run has claimed. lately: how many seconds ago another run released them.

    held_by: the runs that hold other VMs of the claim. full: some were not granted because too many claims are held.
    """

    vms: frozenset[str]
    lately: Mapping[str, float]
    held_by: tuple[str, ...] = ()
    full: bool = False


async def claim(client: Client, task_queue: str, *, run_id: str, vms: Sequence[str], seconds: float) -> ClaimGrant:
    """Claim the VMs (MoRefs) for up to `seconds`. Raises TemporalError if no worker responds, or no claim has room.

    VMs that a run already has are granted again. Claims of runs that have ended are released first.
    """
    grant = await _claim(client, task_queue, run_id, vms, seconds)
    ended = [run for run in grant.held_by if not await _is_open(client, run)]
    for run in ended:
        await release(client, task_queue, run_id=run)
    if ended:
        grant = await _claim(client, task_queue, run_id, vms, seconds)
    if grant.full:
        raise TemporalError(
            f"Cannot claim VMs for the run {run_id}",
            why="too many VMs are claimed by other runs",
            next_step=f"Wait until they end, or terminate the workflow {claims_id(task_queue)}.",
            retryable=True,
        )
    return grant


async def _claim(client: Client, task_queue: str, run_id: str, vms: Sequence[str], seconds: float) -> ClaimGrant:
    with translated(f"Cannot claim VMs for the run {run_id}"):
        start = part("client").WithStartWorkflowOperation(
            CLAIMS_WORKFLOW_TYPE,
            id=claims_id(task_queue),
            task_queue=task_queue,
            id_conflict_policy=part("common").WorkflowIDConflictPolicy.USE_EXISTING,
        )
        granted = await client.execute_update_with_start_workflow(
            UPDATE_CLAIM,
            {"run": run_id, "vms": list(vms), "seconds": seconds},
            start_workflow_operation=start,
            rpc_timeout=CALL_LIMIT,
        )
    # A workflow of an earlier version does not return the last two.
    held_by = tuple(granted.get("heldBy", ()))
    return ClaimGrant(frozenset(granted["vms"]), dict(granted["lately"]), held_by, granted.get("full") is True)


async def _is_open(client: Client, run_id: str) -> bool:
    """Whether a run or a restore with this id is active, so that it may hold claims."""
    if await _has_type(client, run_id, RUN_WORKFLOW_TYPE):
        return True
    # The id of a restore is that of its workflow and of its first execution.
    workflow_id, separator, _execution = run_id.rpartition("/")
    return bool(separator) and await _has_type(client, workflow_id, RESTORE_WORKFLOW_TYPE)


async def _has_type(client: Client, workflow_id: str, kind: str) -> bool:
    running = part("client").WorkflowExecutionStatus.RUNNING
    try:
        with translated(f"Cannot look up the workflow {workflow_id}"):
            found = await client.get_workflow_handle(workflow_id).describe(rpc_timeout=CALL_LIMIT)
    except (WorkflowNotFound, InvalidSetting):
        # Not an id that Temporal could have, or has.
        return False
    return bool(found.status is running and found.workflow_type == kind)


async def release(client: Client, task_queue: str, *, run_id: str) -> None:
    """Release all claims of the run."""
    with translated(f"Cannot release the VMs of the run {run_id}"):
        handle = client.get_workflow_handle(claims_id(task_queue))
        await handle.signal(SIGNAL_RELEASE, run_id, rpc_timeout=CALL_LIMIT)
