# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Temporal calls from a short-lived process: a module or a command line.

temporalio has its own native threads. A process that connects, makes one call and exits immediately can crash with a
segmentation fault at the end, when one of these threads still accesses the interpreter (temporalio issue 300; observed
in up to half of the processes). A short pause before the event loop closes lets them finish. It makes the crash
unlikely; it is not a fix, and can be removed when the library has one.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from ..core.errors import OutcomeTimeout, TemporalUnreachable

if TYPE_CHECKING:
    from temporalio.client import Client

    from .connection import TemporalConnection

Result = TypeVar("Result")

REST_SECONDS = 0.1
CONNECT_SECONDS = 15.0
# Extra time for what precedes and follows the wait: connecting, and a last query.
MARGIN_SECONDS = 60.0


def with_client(
    connection: TemporalConnection,
    call: Callable[[Client], Coroutine[Any, Any, Result]],
    *,
    timeout_seconds: float = 0.0,
) -> Result:
    """Run the call with a connected client and return its result.

    timeout_seconds: how long the call may wait for something; connecting has its own limit. Raises TemporalUnreachable
    and OutcomeTimeout, otherwise errors of the call.
    """

    async def connect_and_call() -> Result:
        return await call(await _client(connection))

    return run(connect_and_call, timeout_seconds=timeout_seconds + MARGIN_SECONDS)


def account() -> str:
    """The account that runs this process, to record with what it requests; empty if it has no name."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        # A container may run under a user id without an account.
        return ""


def run(make: Callable[[], Coroutine[Any, Any, Result]], *, timeout_seconds: float) -> Result:
    """The result of the coroutine. It runs in its own event loop, and never longer than the limit.

    timeout_seconds: for the whole call; raises OutcomeTimeout when it expires. The pause always takes place.
    """
    return asyncio.run(_limited(make, timeout_seconds))


async def _limited(make: Callable[[], Coroutine[Any, Any, Result]], timeout_seconds: float) -> Result:
    limit = asyncio.timeout(timeout_seconds)
    try:
        async with limit:
            return await make()
    except Exception as error:
        # The library turns a cancelled call into its own errors.
        if limit.expired():
            raise _out_of_time(timeout_seconds) from error
        raise
    finally:
        await asyncio.sleep(REST_SECONDS)


async def _client(connection: TemporalConnection) -> Client:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await connection.connect()
    except TimeoutError as error:
        raise TemporalUnreachable(
            f"Cannot connect to Temporal at {connection.address}",
            why=f"no response within {CONNECT_SECONDS:g} seconds",
            next_step="Check the address, and that no firewall blocks the connection.",
        ) from error


def _out_of_time(timeout_seconds: float) -> OutcomeTimeout:
    return OutcomeTimeout(
        "Temporal did not respond in time",
        why=f"timed out after {timeout_seconds:g} seconds",
        next_step="Check the Temporal server and the worker, or increase the timeout.",
    )
