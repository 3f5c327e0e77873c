# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to the dispatcher: send a request, wait for its outcome, query the workflow, cancel it.

There are two ways to send a request. The signal is the prototype's: it needs no worker and returns no outcome. The
update waits for the outcome, and the same request id finds the same run again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..core import times
from ..core.contract import (
    QUERY_PROGRESS,
    QUERY_REQUESTS,
    QUERY_RUNS,
    QUERY_STATE,
    SIGNAL_PREEMPT,
    UPDATE_PREEMPT,
    WORKFLOW_TYPE,
)
from ..core.errors import (
    NoWorker,
    OutcomeTimeout,
    TemporalError,
    WorkflowNotFound,
)
from ..core.requests.request import PreemptionRequest, checked_size
from ._temporalio import part
from .faults import CALL_LIMIT, check_limit, checked, foreign_answer, no_worker, query, translated, within
from .orphans import orphaned_runs
from .preemptions import preemption_id_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle

Record = dict[str, Any]

LAST_LOOK_SECONDS = 3.0


@dataclass(frozen=True)
class Accepted:
    """A workflow that has accepted the request; its outcome is not known yet.

    execution_run_id: of the workflow. preemption_id: of the run, if there is one; empty while that is open.
    """

    workflow_id: str
    execution_run_id: str
    preemption_id: str


@dataclass(frozen=True)
class RequestOutcome:
    """The outcome of a request.

    execution_run_id: of the workflow. record: as the query `runs` shows it. repeated: the outcome is older than this
    call, which therefore caused nothing.
    """

    workflow_id: str
    execution_run_id: str
    record: Record
    repeated: bool = False

    @property
    def preemption_id(self) -> str:
        """Of the run that carried the request out; empty where none was made for it."""
        return str(self.record.get("runID", ""))


@dataclass(frozen=True)
class Cancelled:
    """was_running: there was something to cancel. state: the last one, None if it could not be read.

    runs: preemption ids of the runs that were cancelled themselves, because the execution that started them had ended.
    """

    was_running: bool
    state: Record | None
    runs: tuple[str, ...] = ()


@dataclass(frozen=True)
class ActiveRun:
    """The current state of a run. preemption_id: its workflow id. request_id: empty if it is not known.

    phase: `starting`, `planning`, `waiting_for_approval`, `notice`, `lead_time`, `stopping`, `announcing` or `ended`.
    plan: `Plan.as_wire`, None before there is one.
    """

    preemption_id: str
    phase: str
    criticality: str = ""
    plan: Record | None = None
    request_id: str = ""


async def signal_request(
    client: Client,
    request: PreemptionRequest,
    *,
    workflow_id: str,
    task_queue: str,
    execution_timeout: timedelta | None = None,
) -> Accepted:
    """Signal-with-start, exactly as in the wire contract: the workflow is started without input.

    execution_timeout: of a workflow started by this call; None for no timeout. Raises RequestTooLarge, TemporalError.
    """
    with translated(f"Cannot send the request to the workflow {workflow_id}"):
        handle = await client.start_workflow(
            WORKFLOW_TYPE,
            id=workflow_id,
            task_queue=task_queue,
            start_signal=SIGNAL_PREEMPT,
            start_signal_args=[checked_size(request).as_wire()],
            execution_timeout=execution_timeout,
            rpc_timeout=CALL_LIMIT,
        )
    # A workflow names an event that has no id itself.
    preemption_id = preemption_id_of(workflow_id, request.key) if request.event.id else ""
    return Accepted(workflow_id, handle.result_run_id or "", preemption_id)


async def preempt_and_wait(
    client: Client,
    request: PreemptionRequest,
    *,
    workflow_id: str,
    task_queue: str,
    request_id: str = "",
    timeout_seconds: float,
) -> RequestOutcome:
    """Update-with-start, and the outcome.

    request_id: may be empty if the event has an id. Raises InvalidRequest if the workflow rejects the request; NoWorker
    or OutcomeTimeout (with the last state) if there is no outcome in time.
    """
    check_limit(timeout_seconds)
    what = f"Cannot determine the outcome of the request to the workflow {workflow_id}"
    ask = {"request": checked_size(request).as_wire(), "requestID": request_id, "wait": True}

    async def insist() -> RequestOutcome:
        asking = (client, ask, request_id or request.key, workflow_id, task_queue)
        try:
            with translated(what):
                return await _update(*asking)
        except WorkflowNotFound:
            # The workflow was ended before it had read the request. A new one takes over; a repetition does no harm.
            with translated(what):
                return await _update(*asking)

    answer = await within(timeout_seconds, insist)
    if answer is None:
        raise await _still_running(client, workflow_id, what, timeout_seconds)
    return answer


async def _update(
    client: Client, ask: dict[str, Any], update_id: str, workflow_id: str, task_queue: str
) -> RequestOutcome:
    known_until = await _newest_outcome(client, workflow_id)
    start = _start_operation(workflow_id, task_queue)
    started = asyncio.ensure_future(start.workflow_handle())
    try:
        record: Record = await client.execute_update_with_start_workflow(
            UPDATE_PREEMPT, ask, start_workflow_operation=start, id=update_id
        )
        repeated = times.from_wire(record["finished"]) <= times.from_wire(known_until)
        return RequestOutcome(workflow_id, (await started).result_run_id or "", record, repeated)
    finally:
        # Otherwise asyncio writes to stderr that the handle of a failed start was never retrieved.
        started.cancel()
        await asyncio.gather(started, return_exceptions=True)


async def read_state(client: Client, workflow_id: str, execution_run_id: str | None = None) -> Record:
    """The prototype's state of an open or closed workflow. Raises WorkflowNotFound, or NoWorker."""
    answer = await query(client, workflow_id, execution_run_id, QUERY_STATE)
    try:
        state = json.loads(answer)
    except (TypeError, ValueError) as error:
        raise foreign_answer(workflow_id, QUERY_STATE) from error
    return checked(state, dict, workflow_id, QUERY_STATE)


async def read_runs(client: Client, workflow_id: str, execution_run_id: str | None = None) -> list[Record]:
    """The records of the last runs, the newest at the end. Errors as for `read_state`."""
    return checked(await query(client, workflow_id, execution_run_id, QUERY_RUNS), list, workflow_id, QUERY_RUNS)


async def read_requests(client: Client, workflow_id: str, execution_run_id: str | None = None) -> Record:
    """`counts` by outcome, the number `waiting`, and the `recent` requests. Errors as for `read_state`."""
    return checked(
        await query(client, workflow_id, execution_run_id, QUERY_REQUESTS), dict, workflow_id, QUERY_REQUESTS
    )


async def read_run(client: Client, preemption_id: str) -> ActiveRun:
    """The progress of a run, by its workflow id. Errors as for `read_state`."""
    answer = checked(await query(client, preemption_id, None, QUERY_PROGRESS), dict, preemption_id, QUERY_PROGRESS)
    return ActiveRun(preemption_id, answer["phase"], answer["criticality"], answer["plan"])


async def read_outcome(client: Client, preemption_id: str) -> Record:
    """The record of a run that has ended or is about to, by its workflow id. Raises WorkflowNotFound, TemporalError."""
    what = f"Cannot read the outcome of the run {preemption_id}"
    try:
        with translated(what):
            record = await client.get_workflow_handle(preemption_id).result()
    except part("client").WorkflowFailureError as error:
        why = f"its workflow did not complete ({error.cause})"
        raise TemporalError(what, why=why, next_step="Check the workflow in Temporal.") from error
    return checked(record, dict, preemption_id, "result")


async def active_run(client: Client, workflow_id: str, execution_run_id: str | None = None) -> ActiveRun | None:
    """The run that the workflow is waiting for, or one that outlived its execution; None if there is none.

    Errors as for `read_state`.
    """
    at_work = (await read_requests(client, workflow_id, execution_run_id)).get("atWork")
    if not at_work:
        orphans = await orphaned_runs(client, workflow_id, execution_run_id)
        return await read_run(client, orphans[0]) if orphans else None
    run = preemption_id_of(workflow_id, at_work["runKey"])
    try:
        found = await read_run(client, run)
    except WorkflowNotFound:
        # The workflow is already processing the request; it starts the run with its next step.
        found = ActiveRun(run, "starting")
    return replace(found, request_id=at_work["requestID"])


async def is_running(client: Client, workflow_id: str, execution_run_id: str | None = None) -> bool:
    """Whether the workflow exists and is open. Raises WorkflowNotFound for an execution that does not exist."""
    handle = client.get_workflow_handle(workflow_id, run_id=execution_run_id)
    running = part("client").WorkflowExecutionStatus.RUNNING
    try:
        with translated(f"Cannot look up the workflow {workflow_id}"):
            return bool((await handle.describe(rpc_timeout=CALL_LIMIT)).status is running)
    except WorkflowNotFound:
        if execution_run_id:
            raise
        return False


async def preview_cancel(client: Client, workflow_id: str, execution_run_id: str | None = None) -> Cancelled:
    """The result of `cancel_workflow`, without cancelling anything."""
    workflow = (client, workflow_id, execution_run_id)
    running = await is_running(*workflow)
    runs = await _orphans(*workflow, needed=not running)
    return Cancelled(running or bool(runs), await _state_if_any(*workflow), runs)


async def cancel_workflow(
    client: Client,
    workflow_id: str,
    execution_run_id: str | None = None,
    *,
    wait: bool = True,
    timeout_seconds: float,
) -> Cancelled:
    """Cancel a workflow gracefully; with `wait`, wait until it has ended (otherwise raises OutcomeTimeout).

    This includes runs that outlived the execution that started them: users cancel a workflow id, and all its runs.
    """
    check_limit(timeout_seconds)
    workflow = (client, workflow_id, execution_run_id)
    what = f"Cannot cancel the workflow {workflow_id}"
    handles = []
    if await is_running(*workflow):
        handles.append(client.get_workflow_handle(workflow_id, run_id=execution_run_id))
        with translated(what):
            await handles[0].cancel(rpc_timeout=CALL_LIMIT)
    cancelled = []
    for run in await _orphans(*workflow, needed=not handles):
        handle = client.get_workflow_handle(run)
        # It may have ended since it was found.
        with contextlib.suppress(WorkflowNotFound), translated(f"Cannot cancel the run {run}"):
            await handle.cancel(rpc_timeout=CALL_LIMIT)
            cancelled.append(run)
            handles.append(handle)
    with translated(what):
        ended = await within(timeout_seconds, lambda: _end_of(handles)) if wait else True
    if not ended:
        raise await _still_running(client, workflow_id, what, timeout_seconds)
    return Cancelled(bool(handles), await _state_if_any(*workflow), tuple(cancelled))


async def _orphans(client: Client, workflow_id: str, execution_run_id: str | None, *, needed: bool) -> tuple[str, ...]:
    """The runs that outlived their execution. needed: raise if they cannot be looked up.

    If the current execution is cancelled, its cancellation also closes the gate of these runs.
    """
    try:
        return tuple(await orphaned_runs(client, workflow_id, execution_run_id))
    except TemporalError:
        if needed:
            raise
        return ()


async def _end_of(handles: Sequence[WorkflowHandle[Any, Any]]) -> bool:
    """Wait for the end of the workflows, with any status."""
    for handle in handles:
        # Terminated or timed out in the meantime: it has ended, which is sufficient.
        with contextlib.suppress(part("client").WorkflowFailureError):
            await handle.result()
    return True


async def _newest_outcome(client: Client, workflow_id: str) -> str:
    """When the newest outcome of the workflow was settled, by its own clock; NEVER if it is not known."""
    try:
        recent = (await read_requests(client, workflow_id))["recent"]
    except TemporalError:
        # There is no workflow yet, or no worker at the moment. Neither prevents a request.
        return times.NEVER
    return max((brief["finished"] for brief in recent), key=times.from_wire, default=times.NEVER)


async def _state_if_any(client: Client, workflow_id: str, execution_run_id: str | None) -> Record | None:
    """The state as an optional addition to a result."""
    try:
        async with asyncio.timeout(LAST_LOOK_SECONDS):
            return await read_state(client, workflow_id, execution_run_id)
    except (TemporalError, TimeoutError):
        return None


async def _still_running(client: Client, workflow_id: str, what: str, seconds: float) -> TemporalError:
    """Why there is no outcome yet: no worker is processing it, or it takes longer."""
    try:
        async with asyncio.timeout(LAST_LOOK_SECONDS):
            state = await read_state(client, workflow_id)
    except (NoWorker, TimeoutError):
        return no_worker(what, f"no worker responded within {seconds:g} seconds")
    except TemporalError as error:
        return error
    return OutcomeTimeout(
        what,
        why=f"no outcome after {seconds:g} seconds",
        next_step="Send the request again with the same request id, or check it with preemption_query.",
        last_state=state,
    )


def _start_operation(workflow_id: str, task_queue: str) -> WithStartWorkflowOperation[Any, Any]:
    operation: WithStartWorkflowOperation[Any, Any] = part("client").WithStartWorkflowOperation(
        WORKFLOW_TYPE,
        id=workflow_id,
        task_queue=task_queue,
        id_conflict_policy=part("common").WorkflowIDConflictPolicy.USE_EXISTING,
    )
    return operation
