# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send a request as the prototype's clients do, and read from Temporal's history when what happened."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

WORKFLOW_TYPE = "PreemptVMsWorkflow"
SIGNAL = "PreemptVMsChan"
STOP_ACTIVITY = "StopVictims"
FINISH_SECONDS = 300


class UnexpectedHistory(RuntimeError):
    """The history of a workflow lacks what the benchmark reads from it."""


@dataclass(frozen=True)
class Sent:
    """A request that was sent, and the workflow that got it."""

    workflow_id: str


async def send(client: Client, *, task_queue: str, tag: str, reply_to: str) -> Sent:
    """Signal a workflow of its own, so that neither window nor dedupe of another round matters."""
    sent = Sent(f"bench-{uuid.uuid4().hex[:12]}")
    event = {"specversion": "1.0", "id": sent.workflow_id, "source": "tests/bench", "type": "BenchmarkEvent"}
    request = {"tag": tag, "criticality": "HIGH", "event": event, "replyTo": reply_to}
    await client.start_workflow(
        WORKFLOW_TYPE, id=sent.workflow_id, task_queue=task_queue, start_signal=SIGNAL, start_signal_args=[request]
    )
    return sent


async def accepted_at(client: Client, sent: Sent) -> float:
    """When Temporal took the signal in, in seconds since the epoch."""
    signals = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    return _time(await _find(client, sent.workflow_id, signals))


async def finish(client: Client, sent: Sent) -> str:
    """Wait until the run of the request has ended; return the id of its workflow."""
    started = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED
    event = await _find(client, sent.workflow_id, started)
    child = event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id
    await asyncio.wait_for(client.get_workflow_handle(child).result(), FINISH_SECONDS)
    return child


async def plan_seconds(client: Client, run_workflow_id: str) -> float:
    """From the start of a run until it asks for the first VM to be stopped: all of it is planning."""
    events = await _events(client, run_workflow_id)
    for event in events:
        asked = event.activity_task_scheduled_event_attributes
        if event.HasField("activity_task_scheduled_event_attributes") and asked.activity_type.name == STOP_ACTIVITY:
            return _time(event) - _time(events[0])
    raise UnexpectedHistory(f"{run_workflow_id} never asked for {STOP_ACTIVITY}")


async def terminate(client: Client, sent: Sent) -> None:
    """End the dispatcher of a round; it would wait for further requests for ever."""
    await client.get_workflow_handle(sent.workflow_id).terminate("the round is over")


async def _find(client: Client, workflow_id: str, kind: Any) -> HistoryEvent:
    for event in await _events(client, workflow_id):
        if event.event_type == kind:
            return event
    raise UnexpectedHistory(f"{workflow_id} has no {EventType.Name(kind)}")


async def _events(client: Client, workflow_id: str) -> list[HistoryEvent]:
    return list((await client.get_workflow_handle(workflow_id).fetch_history()).events)


def _time(event: HistoryEvent) -> float:
    return event.event_time.seconds + event.event_time.nanos / 1e9
