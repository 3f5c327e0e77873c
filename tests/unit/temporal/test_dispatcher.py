# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the dispatcher: the real workflow on a real server; the activities answer from a script."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType

from vsphere_preemption.core.errors import (
    InvalidRequest,
    InvalidSetting,
    OutcomeTimeout,
    TemporalError,
    WorkflowNotFound,
)
from vsphere_preemption.core.requests.request import PreemptionRequest, read_request
from vsphere_preemption.temporal import dispatcher

from ..worker.world import Script, World, a_request, eventually, failing

Tell = Callable[..., None]


def requested(event_id: str | None = None, **given: Any) -> PreemptionRequest:
    return read_request(a_request(event_id, **given))


def until(event: asyncio.Event) -> Callable[[], Coroutine[Any, Any, None]]:
    async def wait() -> None:
        await event.wait()

    return wait


async def ask(
    world: World, workflow_id: str, request: PreemptionRequest, *, request_id: str = "", seconds: float = 10.0
) -> dispatcher.RequestOutcome:
    return await dispatcher.preempt_and_wait(
        world.client,
        request,
        workflow_id=workflow_id,
        task_queue=world.queue,
        request_id=request_id,
        timeout_seconds=seconds,
    )


@pytest.fixture
def workflow_id() -> str:
    return f"asked-{uuid.uuid4()}"


def test_a_signal_starts_the_workflow_without_input(tell: Tell, workflow_id: str) -> None:
    async def story(world: World) -> None:
        accepted = await dispatcher.signal_request(
            world.client, requested("e1"), workflow_id=workflow_id, task_queue=world.queue
        )
        history = await world.client.get_workflow_handle(workflow_id, run_id=accepted.execution_run_id).fetch_history()
        started = history.events[0].workflow_execution_started_event_attributes
        assert not started.input.payloads
        assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED in [event.event_type for event in history.events]
        await eventually(
            lambda: dispatcher.read_requests(world.client, workflow_id),
            lambda seen: seen["counts"] == {"done": 1},
            "done",
        )
        [record] = await dispatcher.read_runs(world.client, workflow_id)
        assert record["runID"] == accepted.preemption_id

    tell(story)


def test_the_id_of_a_run_is_not_told_before_its_event_has_one(tell: Tell, workflow_id: str) -> None:
    nameless = read_request({"tag": "t", "criticality": "LOW"})

    async def story(world: World) -> None:
        accepted = await dispatcher.signal_request(
            world.client, nameless, workflow_id=workflow_id, task_queue=world.queue
        )
        assert (accepted.preemption_id, bool(accepted.execution_run_id)) == ("", True)

    tell(story)


def test_the_outcome_is_waited_for_and_read_back(tell: Tell, workflow_id: str) -> None:
    async def story(world: World) -> None:
        answer = await ask(world, workflow_id, requested("e1"))
        assert (answer.record["outcome"], len(answer.record["victims"])) == ("done", 2)
        assert not answer.repeated
        assert await dispatcher.read_runs(world.client, workflow_id) == [answer.record]
        state = await dispatcher.read_state(world.client, workflow_id)
        assert state["workflowRunID"] == answer.execution_run_id
        assert answer.preemption_id == answer.record["runID"] != answer.execution_run_id
        assert state["event"]["id"] == "e1"

    tell(story)


def test_the_same_request_again_has_the_same_outcome_and_is_told_to_be_a_repeat(tell: Tell, workflow_id: str) -> None:
    script = Script(window_seconds=0.0)

    async def story(world: World) -> None:
        first = await ask(world, workflow_id, requested("e1"), request_id="r1")
        await ask(world, workflow_id, requested("e2"), request_id="r2")
        again = await ask(world, workflow_id, requested("e1"), request_id="r1")
        assert again.record == first.record
        assert (first.repeated, again.repeated) == (False, True)
        assert len(script.plans) == 2

    tell(story, script)


def test_who_asks_for_a_run_that_is_on_joins_it(tell: Tell, workflow_id: str) -> None:
    going_on = asyncio.Event()
    script = Script(before_stop=until(going_on))

    async def story(world: World) -> None:
        askers = [asyncio.create_task(ask(world, workflow_id, requested("e1"))) for asker in range(2)]
        await eventually(_plans(script), lambda plans: plans == 1, "one plan")
        going_on.set()
        first, second = await asyncio.gather(*askers)
        assert first.record == second.record
        assert not first.repeated
        assert not second.repeated

    tell(story, script)


def test_a_failed_run_is_an_outcome_like_any_other(tell: Tell, workflow_id: str) -> None:
    async def story(world: World) -> None:
        answer = await ask(world, workflow_id, requested())
        assert (answer.record["outcome"], answer.record["reason"]) == ("failed", "plan_failed")

    tell(story, Script(before_plan=failing("tag_not_found", retryable=False)))


def test_what_the_workflow_refuses_is_an_invalid_request(tell: Tell, workflow_id: str) -> None:
    async def story(world: World) -> None:
        with pytest.raises(InvalidRequest, match="its event has no ID"):
            await ask(world, workflow_id, read_request({"tag": "t", "criticality": "LOW"}))

    tell(story)


def test_an_outcome_that_is_late_leaves_the_last_state(tell: Tell, workflow_id: str) -> None:
    going_on = asyncio.Event()
    script = Script(before_stop=until(going_on))

    async def story(world: World) -> None:
        with pytest.raises(OutcomeTimeout) as late:
            await ask(world, workflow_id, requested("e1"), seconds=0.5)
        result = late.value.as_result()
        assert result["error_code"] == "outcome_timeout"
        assert isinstance(result["last_state"], dict)
        assert result["last_state"]["workflowID"] == workflow_id
        going_on.set()
        assert (await ask(world, workflow_id, requested("e1"))).record["outcome"] == "done"

    tell(story, script)


def test_a_workflow_that_does_not_exist_is_named(tell: Tell, workflow_id: str) -> None:
    async def story(world: World) -> None:
        for read in (dispatcher.read_state, dispatcher.read_runs, dispatcher.read_requests):
            with pytest.raises(WorkflowNotFound, match=workflow_id):
                await read(world.client, workflow_id)

    tell(story)


def test_cancel_ends_the_workflow_and_a_second_one_finds_nothing(tell: Tell, workflow_id: str) -> None:
    async def story(world: World) -> None:
        await ask(world, workflow_id, requested("e1"))
        first = await dispatcher.cancel_workflow(world.client, workflow_id, timeout_seconds=10)
        second = await dispatcher.cancel_workflow(world.client, workflow_id, timeout_seconds=10)
        assert (first.was_running, second.was_running) == (True, False)
        assert first.state
        assert first.state["event"]["id"] == "e1"
        assert second.state == first.state
        nothing = await dispatcher.cancel_workflow(world.client, "never-was", timeout_seconds=10)
        assert nothing == dispatcher.Cancelled(False, None)

    tell(story)


def test_cancel_of_an_execution_that_does_not_exist_is_refused_and_changes_nothing(
    tell: Tell, workflow_id: str
) -> None:
    async def story(world: World) -> None:
        await ask(world, workflow_id, requested("e1"))
        unknown = str(uuid.uuid4())
        with pytest.raises(WorkflowNotFound, match=workflow_id):
            await dispatcher.preview_cancel(world.client, workflow_id, unknown)
        with pytest.raises(WorkflowNotFound, match=workflow_id):
            await dispatcher.cancel_workflow(world.client, workflow_id, unknown, timeout_seconds=10)
        assert await dispatcher.is_running(world.client, workflow_id)

    tell(story)


def test_cancel_waits_no_longer_than_it_may(tell: Tell, workflow_id: str) -> None:
    going_on = asyncio.Event()
    script = Script(before_stop=until(going_on))

    async def story(world: World) -> None:
        await dispatcher.signal_request(world.client, requested(), workflow_id=workflow_id, task_queue=world.queue)
        await eventually(_plans(script), lambda plans: plans == 1, "one plan")
        with pytest.raises(OutcomeTimeout):
            await dispatcher.cancel_workflow(world.client, workflow_id, timeout_seconds=0.3)
        going_on.set()
        ended = await dispatcher.cancel_workflow(world.client, workflow_id, timeout_seconds=10)
        assert ended.state

    tell(story, script)


def test_a_workflow_of_another_type_is_told_from_a_missing_one(tell: Tell, workflow_id: str) -> None:
    async def story(world: World) -> None:
        request = requested("e1")
        await ask(world, workflow_id, request)
        with pytest.raises(TemporalError, match="must be a preemption workflow") as failure:
            await dispatcher.read_runs(world.client, f"{workflow_id}/{request.key}")
        assert failure.value.code == "temporal_error"

    tell(story)


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_time_limit_that_is_none_is_refused_before_anything_is_sent(
    tell: Tell, workflow_id: str, seconds: float
) -> None:
    async def story(world: World) -> None:
        with pytest.raises(InvalidSetting):
            await ask(world, workflow_id, requested(), seconds=seconds)
        with pytest.raises(InvalidSetting):
            await dispatcher.cancel_workflow(world.client, workflow_id, timeout_seconds=seconds)
        assert not await dispatcher.is_running(world.client, workflow_id)

    tell(story)


def test_a_run_id_that_is_none_is_an_invalid_setting(tell: Tell, workflow_id: str) -> None:
    async def story(world: World) -> None:
        await world.start(workflow_id=workflow_id)
        with pytest.raises((InvalidSetting, WorkflowNotFound)):
            await dispatcher.read_state(world.client, workflow_id, "nonsense")

    tell(story)


def _plans(script: Script) -> Callable[[], Any]:
    async def look() -> int:
        return len(script.plans)

    return look
