# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals that gathered while no worker was running: read a few per workflow task, in order, and none is lost."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from vsphere_preemption.core.contract import (
    QUERY_REQUESTS,
    QUERY_RUNS,
    SIGNAL_PREEMPT,
    UPDATE_PREEMPT,
    WORKFLOW_TYPE,
)
from vsphere_preemption_worker.service.registry import sandboxed_runner
from vsphere_preemption_worker.workflows.dispatcher import PreemptVMsWorkflow
from vsphere_preemption_worker.workflows.inbox import PER_TASK
from vsphere_preemption_worker.workflows.run import PreemptionRun

from ..world import Script, a_request, eventually

Story = Callable[[WorkflowHandle[Any, Any], Callable[[], Any]], Awaitable[None]]


@pytest.fixture
def tell_late(loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment) -> Callable[..., None]:
    """Run a story with a dispatcher, and a worker that starts only when the story asks for it."""

    def tell(story: Story, script: Script) -> None:
        async def told() -> None:
            queue = f"queue-{uuid.uuid4()}"
            handle = await server.client.start_workflow(WORKFLOW_TYPE, id=f"wf-{queue}", task_queue=queue)
            await story(handle, lambda: a_worker(server.client, queue, script))

        loop.run_until_complete(asyncio.wait_for(told(), 40))

    return tell


@asynccontextmanager
async def a_worker(client: Client, queue: str, script: Script) -> AsyncIterator[None]:
    async with Worker(
        client,
        task_queue=queue,
        workflows=[PreemptVMsWorkflow, PreemptionRun],
        activities=script.activities(),
        workflow_runner=sandboxed_runner(),
    ):
        yield


async def counted(handle: WorkflowHandle[Any, Any], **wanted: int) -> None:
    async def counts() -> dict[str, int]:
        return dict((await handle.query(QUERY_REQUESTS))["counts"])

    await eventually(counts, lambda seen: seen == wanted, f"counts should become {wanted}")


async def waiting(handle: WorkflowHandle[Any, Any], wanted: int) -> None:
    async def look() -> int:
        return int((await handle.query(QUERY_REQUESTS))["waiting"])

    await eventually(look, lambda seen: seen == wanted, f"{wanted} requests should wait")


async def send(handle: WorkflowHandle[Any, Any], *requests: object) -> None:
    for request in requests:
        await handle.signal(SIGNAL_PREEMPT, request)


async def events_of(handle: WorkflowHandle[Any, Any], kind: EventType.ValueType) -> int:
    return len([event async for event in handle.fetch_history_events() if event.event_type == kind])


def test_what_gathered_is_read_over_several_workflow_tasks(tell_late: Callable[..., None]) -> None:
    number = 2 * PER_TASK + 50

    async def story(handle: WorkflowHandle[Any, Any], working: Callable[[], Any]) -> None:
        junk = [{"tag": ""} for _which in range(number)]
        await send(handle, a_request("e0"), *junk, a_request("e1"), a_request("e0"))
        async with working():
            await counted(handle, done=1, skipped=1, rejected=number, duplicate=1)
            [run] = await handle.query(QUERY_RUNS)
            assert run["event"]["id"] == "e0"
            assert await events_of(handle, EventType.EVENT_TYPE_TIMER_STARTED) == 2

    tell_late(story, Script())


def test_what_waited_behind_a_run_is_turned_away_over_several_workflow_tasks(tell_late: Callable[..., None]) -> None:
    """It was read while the run was active, so reading it ends no workflow task any more."""
    script, all_read = Script(), asyncio.Event()
    number = 2 * PER_TASK + 50

    async def until_all_are_read() -> None:
        await all_read.wait()

    script.before_stop = until_all_are_read

    async def story(handle: WorkflowHandle[Any, Any], working: Callable[[], Any]) -> None:
        async with working():
            await send(handle, *(a_request(f"e{which}") for which in range(number)))
            await waiting(handle, number - 1)
            before = await events_of(handle, EventType.EVENT_TYPE_TIMER_STARTED)
            all_read.set()
            await counted(handle, done=1, skipped=number - 1)
            assert await events_of(handle, EventType.EVENT_TYPE_TIMER_STARTED) >= before + 2

    tell_late(story, script)


def test_a_single_signal_needs_no_further_workflow_task(tell_late: Callable[..., None]) -> None:
    async def story(handle: WorkflowHandle[Any, Any], working: Callable[[], Any]) -> None:
        async with working():
            await send(handle, a_request("e1"))
            await counted(handle, done=1)
            assert await events_of(handle, EventType.EVENT_TYPE_TIMER_STARTED) == 0

    tell_late(story, Script())


def test_the_last_of_many_that_gathered_still_escalates_the_run_of_the_first(tell_late: Callable[..., None]) -> None:
    script = Script()
    many = [a_request(f"e{which}", criticality="LOW") for which in range(PER_TASK + 20)]
    urgent = asyncio.Event()

    async def until_urgent() -> None:
        await urgent.wait()

    script.before_plan = until_urgent

    async def story(handle: WorkflowHandle[Any, Any], working: Callable[[], Any]) -> None:
        await send(handle, *many, a_request("urgent", criticality="HIGH"))
        async with working():
            await waiting(handle, len(many))
            urgent.set()
            await counted(handle, done=2, skipped=len(many) - 1)
            assert script.stops[-1].method.value == "hard"

    tell_late(story, script)


def test_an_update_behind_a_signal_for_the_same_event_gets_its_outcome(tell_late: Callable[..., None]) -> None:
    script = Script()

    async def story(handle: WorkflowHandle[Any, Any], working: Callable[[], Any]) -> None:
        await send(handle, *({"tag": ""} for _which in range(PER_TASK)), a_request("e1"))
        async with working():
            answer = await handle.execute_update(UPDATE_PREEMPT, {"request": a_request("e1"), "wait": True})
            assert answer["outcome"] == "done"
            # In the first workflow task of all, the SDK delivers an update before the signals that came before it.
            counts = (await handle.query(QUERY_REQUESTS))["counts"]
            assert (counts.pop("duplicate", 0) <= 1, counts) == (True, {"done": 1, "rejected": PER_TASK})
            assert len(script.plans) == 1

    tell_late(story, script)


def test_what_was_not_read_when_the_workflow_was_cancelled_has_an_outcome(tell_late: Callable[..., None]) -> None:
    number = 2 * PER_TASK

    async def story(handle: WorkflowHandle[Any, Any], working: Callable[[], Any]) -> None:
        await send(handle, *(a_request(f"e{which}") for which in range(number)))
        await handle.cancel()
        async with working():
            await handle.result()
            counts = (await handle.query(QUERY_REQUESTS))["counts"]
            assert sum(counts.values()) == number

    tell_late(story, Script())
