# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims on VMs: one workflow per task queue tracks which run has which VMs, so no two workers stop the same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ..core.contract import CLAIMS_WORKFLOW_TYPE, SIGNAL_RELEASE, UPDATE_CLAIM
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
    """vms: MoRefs of the VMs that the run has claimed. lately: how many seconds ago another run released them."""

    vms: frozenset[str]
    lately: Mapping[str, float]


async def claim(client: Client, task_queue: str, *, run_id: str, vms: Sequence[str], seconds: float) -> ClaimGrant:
    """Claim the VMs (MoRefs) for up to `seconds`. Raises TemporalError if no worker responds.

    VMs that a run already has are granted again.
    """
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
    return ClaimGrant(frozenset(granted["vms"]), dict(granted["lately"]))


async def release(client: Client, task_queue: str, *, run_id: str) -> None:
    """Release all claims of the run."""
    with translated(f"Cannot release the VMs of the run {run_id}"):
        handle = client.get_workflow_handle(claims_id(task_queue))
        await handle.signal(SIGNAL_RELEASE, run_id, rpc_timeout=CALL_LIMIT)
