# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until a namespace can be used, or is deleted, on every frontend.

Describing a namespace is not sufficient: a frontend reads the description from the database, but other calls use its
cache. The number of frontends is not known. So each check uses its own connection, which a load balancer may route to
another frontend, and the same result is required several times in a row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from .._temporalio import part
from ..faults import translate
from .errors import NamespaceNotReady
from .model import Namespace

if TYPE_CHECKING:
    from temporalio.client import Client
    from temporalio.service import ServiceClient

CALL_LIMIT = timedelta(seconds=5)
# After a deletion and a new registration of the same name, a server was observed to find the namespace for a second, to
# lose it once, and to find it again.
STEADY_LOOKS = 5
BETWEEN_LOOKS_SECONDS = 0.5

_MAY_PASS = ("NOT_FOUND", "INVALID_ARGUMENT", "UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "RESOURCE_EXHAUSTED")

# What is still missing, empty if nothing is.
Look = Callable[["ServiceClient"], Awaitable[str]]


async def wait_until_usable(
    client: Client, namespace: Namespace, *, timeout_seconds: float, steadily: bool = True
) -> None:
    """Return once the namespace and its search attributes can be used. Raises NamespaceNotReady after the timeout.

    steadily: False if nothing was created, so that one check is sufficient.
    """
    query = " AND ".join(f"`{name}` IS NULL" for name in sorted(namespace.search_attributes))

    async def look(service: ServiceClient) -> str:
        return await _ask(service, namespace.name, query)

    what = f"The Temporal namespace {namespace.name} cannot be used yet"
    await _wait(client, look, what, timeout_seconds, STEADY_LOOKS if steadily else 1)


async def wait_until_gone(client: Client, name: str, *, timeout_seconds: float) -> None:
    """Return once no call finds the namespace any more. Raises NamespaceNotReady after the timeout."""

    async def look(service: ServiceClient) -> str:
        amiss = await _ask(service, name, "")
        return "" if amiss.startswith("NOT_FOUND") else amiss or "it can still be used"

    await _wait(client, look, f"The Temporal namespace {name} is not deleted yet", timeout_seconds, STEADY_LOOKS)


async def _wait(client: Client, look: Look, what: str, timeout_seconds: float, looks: int) -> None:
    amiss, good = "no response", 0
    try:
        async with asyncio.timeout(timeout_seconds) as limit:
            # temporalio may turn the timeout into one of its own errors, which must not extend the wait.
            while not limit.expired():
                amiss = await _look_anew(client, look, what)
                good = 0 if amiss else good + 1
                if good >= looks:
                    return
                await asyncio.sleep(BETWEEN_LOOKS_SECONDS)
    except TimeoutError as error:
        raise _not_ready(what, timeout_seconds, amiss) from error
    raise _not_ready(what, timeout_seconds, amiss)


def _not_ready(what: str, seconds: float, amiss: str) -> NamespaceNotReady:
    return NamespaceNotReady(
        what,
        why=f"timed out after {seconds:g} seconds ({amiss or 'it was ready, but not for long enough'})",
        next_step="Run the task again, or increase the timeout.",
    )


async def _look_anew(client: Client, look: Look, what: str) -> str:
    """A check on its own connection."""
    service = part("service")
    try:
        return await look(await service.ServiceClient.connect(client.service_client.config))
    except RuntimeError as error:
        return str(translate(error, what=what).why)
    except service.RPCError as error:
        raise translate(error, what=what) from error


async def _ask(service: ServiceClient, name: str, query: str) -> str:
    """A call that needs the namespace, and changes nothing."""
    request = part("workflowservice").CountWorkflowExecutionsRequest(namespace=name, query=query)
    try:
        await service.workflow_service.count_workflow_executions(request, timeout=CALL_LIMIT)
    except part("service").RPCError as error:
        if error.status.name in _MAY_PASS:
            return f"{error.status.name}: {' '.join(error.message.split())}"
        raise
    return ""
