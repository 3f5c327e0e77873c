# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for something to become true, with the last seen value in the error.

Only for integration tests, the demo and the benchmark, where a real server decides when it is ready.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.02


class WaitedInVain(AssertionError):
    """The awaited thing did not happen in time."""


def wait_until(
    probe: Callable[[], T],
    seconds: float,
    what: str,
    *,
    until: Callable[[T], bool] = bool,
    ignoring: tuple[type[Exception], ...] = (),
    poll_seconds: float = POLL_SECONDS,
) -> T:
    """Call `probe` until `until(value)` holds, and return that value.

    ignoring: errors of the probe that mean "not yet". Any other error ends the wait at once.
    Raises WaitedInVain with the last value or error after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        last: object
        try:
            value = probe()
        except ignoring as error:
            last = error
        else:
            if until(value):
                return value
            last = value
        if time.monotonic() >= deadline:
            raise WaitedInVain(f"Waited {seconds:g} s for {what}; the last thing seen was {last!r}")
        time.sleep(poll_seconds)


async def wait_until_async(
    probe: Callable[[], Awaitable[T]],
    seconds: float,
    what: str,
    *,
    until: Callable[[T], bool] = bool,
    ignoring: tuple[type[Exception], ...] = (),
    poll_seconds: float = POLL_SECONDS,
) -> T:
    """As `wait_until`, for a probe that must be awaited."""
    deadline = time.monotonic() + seconds
    while True:
        last: object
        try:
            value = await probe()
        except ignoring as error:
            last = error
        else:
            if until(value):
                return value
            last = value
        if time.monotonic() >= deadline:
            raise WaitedInVain(f"Waited {seconds:g} s for {what}; the last thing seen was {last!r}")
        await asyncio.sleep(poll_seconds)
