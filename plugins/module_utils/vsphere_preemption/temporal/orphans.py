# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs whose dispatcher has ended before them.

A dispatcher that is cancelled waits for its run; one that is terminated or times out does not. The run then continues,
and the next execution with the same workflow id does not know it. For users it is still a run of that id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.contract import QUERY_REQUESTS, RUN_WORKFLOW_TYPE
from ..core.errors import TemporalError, WorkflowNotFound
from ._temporalio import part
from .faults import CALL_LIMIT, query, translated, within
from .preemptions import preemption_id_of

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowExecutionDescription

# A record that no worker reads in this time is left to the list.
RECORD_SECONDS = 3.0
OPEN_RUNS = f"WorkflowType = '{RUN_WORKFLOW_TYPE}' AND ExecutionStatus = 'Running'"


@dataclass(frozen=True)
class _Dispatcher:
    """run_id: of the execution that is meant. is_open: and would therefore cancel its own run."""

    run_id: str
    is_open: bool


async def orphaned_runs(client: Client, workflow_id: str, execution_run_id: str | None = None) -> list[str]:
    """The preemption ids of the open runs that a closed execution of this workflow started.

    execution_run_id: only those that this execution started. They are looked up in Temporal's list of open workflows,
    which lags behind, and in the record of the closed execution, which does not. Raises TemporalError if neither the
    list nor an execution can be read.
    """
    found = await _describe(client, workflow_id, execution_run_id)
    dispatcher = _Dispatcher(found.run_id or "", _is_open(found)) if found else _Dispatcher("", False)
    known = [] if found is None or dispatcher.is_open else await _on_record(client, workflow_id, execution_run_id)
    candidates = dict.fromkeys([*known, *await _listed(client, workflow_id)])
    runs = [(run, await _describe(client, run)) for run in candidates]
    return [run for run, seen in runs if seen and _is_orphan(seen, workflow_id, execution_run_id, dispatcher)]


def _is_orphan(
    run: WorkflowExecutionDescription, workflow_id: str, execution_run_id: str | None, dispatcher: _Dispatcher
) -> bool:
    if not _is_open(run) or run.workflow_type != RUN_WORKFLOW_TYPE or run.parent_id != workflow_id:
        return False
    if execution_run_id and run.parent_run_id != execution_run_id:
        return False
    return not (dispatcher.is_open and run.parent_run_id == dispatcher.run_id)


async def _on_record(client: Client, workflow_id: str, execution_run_id: str | None) -> list[str]:
    """The run that the closed execution was waiting for; none if it was not, or if no worker can tell."""

    async def read() -> Any:
        return await query(client, workflow_id, execution_run_id, QUERY_REQUESTS)

    try:
        requests = await within(RECORD_SECONDS, read)
    except TemporalError:
        return []
    at_work = requests.get("atWork") if isinstance(requests, dict) else None
    return [preemption_id_of(workflow_id, at_work["runKey"])] if at_work else []


async def _listed(client: Client, workflow_id: str) -> list[str]:
    """The runs of this workflow that Temporal lists as open; none if the server has no list."""
    service = part("service")
    with translated(f"Cannot list the open runs of the workflow {workflow_id}"):
        try:
            listed = client.list_workflows(OPEN_RUNS, rpc_timeout=CALL_LIMIT)
            return [run.id async for run in listed if run.parent_id == workflow_id]
        except service.RPCError as error:
            if error.status is service.RPCStatusCode.UNIMPLEMENTED:
                return []
            raise


async def _describe(
    client: Client, workflow_id: str, execution_run_id: str | None = None
) -> WorkflowExecutionDescription | None:
    handle = client.get_workflow_handle(workflow_id, run_id=execution_run_id)
    try:
        with translated(f"Cannot look up the workflow {workflow_id}"):
            return await handle.describe(rpc_timeout=CALL_LIMIT)
    except WorkflowNotFound:
        return None


def _is_open(found: WorkflowExecutionDescription) -> bool:
    return bool(found.status is part("client").WorkflowExecutionStatus.RUNNING)
