# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The message of a failed activity or child workflow, for users.

In the chain of causes, the outermost application error counts: our code has raised it, with what failed, why and what
to do. Its causes are errors of libraries, and around it are those of Temporal.
"""

from __future__ import annotations

from collections.abc import Iterator

from temporalio.exceptions import ApplicationError


def failure_message(error: BaseException) -> str:
    """The message of our own error, or of the innermost cause if there is none."""
    ours = _application_error(error)
    text = ours.message if ours else str(list(_causes(error))[-1])
    return text or type(error).__name__


def code_of(error: BaseException) -> str:
    """Our error code; empty if there is none."""
    ours = _application_error(error)
    return (ours.type or "") if ours else ""


def is_final(error: BaseException) -> bool:
    """Whether our error is not retryable."""
    ours = _application_error(error)
    return ours is not None and ours.non_retryable


def _application_error(error: BaseException) -> ApplicationError | None:
    return next((cause for cause in _causes(error) if isinstance(cause, ApplicationError)), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
