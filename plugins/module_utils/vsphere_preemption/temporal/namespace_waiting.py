# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until a namespace can be used, or is gone, whichever frontend is asked.

A description is no proof: a frontend reads it from the database, and all other calls ask what it has in memory. How
many frontends there are cannot be known. So each look has a connection of its own, which a load balancer may lead
elsewhere, and it is the same answer several times in a row that counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from ._temporalio import part
from .faults import translate
from .namespace_errors import NamespaceNotReady
from .namespace_plan import Namespace

if TYPE_CHECKING:
    from temporalio.client import Client
    from temporalio.service import ServiceClient

CALL_LIMIT = timedelta(seconds=5)
# After a deletion and a new registration of the same name, a server was seen to know the name for a second, to forget
# it once, and to know it again.
STEADY_LOOKS = 5
BETWEEN_LOOKS_SECONDS = 0.5

_MAY_PASS = ("NOT_FOUND", "INVALID_ARGUMENT", "UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "RESOURCE_EXHAUSTED")

# What is still amiss, empty when nothing is.
Look = Callable[["ServiceClient"], Awaitable[str]]


async def wait_until_usable(
    client: Client, namespace: Namespace, *, timeout_seconds: float, steadily: bool = True
) -> None:
    """Return once the namespace and its search attributes can be used. NamespaceNotReady when the time is over.

    steadily: False when nothing was made, so that one look will do.
    """
    query = " AND ".join(f"`{name}` IS NULL" for name in sorted(namespace.search_attributes))

    async def look(service: ServiceClient) -> str:
        return await _ask(service, namespace.name, query)

    what = f"The Temporal namespace {namespace.name} cannot be used yet"
    await _wait(client, look, what, timeout_seconds, STEADY_LOOKS if steadily else 1)


async def wait_until_gone(client: Client, name: str, *, timeout_seconds: float) -> None:
    """Return once no call finds the namespace any more. NamespaceNotReady when the time is over."""

    async def look(service: ServiceClient) -> str:
        amiss = await _ask(service, name, "")
        return "" if amiss.startswith("NOT_FOUND") else amiss or "it can still be used"

    await _wait(client, look, f"The Temporal namespace {name} is not gone yet", timeout_seconds, STEADY_LOOKS)


async def _wait(client: Client, look: Look, what: str, timeout_seconds: float, looks: int) -> None:
    amiss, good = "there was no answer", 0
    try:
        async with asyncio.timeout(timeout_seconds) as limit:
            # temporalio may turn the end of the time into an error of its own, which is no reason to go on.
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
        why=f"{seconds:g} seconds are over ({amiss or 'it was fine, but not for long enough'})",
        next_step="Run this again, or allow more time.",
    )


async def _look_anew(client: Client, look: Look, what: str) -> str:
    """A look on a connection of its own."""
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
