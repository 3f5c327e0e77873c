# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the calling activity may continue its run. This is read from the server, which knows it first.

A cancellation reaches an activity only with a heartbeat, after a worker has processed it for the run and, if the
dispatcher was cancelled, for the dispatcher. The server has it on record from the moment it was confirmed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..core.errors import WorkflowNotFound
from .faults import translated
from .kill_switch import KillSwitch, read_kill_switch

if TYPE_CHECKING:
    from temporalio.client import Client

CALL_LIMIT = timedelta(seconds=10)


@dataclass(frozen=True)
class Execution:
    """One execution of a workflow: its workflow id and its (Temporal) run id, empty for the current one."""

    workflow_id: str
    run_id: str


@dataclass(frozen=True)
class Attempt:
    """One attempt of an activity, as Temporal names it."""

    execution: Execution
    activity_id: str
    number: int


@dataclass(frozen=True)
class RunControl:
    """The state that users requested for a run, and whether this attempt still owns it.

    cancelled: cancellation of the run was requested, or of its dispatcher: of the execution that started it, or of the
    current one with the same workflow id. superseded: the run has ended, or another attempt has taken over.
    """

    switch: KillSwitch = field(default_factory=KillSwitch)
    cancelled: bool = False
    superseded: bool = False


async def read_run_control(client: Client, task_queue: str, attempt: Attempt) -> RunControl:
    """Ask the server. Raises PreemptionError if it does not answer."""
    control, run = await _read_control(client, task_queue, attempt)
    if control.superseded:
        return control
    cancelled = run.workflow_extended_info.cancel_requested
    parent = run.workflow_execution_info.parent_execution
    if not cancelled and parent.workflow_id:
        cancelled = await _is_cancelled(client, Execution(parent.workflow_id, parent.run_id))
    return replace(control, cancelled=cancelled)


async def read_restore_control(client: Client, task_queue: str, attempt: Attempt) -> RunControl:
    """The same for the attempt of a restore; `cancelled` is not read."""
    return (await _read_control(client, task_queue, attempt))[0]


async def _read_control(client: Client, task_queue: str, attempt: Attempt) -> tuple[RunControl, Any]:
    """The state without `cancelled`, and Temporal's description of the run."""
    switch, run = await asyncio.gather(read_kill_switch(client, task_queue), _describe(client, attempt.execution))
    return RunControl(switch, superseded=run is None or not _carried_out_by(attempt, run)), run


async def _is_cancelled(client: Client, parent: Execution) -> bool:
    """Whether the cancellation of a dispatcher was requested.

    A user cancels a workflow id, which means its current execution. The one that started the run may have timed out or
    been terminated since, and a new one with the same id accepts requests.
    """
    current = await _describe(client, Execution(parent.workflow_id, ""))
    if current is not None and current.workflow_extended_info.cancel_requested:
        return True
    if current is not None and current.workflow_execution_info.execution.run_id == parent.run_id:
        return False
    own = await _describe(client, parent)
    return own is not None and bool(own.workflow_extended_info.cancel_requested)


async def _describe(client: Client, execution: Execution) -> Any:
    """Temporal's description of an execution; None if it does not exist, or no longer exists."""
    handle = client.get_workflow_handle(execution.workflow_id, run_id=execution.run_id or None)
    try:
        with translated(f"Cannot determine whether workflow {execution.workflow_id} may continue"):
            return (await handle.describe(rpc_timeout=CALL_LIMIT)).raw_description
    except WorkflowNotFound:
        return None


def _carried_out_by(attempt: Attempt, run: Any) -> bool:
    """Whether the server still waits for this attempt; the activities of an ended run are not pending."""
    return any(
        pending.activity_id == attempt.activity_id and pending.attempt == attempt.number
        for pending in run.pending_activities
    )
