# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requesting a restore, and waiting for its record.

Each workflow has at most one manual restore at a time. A repeated request waits for the same restore; a different
request is rejected.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..core.contract import MEMO_REQUEST, QUERY_PROGRESS, RESTORE_WORKFLOW_TYPE
from ..core.errors import InvalidRequest, NoWorker, OutcomeTimeout, RestoreInProgress, TemporalError
from ..core.policy.model import Place
from ..core.requests.empty_limits import RESTORE_LIMITS
from ..core.restore.record import RestoreReason
from ..core.workflow_ids import child_id
from ._temporalio import part
from .faults import CALL_LIMIT, check_limit, checked, no_worker, query, translated, within
from .preemptions import checked_id, is_known, not_found

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHandle

Record = dict[str, Any]

LAST_LOOK_SECONDS = 3.0
# Temporal limits ids to 1,000 characters, and our suffix is added.
MAX_TEXT = 900


@dataclass(frozen=True)
class RestoreRequest:
    """Which VMs to restore.

    workflow_id: of the workflow that preempted them. only: names or MoRefs, empty for all. preemption_id: of one
    preemption, empty for any. places: only VMs in one of these. force: regardless of the hold time. dry_run: plan only.
    """

    workflow_id: str
    tag: str
    reason: str = ""
    only: tuple[str, ...] = ()
    preemption_id: str = ""
    places: tuple[Place, ...] = ()
    force: bool = False
    dry_run: bool = False
    reply_to: str = ""

    def as_wire(self) -> dict[str, Any]:
        """The input of the workflow. Limits that are not set are omitted: the workflow refuses empty ones."""
        return {name: value for name, value in self._everything().items() if value or name not in RESTORE_LIMITS}

    def _everything(self) -> dict[str, Any]:
        return {
            "workflow_id": self.workflow_id,
            "tag": self.tag,
            "reason": self.reason,
            "only": list(self.only),
            "run_id": self.preemption_id,
            "places": [{"kind": place.kind.value, "name": place.name} for place in self.places],
            "force": self.force,
            "dry_run": self.dry_run,
            "reply_to": self.reply_to,
        }

    @property
    def restore_workflow_id(self) -> str:
        """Dry runs do not block each other or a restore."""
        restore = f"{self.workflow_id}/restore"
        return f"{restore}/plan-{uuid.uuid4()}" if self.dry_run else restore

    @property
    def digest(self) -> str:
        # From the input that earlier versions sent, so that their digest of the same restore is the same.
        return hashlib.sha256(json.dumps(self._everything(), sort_keys=True).encode()).hexdigest()


def checked_request(*, tag: str, workflow_id: str, preemption_id: str | None = None, **more: Any) -> RestoreRequest:
    """The request. preemption_id: None for any. Raises InvalidRequest for an invalid tag or id."""
    for name, text in (("tag", tag), ("workflow id", workflow_id)):
        if not text.strip() or len(text) > MAX_TEXT:
            raise InvalidRequest(
                "Cannot request a restore",
                why=f"its {name} is empty, or longer than {MAX_TEXT} characters",
                next_step=f"Correct the {name}.",
            )
    return RestoreRequest(workflow_id=workflow_id, tag=tag.strip(), preemption_id=checked_id(preemption_id), **more)


@dataclass(frozen=True)
class Started:
    """An active restore. execution_run_id: of its workflow. joined: the same restore was already active."""

    workflow_id: str
    execution_run_id: str
    joined: bool = False


async def start_restore(client: Client, request: RestoreRequest, *, task_queue: str) -> Started:
    """Start the restore, or find the same active one. Raises RestoreInProgress if another one is active."""
    workflow_id = request.restore_workflow_id
    what = f"Cannot start the restore {workflow_id}"
    already = part("exceptions").WorkflowAlreadyStartedError
    try:
        with translated(what):
            handle = await client.start_workflow(
                RESTORE_WORKFLOW_TYPE,
                request.as_wire(),
                id=workflow_id,
                task_queue=task_queue,
                memo={MEMO_REQUEST: request.digest},
                rpc_timeout=CALL_LIMIT,
            )
    except already as error:
        return await _join(client, request, workflow_id, what, error)
    return Started(workflow_id, handle.first_execution_run_id or "")


async def leave_restore(client: Client, request: RestoreRequest, *, task_queue: str, timeout_seconds: float) -> Started:
    """Start the restore and leave it; errors as for `start_restore`.

    A preemption that Temporal has forgotten is first looked for in the marks of the VMs, by a dry run: that needs a
    worker, and takes up to timeout_seconds. WorkflowNotFound where it is not there either.
    """
    if request.preemption_id and not await is_known(client, request.preemption_id, workflow_id=request.workflow_id):
        dry_run = replace(request, dry_run=True)
        await restore_and_wait(client, dry_run, task_queue=task_queue, timeout_seconds=timeout_seconds)
    return await start_restore(client, request, task_queue=task_queue)


async def start_restore_when_green(
    client: Client, workflow_id: str, workflow_input: object, *, task_queue: str
) -> None:
    """Start the restore that waits for a green alarm, unless one is already waiting. Raises TemporalError.

    workflow_input: input of the restore workflow.
    """
    with translated(f"Cannot start the restore of the workflow {workflow_id}"):
        await client.start_workflow(
            RESTORE_WORKFLOW_TYPE,
            workflow_input,
            id=child_id(workflow_id, "restore-when-green"),
            task_queue=task_queue,
            id_conflict_policy=part("common").WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary="Restores the VMs when the alarm is green",
            rpc_timeout=CALL_LIMIT,
        )


async def restore_and_wait(
    client: Client, request: RestoreRequest, *, task_queue: str, timeout_seconds: float
) -> Record:
    """The record of the restore. Raises NoWorker or OutcomeTimeout (with its progress) if it is not known in time.

    Raises WorkflowNotFound if nothing has the preemption_id: neither a workflow execution nor the mark of a VM.
    """
    check_limit(timeout_seconds)
    if request.preemption_id:
        # What Temporal does not know, the worker may find in marks; what is something else is refused at once.
        await is_known(client, request.preemption_id, workflow_id=request.workflow_id)
    started = await start_restore(client, request, task_queue=task_queue)
    what = f"Cannot determine the outcome of the restore {started.workflow_id}"
    handle = client.get_workflow_handle(started.workflow_id, run_id=started.execution_run_id or None)
    with translated(what):
        record = await within(timeout_seconds, lambda: _result(handle, what))
    if record is None:
        raise await _still_running(client, started.workflow_id, what, timeout_seconds)
    record = checked(record, dict, started.workflow_id, "result")
    if record.get("reasonCode") == RestoreReason.PREEMPTION_NOT_FOUND:
        raise not_found(str(record["message"]).removesuffix("."))
    return record


async def _join(client: Client, request: RestoreRequest, workflow_id: str, what: str, error: Exception) -> Started:
    """The active restore, if it is the same."""
    with translated(what):
        found = await client.get_workflow_handle(workflow_id).describe(rpc_timeout=CALL_LIMIT)
        memo = await found.memo()
    if memo.get(MEMO_REQUEST) != request.digest:
        raise RestoreInProgress(
            what,
            why=f"another restore of the workflow {request.workflow_id} is active",
            next_step="Wait until it has ended, or cancel its workflow.",
        ) from error
    return Started(workflow_id, found.run_id, joined=True)


async def _result(handle: WorkflowHandle[Any, Any], what: str) -> Any:
    try:
        return await handle.result()
    except part("client").WorkflowFailureError as error:
        raise TemporalError(
            what,
            why=f"its workflow did not complete: {error.cause}".rstrip("."),
            next_step="Retry; VMs already restored stay powered on.",
        ) from error


async def _still_running(client: Client, workflow_id: str, what: str, seconds: float) -> TemporalError:
    try:
        async with asyncio.timeout(LAST_LOOK_SECONDS):
            progress = checked(
                await query(client, workflow_id, None, QUERY_PROGRESS), dict, workflow_id, QUERY_PROGRESS
            )
    except (NoWorker, TimeoutError):
        return no_worker(what, f"no worker responded within {seconds:g} seconds")
    except TemporalError as error:
        return error
    return OutcomeTimeout(
        what,
        why=f"no outcome after {seconds:g} seconds",
        next_step="Run the same task again; it waits for the same restore.",
        last_state=progress,
    )
