# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old histories replay on the code of today, so an upgrade never wedges a workflow that is running.

Each fixture is a whole, closed history: one that was cut off can pass although the code has changed. New ones are
recorded with `UPDATE_HISTORIES=1 pytest tests/unit/worker`; old ones are kept as long as somebody may
still run the version that wrote them. Those of `…-empty-limits-…` hold what is refused today, a limit that is given but
empty, so nobody can record them again.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker
from temporalio.workflow import NondeterminismError

from support.paths import CHECKOUT
from vsphere_preemption.core.contract import QUERY_REQUESTS, SCHEDULED_WORKFLOW_TYPE, UPDATE_PREEMPT
from vsphere_preemption.core.requests.request import read_request
from vsphere_preemption.temporal.alarm_workflows import raise_id, raise_later
from vsphere_preemption.temporal.restores import checked_request, start_restore, start_restore_when_green
from vsphere_preemption_worker.activities.signal_dispatcher import DispatcherSignal
from vsphere_preemption_worker.messages.restore import GIVE_BACK, TELL_RESTORED, RestoreInput
from vsphere_preemption_worker.messages.scheduled import ASK
from vsphere_preemption_worker.service.registry import sandboxed_runner
from vsphere_preemption_worker.workflows.dispatcher import PreemptVMsWorkflow
from vsphere_preemption_worker.workflows.restore import PreemptionRestore
from vsphere_preemption_worker.workflows.run import PreemptionRun
from vsphere_preemption_worker.workflows.scheduled import PreemptionRaise, PreemptionScheduled

from ..world import Script, World, a_request, a_world, eventually, failing
from .test_restore import ALARM, GREEN, RED
from .test_restore import Script as RestoreScript

HISTORIES = CHECKOUT / "tests" / "fixtures" / "histories"
VERSION = "0.2.0"
RECORDED_ID = "recorded"
EVERY_OUTCOME = f"dispatcher-every-outcome-{VERSION}.json"
EXPECTED = (EVERY_OUTCOME, f"run-announced-{VERSION}.json", f"run-plan-failed-{VERSION}.json")
SCHEDULED = (f"scheduled-preempt-{VERSION}.json", f"scheduled-restore-{VERSION}.json")
RAISED = f"raise-{VERSION}.json"
BY_HAND, WHEN_GREEN = f"restore-by-hand-{VERSION}.json", f"restore-when-green-{VERSION}.json"
# Both had a worker killed, so that a result and a cancellation came in one task (tests/faults/test_decisions.py); the
# older code threw the result away.
CANCELLED = ("run-cancelled-result-lost-0.2.0.json", "run-cancelled-0.2.1.json")
ALL = {*EXPECTED, *SCHEDULED, RAISED, BY_HAND, WHEN_GREEN, *CANCELLED}
# Ids and task queues are in a history, so they do not change from one recording to the next.
QUEUE = "recorded"


async def replay(history: dict[str, object]) -> None:
    workflows = [PreemptVMsWorkflow, PreemptionRun, PreemptionScheduled, PreemptionRaise, PreemptionRestore]
    replayer = Replayer(workflows=workflows, workflow_runner=sandboxed_runner())
    await replayer.replay_workflow(WorkflowHistory.from_json(RECORDED_ID, history))


async def record(world: World) -> None:
    """A dispatcher that sees every outcome a request can have, and two of its runs."""
    HISTORIES.mkdir(exist_ok=True)
    handle = await world.start(workflow_id=RECORDED_ID)
    await world.signal(handle, a_request("e1", replyTo="http://sink.example"))
    await eventually(lambda: handle.query(QUERY_REQUESTS), lambda seen: seen["counts"] == {"done": 1}, "a run")
    for request in (a_request("e1"), a_request("e2"), {"tag": ""}):
        await world.signal(handle, request)
    await handle.execute_update(UPDATE_PREEMPT, {"request": a_request("e3"), "wait": True})
    await handle.cancel()
    await handle.result()
    await keep(handle, EVERY_OUTCOME)
    await keep(world.client.get_workflow_handle(world.script.plans[0].run.run_id), EXPECTED[1])
    world.script.before_plan = failing("tag_not_found", retryable=False)
    other = await world.start(workflow_id="recorded-failure")
    await world.signal(other, a_request("e4"))
    await eventually(lambda: other.query(QUERY_REQUESTS), lambda seen: seen["counts"] == {"failed": 1}, "a failure")
    await keep(world.client.get_workflow_handle(world.script.plans[1].run.run_id), EXPECTED[2])


async def record_scheduled(world: World) -> None:
    """What a schedule starts: once for a preemption, once for a restore, of which nothing but the start matters."""
    order = {"schedule": "night", "workflow_id": RECORDED_ID}
    actions = {"request": {"tag": "preemptible", "criticality": "LOW"}}, {"restore": {"workflow_id": "w", "tag": "t"}}
    async with Worker(
        world.client,
        task_queue=QUEUE,
        workflows=[PreemptionScheduled, PreemptionRestore],
        activities=[DispatcherSignal(world.client, world.queue).ask],
        workflow_runner=sandboxed_runner(),
    ):
        for name, action in zip(SCHEDULED, actions, strict=True):
            handle = await world.client.start_workflow(
                SCHEDULED_WORKFLOW_TYPE, {**order, **action}, id=name, task_queue=QUEUE
            )
            asked = await handle.result()
            await keep(handle, name)
            await world.client.get_workflow_handle(asked["workflowID"]).terminate()


async def record_raise(world: World) -> None:
    """A request that waits until its alarm has lasted, as the webhook starts it."""
    async with Worker(
        world.client,
        task_queue=QUEUE,
        workflows=[PreemptionRaise],
        activities=[DispatcherSignal(world.client, world.queue).ask],
        workflow_runner=sandboxed_runner(),
    ):
        asked, request = "recorded-alarm", read_request(a_request("e5"))
        await raise_later(world.client, request, workflow_id=asked, colour="red", delay_seconds=300.0, task_queue=QUEUE)
        await keep(await ended(world, raise_id(asked, "red")), RAISED)
        await world.client.get_workflow_handle(asked).terminate()


async def record_restores(world: World) -> None:
    """One by hand, and one that waits for green: each with two batches, the pause between them, and its event."""
    given: dict[str, Any] = {"tag": "preemptible", "workflow_id": RECORDED_ID, "reply_to": "http://sink.example"}
    async with Worker(
        world.client,
        task_queue=QUEUE,
        workflows=[PreemptionRestore],
        activities=RestoreScript(colours=[RED, GREEN]).activities(),
        workflow_runner=sandboxed_runner(),
    ):
        started = await start_restore(world.client, checked_request(**given), task_queue=QUEUE)
        await keep(await ended(world, started.workflow_id), BY_HAND)
        order = RestoreInput(**given, alarm=ALARM, wait_for_green=True, look_seconds=300.0)
        await start_restore_when_green(world.client, RECORDED_ID, order, task_queue=QUEUE)
        await keep(await ended(world, f"{RECORDED_ID}/restore-when-green"), WHEN_GREEN)


async def ended(world: World, workflow_id: str) -> WorkflowHandle[Any, Any]:
    """A workflow that ends within the hour, once it has. Waiting for a result alone would skip no time here."""
    await world.skip(3600)
    handle = world.client.get_workflow_handle(workflow_id)
    await handle.result()
    return handle


async def keep(handle: WorkflowHandle[Any, Any], name: str) -> None:
    """Write the history down, without the stack traces, which name folders of the machine that recorded it."""
    text = (await handle.fetch_history()).to_json()
    (HISTORIES / name).write_text(re.sub(r'"stackTrace": ".*"', '"stackTrace": ""', text) + "\n")


@pytest.fixture(scope="module", autouse=True)
def histories(loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment) -> None:
    """Record anew on demand."""

    async def recorded() -> None:
        async with a_world(server, Script()) as world:
            await record(world)
            await record_restores(world)
            await record_raise(world)
            # At the end: its restore has an activity that nobody works on, and the server skips no time beside that.
            await record_scheduled(world)

    if os.environ.get("UPDATE_HISTORIES"):
        loop.run_until_complete(recorded())


@pytest.mark.parametrize("name", sorted({path.name for path in HISTORIES.glob("*.json")} | ALL))
def test_a_recorded_history_replays(loop: asyncio.AbstractEventLoop, name: str) -> None:
    loop.run_until_complete(replay(json.loads((HISTORIES / name).read_text())))


@pytest.mark.parametrize(
    ("name", "activity"),
    [(EXPECTED[1], "StopVictims"), (RAISED, ASK), (BY_HAND, GIVE_BACK), (WHEN_GREEN, TELL_RESTORED)],
)
def test_a_history_that_does_not_fit_is_noticed(loop: asyncio.AbstractEventLoop, name: str, activity: str) -> None:
    text = (HISTORIES / name).read_text().replace(f'"{activity}"', '"SomethingElse"')
    with pytest.raises(NondeterminismError):
        loop.run_until_complete(replay(json.loads(text)))
