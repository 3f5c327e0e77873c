# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed activity or child workflow says to a person: the innermost cause, not the layers around it."""

from __future__ import annotations

from collections.abc import Iterator

from temporalio.exceptions import ApplicationError


def explain(error: BaseException) -> str:
    """The text of the innermost error, and that the time was over where that is why it was the last."""
    causes = list(_causes(error))
    innermost = causes[-1]
    text = innermost.message if isinstance(innermost, ApplicationError) else str(innermost)
    return text or type(innermost).__name__


def code_of(error: BaseException) -> str:
    """Our error code of the innermost error; empty where it is none of ours."""
    codes = [cause.type for cause in _causes(error) if isinstance(cause, ApplicationError) and cause.type]
    return codes[-1] if codes else ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
