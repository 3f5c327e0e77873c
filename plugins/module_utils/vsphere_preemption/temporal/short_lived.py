# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Temporal calls from a process that lives for seconds: a module or a command line.

temporalio keeps native threads of its own. A process that connects, makes one call and leaves at once can die of a
segmentation fault after its last line, when one of these threads still reaches for the interpreter (temporalio issue
300; up to every second process was seen to). A short pause before the event loop closes lets them come to rest. It
makes the crash unlikely; it is no cure, and can go when the library has one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ..core.errors import OutcomeTimeout

Result = TypeVar("Result")

REST_SECONDS = 0.1


def run(make: Callable[[], Coroutine[Any, Any, Result]], *, timeout_seconds: float) -> Result:
    """What the coroutine returns. It runs in an event loop of its own, and never longer than the limit.

    timeout_seconds: for all of it; OutcomeTimeout when it is over. Whatever ends it, the pause is kept.
    """
    return asyncio.run(_limited(make, timeout_seconds))


async def _limited(make: Callable[[], Coroutine[Any, Any, Result]], timeout_seconds: float) -> Result:
    limit = asyncio.timeout(timeout_seconds)
    try:
        async with limit:
            return await make()
    except Exception as error:
        # The library turns a cancelled call into errors of its own.
        if limit.expired():
            raise _out_of_time(timeout_seconds) from error
        raise
    finally:
        await asyncio.sleep(REST_SECONDS)


def _out_of_time(timeout_seconds: float) -> OutcomeTimeout:
    return OutcomeTimeout(
        "Temporal did not answer in time",
        why=f"{timeout_seconds:g} seconds are over",
        next_step="Check the Temporal server and the worker, or allow more time.",
    )
