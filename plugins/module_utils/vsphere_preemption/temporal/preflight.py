# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about a Temporal server for the preflight. Read-only; none of the calls needs a worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..core.preflight.rules import NamespaceState, Poller
from ._temporalio import part
from .faults import namespace_missing, translate

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from temporalio.client import Client

CALL_LIMIT = timedelta(seconds=10)
# Numbers of the API: kinds of work on a task queue, and states of a namespace.
WORKFLOWS, ACTIVITIES = 1, 2
STATES = {1: "registered", 2: "deprecated", 3: "deleted"}


def is_secure(client: Client) -> bool:
    """Whether the connection uses TLS."""
    return bool(client.service_client.config.tls)


async def read_namespace(client: Client) -> NamespaceState:
    """The client's namespace. Raises NamespaceNotFound, TemporalAccessDenied."""
    request = part("workflowservice").DescribeNamespaceRequest(namespace=client.namespace)
    asked = client.workflow_service.describe_namespace(request, timeout=CALL_LIMIT)
    answer = await _answer(client, asked, f"Cannot use the Temporal namespace {client.namespace}")
    retention = answer.config.workflow_execution_retention_ttl.ToTimedelta()
    state = STATES.get(int(answer.namespace_info.state), "in an unknown state")
    return NamespaceState(client.namespace, state, retention)


async def read_pollers(client: Client, task_queue: str) -> tuple[Poller, ...]:
    """The workers that polled a task queue within the last five minutes, once for each kind of task."""
    found: list[Poller] = []
    for kind in (WORKFLOWS, ACTIVITIES):
        request = part("workflowservice").DescribeTaskQueueRequest(
            namespace=client.namespace, task_queue={"name": task_queue}, task_queue_type=kind
        )
        asked = client.workflow_service.describe_task_queue(request, timeout=CALL_LIMIT)
        answer = await _answer(client, asked, f"Cannot read the pollers of the task queue {task_queue}")
        found += [Poller(poller.identity, _aware(poller.last_access_time)) for poller in answer.pollers]
    return tuple(found)


async def _answer(client: Client, asked: Coroutine[Any, Any, Any], what: str) -> Any:
    service = part("service")
    try:
        return await asked
    except service.RPCError as error:
        if error.status is service.RPCStatusCode.NOT_FOUND:
            raise namespace_missing(client.namespace) from error
        raise translate(error, what=what) from error


def _aware(stamp: Any) -> datetime:
    moment: datetime = stamp.ToDatetime(tzinfo=UTC)
    return moment
