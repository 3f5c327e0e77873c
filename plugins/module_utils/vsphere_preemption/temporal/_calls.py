# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed call to a workflow means. Private to this folder.

`faults` knows about connections and rights; here it is about one workflow and the worker that should answer for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..core.errors import InvalidRequest, InvalidSetting, NoWorker, PreemptionError, TemporalError, WorkflowNotFound
from ._temporalio import part
from .faults import translate

_REFUSED_BY_VALIDATOR = InvalidRequest.code


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Errors of temporalio leave the block as ours."""
    try:
        yield
    except part("service").RPCError as error:
        raise _from_call(error, what) from error
    except part("client").WorkflowQueryFailedError as error:
        raise TemporalError(
            what,
            why=str(error).rstrip("."),
            next_step="Check the workflow id (it must be a preemption workflow) and the run id.",
        ) from error
    except part("client").WorkflowUpdateFailedError as error:
        raise _from_update(error.cause, what) from error


def _from_call(error: Exception, what: str) -> PreemptionError:
    status, text = error.status.name, error.message.rstrip(". ")  # type: ignore[attr-defined]
    if status == "NOT_FOUND" and not _namespace_is_missing(error):
        return WorkflowNotFound(
            what,
            why="Temporal knows no such workflow",
            next_step="Check the workflow id, the run id and the namespace.",
        )
    if status == "INVALID_ARGUMENT":
        return InvalidSetting(what, why=text, next_step="Correct the value that the message names.")
    if status == "FAILED_PRECONDITION":
        return no_worker(what, text)
    return translate(error, what=what)


def _namespace_is_missing(error: Exception) -> bool:
    """The message does not tell for sure: it may name the namespace in which a workflow is missing."""
    details = error.grpc_status.details  # type: ignore[attr-defined]
    return any(detail.type_url.endswith(".NamespaceNotFoundFailure") for detail in details)


def _from_update(cause: BaseException, what: str) -> PreemptionError:
    text = getattr(cause, "message", "") or str(cause)
    if getattr(cause, "type", None) == _REFUSED_BY_VALIDATOR:
        return InvalidRequest(what, why=text.rstrip("."), next_step="Correct the request; nothing was done.")
    return TemporalError(what, why=text.rstrip("."), next_step="Send the same request again, with the same request id.")


def no_worker(what: str, why: str) -> NoWorker:
    """The error for a workflow that nobody answers for."""
    return NoWorker(what, why=why, next_step="Check that a worker runs, and that it polls this task queue.")
