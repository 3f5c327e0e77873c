# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old histories replay on the code of today, so an upgrade never wedges a workflow that is running.

Each fixture is a whole, closed history: one that was cut off can pass although the code has changed. New ones are
recorded with `UPDATE_HISTORIES=1 pytest tests/unit/worker/test_replay.py`; old ones are kept as long as somebody may
still run the version that wrote them.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker
from temporalio.workflow import NondeterminismError

from vsphere_preemption.core.contract import QUERY_REQUESTS, SCHEDULED_WORKFLOW_TYPE, UPDATE_PREEMPT
from vsphere_preemption_worker.triggers.handing import Handing
from vsphere_preemption_worker.workflows.dispatcher import PreemptVMsWorkflow
from vsphere_preemption_worker.workflows.restore import PreemptionRestore
from vsphere_preemption_worker.workflows.run import PreemptionRun
from vsphere_preemption_worker.workflows.sandbox import sandboxed_runner
from vsphere_preemption_worker.workflows.scheduled import PreemptionScheduled

from .world import Script, World, a_request, a_world, eventually, failing

HISTORIES = Path(__file__).parents[2] / "fixtures" / "histories"
VERSION = "0.2.0"
RECORDED_ID = "recorded"
EVERY_OUTCOME = f"dispatcher-every-outcome-{VERSION}.json"
EXPECTED = (EVERY_OUTCOME, f"run-announced-{VERSION}.json", f"run-plan-failed-{VERSION}.json")
SCHEDULED = (f"scheduled-preempt-{VERSION}.json", f"scheduled-restore-{VERSION}.json")


async def replay(history: dict[str, object]) -> None:
    replayer = Replayer(
        workflows=[PreemptVMsWorkflow, PreemptionRun, PreemptionScheduled], workflow_runner=sandboxed_runner()
    )
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
        task_queue="recorded",
        workflows=[PreemptionScheduled, PreemptionRestore],
        activities=[Handing(world.client, world.queue).ask],
        workflow_runner=sandboxed_runner(),
    ):
        for name, action in zip(SCHEDULED, actions, strict=True):
            handle = await world.client.start_workflow(
                SCHEDULED_WORKFLOW_TYPE, {**order, **action}, id=name, task_queue="recorded"
            )
            asked = await handle.result()
            await keep(handle, name)
            await world.client.get_workflow_handle(asked["workflowID"]).terminate()


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
            await record_scheduled(world)

    if os.environ.get("UPDATE_HISTORIES"):
        loop.run_until_complete(recorded())


@pytest.mark.parametrize("name", sorted({path.name for path in HISTORIES.glob("*.json")} | set(EXPECTED + SCHEDULED)))
def test_a_recorded_history_replays(loop: asyncio.AbstractEventLoop, name: str) -> None:
    loop.run_until_complete(replay(json.loads((HISTORIES / name).read_text())))


def test_a_history_that_does_not_fit_is_noticed(loop: asyncio.AbstractEventLoop) -> None:
    text = (HISTORIES / EXPECTED[1]).read_text().replace("StopVictims", "SomethingElse")
    with pytest.raises(NondeterminismError):
        loop.run_until_complete(replay(json.loads(text)))
