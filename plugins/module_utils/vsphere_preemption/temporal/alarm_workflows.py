# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alarm watch: one workflow per task queue, so that only one worker at a time monitors vCenter's alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.contract import WATCH_WORKFLOW_TYPE
from ._calls import CALL_LIMIT, translated
from ._temporalio import part

if TYPE_CHECKING:
    from temporalio.client import Client


def watch_id(task_queue: str) -> str:
    """Id of the alarm watch workflow of a task queue."""
    return f"preemption-alarms/{task_queue}"


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
