# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Input from outside: everybody with access to the namespace can send anything to a workflow.

A handler with types fails the workflow task, which Temporal then repeats indefinitely, if the number of arguments is
wrong. So handlers take the payloads as they are, and an error in them is an `InvalidRequest`, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core.errors import InvalidRequest, RequestTooLarge

# Twice what anything of ours has. Reading more would take long, for nothing.
MOST_BYTES = 1024 * 1024

Read = TypeVar("Read")


def only_payload(what: str, payloads: Sequence[RawValue], *, most_bytes: float = MOST_BYTES) -> object:
    """The JSON value of the one payload. what: what fails without it. Raises InvalidRequest, RequestTooLarge."""
    if len(payloads) != 1:
        raise InvalidRequest(what, why=f"it has {len(payloads)} payloads", next_step="Send exactly one.")
    size = len(payloads[0].payload.data)
    if size > most_bytes:
        why = f"it has {size} bytes, but the maximum is {most_bytes:g}"
        raise RequestTooLarge(what, why=why, next_step="Send a smaller one.")
    return without_surprise(what, lambda: workflow.payload_converter().from_payload(payloads[0].payload))


def without_surprise(what: str, read: Callable[[], Read]) -> Read:
    """What `read` returns. Whatever it raises, the cause is the input: InvalidRequest."""
    try:
        return read()
    except InvalidRequest:
        raise
    except Exception as error:
        raise InvalidRequest(what, why=str(error)[:200], next_step="Send it as JSON.") from error


def refused(error: InvalidRequest) -> ApplicationError:
    """The error for the sender. Its text may quote the input, which need not be valid text for Temporal."""
    text = str(error).encode("utf-8", "backslashreplace").decode()
    return ApplicationError(text, type=error.code, non_retryable=True)
