# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which preemption an id names, and what else an id may be that names none.

A preemption id is the workflow id of a run. Temporal also gives each execution of a workflow an id of its own, the
execution run id: it names a link in the history of a workflow, and no preemption.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from ..core.contract import RUN_WORKFLOW_TYPE
from ..core.errors import InvalidRequest, WorkflowNotFound
from ..core.workflow_ids import child_id
from ._temporalio import part
from .faults import CALL_LIMIT, translated

if TYPE_CHECKING:
    from temporalio.client import Client

# Temporal wants ids of no more than 1,000 characters.
MAX_TEXT = 1000


def preemption_id_of(workflow_id: str, run_key: str) -> str:
    """The id of the run that a workflow starts for the request with this key."""
    return child_id(workflow_id, run_key)


def checked_id(preemption_id: str | None) -> str:
    """The id; empty for None, which means any preemption. InvalidRequest for one that is empty or too long.

    An empty id comes from a variable that was to hold one, so it must not mean any preemption.
    """
    if preemption_id is None:
        return ""
    if not preemption_id.strip() or len(preemption_id) > MAX_TEXT:
        raise InvalidRequest(
            "Cannot use the preemption_id",
            why=f"it is empty, or longer than {MAX_TEXT} characters",
            next_step="Correct it, or leave it out if any preemption is meant. A request for which no run was made, "
            "such as a skipped one, has none.",
        )
    return preemption_id


async def is_known(client: Client, preemption_id: str, *, workflow_id: str) -> bool:
    """Whether Temporal has the run of this id; it forgets runs when their retention is over.

    workflow_id: of the dispatcher that is asked about. WorkflowNotFound where the id names something else.
    """
    kind = await _type_of(client, preemption_id)
    if kind == RUN_WORKFLOW_TYPE:
        return True
    if kind:
        raise not_found(f"{preemption_id} is the workflow id of a {kind}, not a preemption_id")
    owner, kind = await _execution(client, preemption_id, workflow_id)
    if owner:
        why = f"{preemption_id} is the execution_run_id of the workflow {owner}, not a preemption_id"
        raise not_found(why, instead=owner if kind == RUN_WORKFLOW_TYPE else "")
    return False


def not_found(why: str, *, instead: str = "") -> WorkflowNotFound:
    """The error for an id that names no preemption. instead: the id that was meant, empty where it is not known."""
    known = (
        f"preemption_id {instead}"
        if instead
        else "the preemption_id that preemption_signal or preemption_query returns"
    )
    return WorkflowNotFound("Cannot find the preemption", why=why, next_step=f"Use {known}.")


async def _type_of(client: Client, workflow_id: str, execution_run_id: str | None = None) -> str:
    """The type of a workflow; empty where Temporal has none of this id."""
    handle = client.get_workflow_handle(workflow_id, run_id=execution_run_id)
    try:
        with translated(f"Cannot look up the workflow {workflow_id}"):
            return str((await handle.describe(rpc_timeout=CALL_LIMIT)).workflow_type)
    except WorkflowNotFound:
        return ""


async def _execution(client: Client, execution_run_id: str, workflow_id: str) -> tuple[str, str]:
    """The workflow that an execution belongs to, and its type; both empty where Temporal has no such execution."""
    if not _is_uuid(execution_run_id):
        return "", ""
    # Asked by itself, because the list of all executions lags behind.
    if kind := await _type_of(client, workflow_id, execution_run_id):
        return workflow_id, kind
    try:
        async for found in client.list_workflows(f"RunId = '{execution_run_id}'", limit=1, rpc_timeout=CALL_LIMIT):
            return found.id, found.workflow_type
    except part("service").RPCError:
        # The list makes the message better. An account that may not read it gets the plain one.
        pass
    return "", ""


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
