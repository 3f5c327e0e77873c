# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The meaning of a failed call to a workflow. Private to this folder.

`faults` covers connections and permissions; this module covers one workflow and the worker that should respond for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from ..core.errors import (
    InvalidRequest,
    InvalidSetting,
    NoWorker,
    PreemptionError,
    TemporalError,
    TemporalUnreachable,
    WorkflowNotFound,
)
from ._temporalio import part
from .faults import translate

if TYPE_CHECKING:
    from temporalio.client import Client

Result = TypeVar("Result")

CALL_LIMIT = timedelta(seconds=10)
_REFUSED_BY_VALIDATOR = InvalidRequest.code


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Translate errors of temporalio into ours."""
    try:
        yield
    except part("service").RPCError as error:
        raise _from_call(error, what) from error
    except part("client").WorkflowQueryFailedError as error:
        raise TemporalError(
            what,
            why=str(error).rstrip("."),
            next_step="Check the workflow id (it must be a preemption workflow) and the execution_run_id.",
        ) from error
    except part("client").WorkflowUpdateFailedError as error:
        raise _from_update(error.cause, what) from error


def _from_call(error: Exception, what: str) -> PreemptionError:
    status, text = error.status.name, error.message.rstrip(". ")  # type: ignore[attr-defined]
    if status == "NOT_FOUND" and not _namespace_is_missing(error):
        return WorkflowNotFound(
            what,
            why="Temporal has no such workflow",
            next_step="Check the workflow id, the execution_run_id and the namespace.",
        )
    if status == "INVALID_ARGUMENT":
        return InvalidSetting(what, why=text, next_step="Correct the value named in the message.")
    if status == "FAILED_PRECONDITION":
        return no_worker(what, text)
    return translate(error, what=what)


def _namespace_is_missing(error: Exception) -> bool:
    """The message is not conclusive: it may name the namespace in which a workflow is missing."""
    details = error.grpc_status.details  # type: ignore[attr-defined]
    return any(detail.type_url.endswith(".NamespaceNotFoundFailure") for detail in details)


def _from_update(cause: BaseException, what: str) -> PreemptionError:
    text = getattr(cause, "message", "") or str(cause)
    if getattr(cause, "type", None) == _REFUSED_BY_VALIDATOR:
        return InvalidRequest(what, why=text.rstrip("."), next_step="Correct the request; nothing was done.")
    return TemporalError(what, why=text.rstrip("."), next_step="Send the same request again, with the same request id.")


def no_worker(what: str, why: str) -> NoWorker:
    """The error for a workflow that no worker responds for."""
    return NoWorker(what, why=why, next_step="Check that a worker is running and polls this task queue.")


async def query(client: Client, workflow_id: str, execution_run_id: str | None, name: str) -> Any:
    """The reply to a query. Raises WorkflowNotFound, or NoWorker if no worker responds."""
    what = f"Cannot read {name} of the workflow {workflow_id}"
    handle = client.get_workflow_handle(workflow_id, run_id=execution_run_id)
    try:
        with translated(what):
            return await handle.query(name, rpc_timeout=CALL_LIMIT)
    except TemporalUnreachable as error:
        # The frontend responded when we connected, so it is the worker that has timed out.
        codes = part("service").RPCStatusCode
        if getattr(error.__cause__, "status", None) in (codes.DEADLINE_EXCEEDED, codes.CANCELLED):
            raise no_worker(what, "no worker responded in time") from error
        raise


async def within(seconds: float, make: Callable[[], Coroutine[Any, Any, Result]]) -> Result | None:
    """The result of the coroutine, None if it does not finish in time. Polls of temporalio end with the task."""
    task = asyncio.ensure_future(make())
    await asyncio.wait({task}, timeout=seconds)
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return None


def check_limit(seconds: float) -> None:
    """Raises InvalidSetting for an invalid time limit."""
    if seconds <= 0:
        raise InvalidSetting(
            "Cannot wait for the outcome", why=f"the timeout is {seconds:g} seconds", next_step="Set it to 1 or more."
        )


def checked(answer: object, kind: type[Result], workflow_id: str, name: str) -> Result:
    """The reply to a query, if it has the expected format."""
    if not isinstance(answer, kind):
        raise foreign_answer(workflow_id, name)
    return answer


def foreign_answer(workflow_id: str, name: str) -> TemporalError:
    """The error for a workflow whose replies have an unexpected format."""
    return TemporalError(
        f"Cannot use the workflow {workflow_id}",
        why=f"its reply to query {name} has an unexpected format",
        next_step="Check that the workflow id is that of a preemption workflow.",
    )
