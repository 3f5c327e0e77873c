# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a schedule starts: one request or restore for each of its times, and never two."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from vsphere_preemption.core import times
from vsphere_preemption.core.contract import SCHEDULED_WORKFLOW_TYPE
from vsphere_preemption.core.policy.model import Restore
from vsphere_preemption.core.requests.request import read_request
from vsphere_preemption.temporal.restores import checked_request
from vsphere_preemption_worker.activities.signal_dispatcher import DispatcherSignal
from vsphere_preemption_worker.messages.restore import RESTORE_PLAN, RestorePlanInput, RestorePlanResult
from vsphere_preemption_worker.messages.scheduled import ASK, AskInput
from vsphere_preemption_worker.service.registry import sandboxed_runner
from vsphere_preemption_worker.workflows.restore import PreemptionRestore
from vsphere_preemption_worker.workflows.scheduled import MEANT_FOR, PreemptionScheduled

from ..world import failing

NO_TIME = timedelta(0)
MEANT = datetime(2026, 11, 24, 21, 0, 0, 987_654, tzinfo=UTC)
TIME = "2026-11-24T21:00:00Z"
REQUEST = {"tag": "preemptible", "criticality": "MEDIUM", "replyTo": "", "narrow": {"maxVMs": 3}}


@dataclass
class Script:
    """What was asked. trouble: of the first attempts."""

    asked: list[AskInput] = field(default_factory=list)
    planned: list[RestorePlanInput] = field(default_factory=list)
    trouble: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    @activity.defn(name=ASK)
    async def ask(self, order: AskInput) -> str:
        self.asked.append(order)
        if self.trouble:
            await self.trouble.pop()()
        return "run"

    @activity.defn(name=RESTORE_PLAN)
    async def plan(self, order: RestorePlanInput) -> RestorePlanResult:
        self.planned.append(order)
        return RestorePlanResult(Restore())


@dataclass
class Stage:
    client: Client
    queue: str

    async def act(self, order: dict[str, Any], meant_for: datetime | None = MEANT) -> dict[str, Any]:
        """What one start ends with, for this time of the schedule."""
        attributes = [SearchAttributePair(MEANT_FOR, meant_for)] if meant_for else []
        handle = await self.client.start_workflow(
            SCHEDULED_WORKFLOW_TYPE,
            order,
            id=f"scheduled-{uuid.uuid4()}",
            task_queue=self.queue,
            search_attributes=TypedSearchAttributes(attributes),
        )
        result: dict[str, Any] = await asyncio.wait_for(handle.result(), 20)
        return result


Play = Callable[[Callable[[Stage], Awaitable[None]]], None]


@pytest.fixture(scope="module", autouse=True)
def times_of_a_schedule(loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment) -> None:
    """A real server sets this attribute by itself; the one that skips time has no schedules and does not know it."""
    request = AddSearchAttributesRequest(
        namespace=server.client.namespace,
        search_attributes={MEANT_FOR.name: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME},
    )
    loop.run_until_complete(server.client.operator_service.add_search_attributes(request))


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def play(loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment, script: Script) -> Play:
    """Run a story with a worker that has the script's activities."""

    async def told(story: Callable[[Stage], Awaitable[None]]) -> None:
        queue = f"queue-{uuid.uuid4()}"
        async with Worker(
            server.client,
            task_queue=queue,
            workflows=[PreemptionScheduled, PreemptionRestore],
            activities=[script.ask, script.plan],
            workflow_runner=sandboxed_runner(),
        ):
            await story(Stage(server.client, queue))

    return lambda story: loop.run_until_complete(told(story))


def preempt(workflow_id: str = "w") -> dict[str, Any]:
    return {"schedule": "night-stop", "workflow_id": workflow_id, "request": REQUEST}


def give_back(workflow_id: str) -> dict[str, Any]:
    order = checked_request(tag="preemptible", workflow_id=workflow_id, only=("a",), reason="morning")
    return {"schedule": "night-restore", "workflow_id": workflow_id, "restore": {**order.as_wire(), "by_rule": True}}


def test_it_asks_with_an_event_that_the_schedule_and_its_time_name(play: Play, script: Script) -> None:
    async def story(stage: Stage) -> None:
        result = await stage.act(preempt())
        [order] = script.asked
        request = read_request(order.request)
        assert request.event.as_wire() == {
            "specversion": "1.0",
            "id": f"night-stop-{TIME}",
            "source": "preemption-schedule/night-stop",
            "type": "PreemptionScheduled",
            "time": TIME,
        }
        assert (order.workflow_id, request.tag, request.narrowing.max_vms) == ("w", "preemptible", 3)
        assert result == {
            "schedule": "night-stop",
            "eventID": f"night-stop-{TIME}",
            "workflowID": "w",
            "outcome": "asked",
        }

    play(story)


def test_an_outage_is_waited_out_and_the_request_stays_the_same(play: Play, script: Script) -> None:
    script.trouble = [failing("temporal_unreachable", retryable=True)]

    async def story(stage: Stage) -> None:
        await stage.act(preempt())
        first, second = script.asked
        assert first == second

    play(story)


def test_a_request_that_cannot_be_ends_it(play: Play, script: Script) -> None:
    script.trouble = [failing("invalid_request", retryable=False)]

    async def story(stage: Stage) -> None:
        with pytest.raises(WorkflowFailureError) as failure:
            await stage.act(preempt())
        assert isinstance(failure.value.cause, ActivityError)

    play(story)


def test_it_starts_a_restore_and_does_not_wait_for_it(play: Play, script: Script) -> None:
    workflow_id = f"w-{uuid.uuid4()}"

    async def story(stage: Stage) -> None:
        result = await stage.act(give_back(workflow_id))
        assert result["workflowID"] == f"{workflow_id}/restore/night-restore-{TIME}"
        record = await stage.client.get_workflow_handle(result["workflowID"]).result()
        assert (record["outcome"], record["reason"]) == ("done", "morning")
        [planned] = script.planned
        restore = planned.restore
        assert (restore.workflow_id, restore.only, restore.by_rule) == (workflow_id, ["a"], True)

    play(story)


def test_the_same_time_starts_no_second_restore_and_another_one_does(play: Play, script: Script) -> None:
    workflow_id = f"w-{uuid.uuid4()}"

    async def story(stage: Stage) -> None:
        results = [
            await stage.act(give_back(workflow_id), MEANT + late) for late in (NO_TIME, NO_TIME, timedelta(days=1))
        ]
        assert [result["outcome"] for result in results] == ["asked", "duplicate", "asked"]
        for result in results:
            await stage.client.get_workflow_handle(result["workflowID"]).result()
        assert len(script.planned) == 2

    play(story)


def test_without_a_time_of_the_schedule_its_own_start_counts(play: Play, script: Script) -> None:
    async def story(stage: Stage) -> None:
        result = await stage.act(preempt(), None)
        time = times.from_wire(read_request(script.asked[0].request).event.attributes["time"])
        assert (time > MEANT, time.microsecond) == (True, 0)
        assert result["eventID"] == f"night-stop-{times.to_wire(time)}"

    play(story)


def test_a_schedule_that_asks_for_nothing_says_so(play: Play) -> None:
    async def story(stage: Stage) -> None:
        with pytest.raises(WorkflowFailureError) as failure:
            await stage.act({"schedule": "night-stop", "workflow_id": "w"})
        assert isinstance(failure.value.cause, ApplicationError)
        assert failure.value.cause.type == "invalid_request"

    play(story)


def test_a_request_that_nobody_could_read_is_not_tried_again(
    server: WorkflowEnvironment, loop: asyncio.AbstractEventLoop
) -> None:
    with pytest.raises(ApplicationError) as failure:
        loop.run_until_complete(DispatcherSignal(server.client, "q").ask(AskInput("w", {**REQUEST, "tag": ""})))
    assert (failure.value.type, failure.value.non_retryable) == ("invalid_request", True)
