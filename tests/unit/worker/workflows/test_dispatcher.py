# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dispatcher: every request has one outcome, nothing wedges it, and the window does what it says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle, WorkflowUpdateFailedError

from vsphere_preemption.core.contract import (
    QUERY_REQUESTS,
    QUERY_RUNS,
    QUERY_STATE,
    SIGNAL_PREEMPT,
    SIGNAL_PRESSURE_GONE,
    UPDATE_PREEMPT,
)
from vsphere_preemption.core.policy.model import Mode, Policy
from vsphere_preemption.core.requests.request import read_request
from vsphere_preemption.core.times import NEVER
from vsphere_preemption_worker.workflows.dispatcher_state import DispatcherSnapshot

from ..queries import the_run, waiting
from ..world import Script, World, a_request, eventually, failing

Tell = Callable[..., None]


async def counts(handle: WorkflowHandle[Any, Any]) -> dict[str, int]:
    return dict((await handle.query(QUERY_REQUESTS))["counts"])


async def counted(handle: WorkflowHandle[Any, Any], **wanted: int) -> None:
    await eventually(lambda: counts(handle), lambda seen: seen == wanted, f"counts should become {wanted}")


async def state(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    return dict(json.loads(await handle.query(QUERY_STATE)))


def test_a_request_is_carried_out_and_shows_in_state_and_runs(tell: Tell) -> None:
    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("e1", replyTo="http://sink"))
        await counted(handle, done=1)
        shown = await state(handle)
        assert shown["virtualMachines"] == [{"Type": "VirtualMachine", "Value": f"vm-{n}"} for n in range(2)]
        assert shown["event"]["id"] == "e1"
        assert shown["workflowID"] == handle.id
        [run] = await handle.query(QUERY_RUNS)
        assert [victim["outcome"] for victim in run["victims"]] == ["stopped", "stopped"]
        assert run["announcement"] == {"status": "sent", "id": f"{handle.id}-e1", "message": ""}

    tell(story)


def test_the_state_before_the_first_run_is_that_of_the_prototype(tell: Tell) -> None:
    async def story(world: World) -> None:
        shown = await state(await world.start())
        assert shown["lastPreemptionTime"] == "0001-01-01T00:00:00Z"
        assert shown["virtualMachines"] is None

    tell(story)


@pytest.mark.parametrize(
    "narrow", [{"only": []}, {"scope": []}, {"target": {}}, {"maxVMs": None}, {"target": {"cpuMHz": None}}, {}, None]
)
def test_a_request_with_a_limit_that_is_given_but_empty_is_rejected_and_plans_nothing(
    tell: Tell, narrow: dict[str, Any] | None
) -> None:
    script = Script()

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("e1", narrow=narrow))
        await counted(handle, rejected=1)
        [refused] = (await handle.query(QUERY_REQUESTS))["recent"]
        assert refused["reason"] == "invalid_request"
        assert "set but empty" in refused["message"]
        with pytest.raises(WorkflowUpdateFailedError) as failed:
            await handle.execute_update(UPDATE_PREEMPT, {"request": a_request("e2", narrow=narrow), "wait": True})
        assert getattr(failed.value.cause, "type", "") == "invalid_request"
        assert script.plans == []
        await world.signal(handle, a_request("e1", narrow={"only": ["VM 1"]}))
        await counted(handle, rejected=1, done=1)

    tell(story, script)


def test_a_request_that_waited_since_before_is_read_as_it_was_meant_then(tell: Tell) -> None:
    waiting = {"request": a_request("e1", narrow={"only": [], "scope": []}), "received": NEVER}

    async def story(world: World) -> None:
        handle = await world.start_with(asdict(DispatcherSnapshot(window_ends=NEVER, queue=[waiting])))
        await counted(handle, done=1)

    tell(story)


def test_a_skipped_request_moves_neither_the_window_nor_the_last_result(tell: Tell) -> None:
    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("e1"))
        await counted(handle, done=1)
        before = await state(handle)
        for number in range(5):
            await world.signal(handle, a_request(f"late-{number}"))
        await counted(handle, done=1, skipped=5)
        assert await state(handle) == before
        recent = (await handle.query(QUERY_REQUESTS))["recent"]
        assert recent[-1]["reason"] == "within_rerun_window"

    tell(story)


def test_after_the_window_a_request_is_carried_out_again(tell: Tell) -> None:
    script = Script(window_seconds=0.0)

    async def story(world: World) -> None:
        handle = await world.start()
        for number in range(3):
            await world.signal(handle, a_request(f"e{number}"))
        await counted(handle, done=3)

    tell(story, script)


def test_the_same_event_never_causes_two_runs(tell: Tell) -> None:
    script = Script(window_seconds=0.0)

    async def story(world: World) -> None:
        handle = await world.start()
        for _attempt in range(3):
            await world.signal(handle, a_request("e1"))
        await counted(handle, done=1, duplicate=2)
        assert len(script.plans) == 1

    tell(story, script)


@pytest.mark.parametrize("length", [967, 968, 1000])
def test_a_run_of_a_workflow_with_a_long_id_has_an_id_that_temporal_takes(tell: Tell, length: int) -> None:
    script = Script()

    async def story(world: World) -> None:
        handle = await world.start(workflow_id="w" * length)
        await world.signal(handle, a_request(f"e{length}"))
        await counted(handle, done=1)
        [run] = await handle.query(QUERY_RUNS)
        assert len(run["runID"]) == 1000
        assert script.plans[0].run.workflow_id == handle.id

    tell(story, script)


def test_an_event_handled_before_the_workflow_was_restarted_is_still_a_duplicate(tell: Tell) -> None:
    async def story(world: World) -> None:
        first = await world.start(workflow_id="restarted")
        await world.signal(first, a_request("e1"))
        await counted(first, done=1)
        await first.terminate()
        second = await world.start(workflow_id="restarted")
        await world.signal(second, a_request("e1"))
        await counted(second, duplicate=1)

    tell(story)


async def send_raw(handle: WorkflowHandle[Any, Any], payloads: list[Payload], signal: str = SIGNAL_PREEMPT) -> None:
    client = handle._client
    await client.workflow_service.signal_workflow_execution(
        SignalWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id),
            signal_name=signal,
            input=Payloads(payloads=payloads),
        )
    )


def a_payload(data: bytes, encoding: bytes = b"json/plain") -> Payload:
    return Payload(metadata={"encoding": encoding}, data=data)


GARBAGE = {
    "no payload": [],
    "two payloads": [a_payload(b"{}"), a_payload(b"{}")],
    "null": [a_payload(b"null")],
    "no json": [a_payload(b"{oops")],
    "binary": [a_payload(b"\xff\x00", b"binary/plain")],
    "unknown encoding": [a_payload(b"x", b"binary/encrypted")],
    "no encoding": [Payload(data=b"x")],
    "null encoding": [Payload(metadata={"encoding": b"binary/null"})],
    "no utf-8": [a_payload(b'"\xff\xfe"')],
    "deep": [a_payload(b"[" * 50_000)],
    "surrogate": [a_payload(b'{"tag": "\\ud800", "criticality": "NONE"}')],
    "list": [a_payload(b"[1,2]")],
    "wrong types": [a_payload(b'{"tag": 1, "criticality": {}, "event": []}')],
}


def test_no_signal_wedges_the_workflow_and_each_is_on_record(tell: Tell) -> None:
    async def story(world: World) -> None:
        handle = await world.start()
        for payloads in GARBAGE.values():
            await send_raw(handle, payloads)
        await send_raw(handle, [a_payload(b"{}")], signal="SomethingElse")
        await world.signal(handle, a_request())
        await counted(handle, rejected=len(GARBAGE) + 1, done=1)

    tell(story)


@pytest.mark.parametrize("sent", ["junk", 7, {"queue": 1}, ["a"]])
def test_whatever_somebody_starts_it_with_is_ignored(tell: Tell, sent: object) -> None:
    async def story(world: World) -> None:
        handle = await world.start(arg=sent)
        await world.signal(handle, a_request())
        await counted(handle, done=1)

    tell(story)


def test_cancel_ends_completed_with_the_state_and_still_answers(tell: Tell) -> None:
    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("e1"))
        await counted(handle, done=1)
        before = await state(handle)
        await handle.cancel()
        assert await handle.result() == before
        assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
        assert await state(handle) == before

    tell(story)


def test_a_failed_plan_is_on_record_and_opens_no_window(tell: Tell) -> None:
    script = Script(before_plan=failing("tag_not_found", retryable=False))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request())
        await counted(handle, failed=1)
        [run] = await handle.query(QUERY_RUNS)
        assert (run["reason"], run["message"]) == ("plan_failed", "tag_not_found happened")
        script.before_plan = None
        await world.signal(handle, a_request())
        await counted(handle, failed=1, done=1)

    tell(story, script)


@pytest.mark.parametrize(
    ("code", "status"), [("sink_refused", "refused"), ("sink_not_allowed", "refused"), ("sink_error", "failed")]
)
def test_an_announcement_that_fails_leaves_the_run_done_and_says_why(tell: Tell, code: str, status: str) -> None:
    script = Script(before_announce=failing(code, retryable=False))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request(replyTo="http://sink.example"))
        await counted(handle, done=1)
        [run] = await handle.query(QUERY_RUNS)
        assert run["announcement"] == {"status": status, "id": "", "message": f"{code} happened"}

    tell(story, script)


def test_an_update_waits_for_the_outcome_and_gives_the_same_answer_again(tell: Tell) -> None:
    async def story(world: World) -> None:
        handle = await world.start()
        ask = {"request": a_request("e1"), "requestID": "change-1", "wait": True}
        first = await handle.execute_update(UPDATE_PREEMPT, ask)
        again = await handle.execute_update(UPDATE_PREEMPT, ask)
        assert first["outcome"] == "done"
        assert again == first
        assert len(world.script.plans) == 1

    tell(story)


def test_one_request_id_is_one_run_whatever_event_comes_with_it(tell: Tell) -> None:
    script = Script(window_seconds=0.0)

    async def story(world: World) -> None:
        handle = await world.start()
        for event_id in ("e1", "e2"):
            ask = {"request": a_request(event_id), "requestID": "change-1", "wait": True}
            record = await handle.execute_update(UPDATE_PREEMPT, ask)
            assert record["event"]["id"] == "e1"
        assert len(script.plans) == 1

    tell(story, script)


def test_an_update_for_a_request_whose_outcome_is_forgotten_is_told_so_and_blocks_nobody(tell: Tell) -> None:
    async def story(world: World) -> None:
        forgotten = asdict(DispatcherSnapshot(window_ends=NEVER, seen=list(read_request(a_request("e1")).keys)))
        handle = await world.start_with(forgotten)
        answer = await handle.execute_update(UPDATE_PREEMPT, {"request": a_request("e1"), "wait": True})
        assert answer["outcome"] == "duplicate"
        await handle.cancel()
        await handle.result()

    tell(story)


@pytest.mark.parametrize(
    "ask",
    [None, "x", {}, {"request": {"tag": ""}}, {"request": a_request(), "requestID": 5}, {"request": {"tag": "t"}}],
)
def test_a_wrong_update_is_refused_and_changes_nothing(tell: Tell, ask: object) -> None:
    async def story(world: World) -> None:
        handle = await world.start()
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update(UPDATE_PREEMPT, ask)
        assert await counts(handle) == {}

    tell(story)


def test_the_run_outlives_a_dispatcher_whose_time_is_over(tell: Tell) -> None:
    over = asyncio.Event()
    script = Script(before_stop=over.wait)  # type: ignore[arg-type]

    async def story(world: World) -> None:
        handle = await world.start(execution_timeout=timedelta(seconds=300))
        await world.signal(handle, a_request("e1"))
        await eventually(lambda: asyncio.sleep(0, script.stops), bool, "the run should begin to stop")
        await handle.terminate()
        over.set()
        await eventually(lambda: asyncio.sleep(0, script.settles), bool, "the run should settle its marks")

    tell(story, script)


def test_green_ends_the_run_of_its_firing_and_the_next_firing_is_acted_on(tell: Tell) -> None:
    script = Script(policy=Policy(mode=Mode.APPROVE, approval_seconds=36_000))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("red-1", criticality="LOW"))
        await waiting(await the_run(world, handle))
        await world.signal(handle, a_request("red-2", criticality="LOW"))
        await handle.signal(SIGNAL_PRESSURE_GONE)
        script.policy = Policy()
        await world.signal(handle, a_request("red-3", criticality="LOW"))
        await counted(handle, skipped=2, done=1)
        recent = (await handle.query(QUERY_REQUESTS))["recent"]
        reasons = {brief["event"]["id"]: brief["reason"] for brief in recent}
        assert reasons == {"red-1": "cancelled", "red-2": "pressure_gone", "red-3": ""}
        assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING

    tell(story, script)


@pytest.mark.parametrize("payloads", [[], [None], ["green", 1]])
def test_green_without_a_run_changes_nothing(tell: Tell, payloads: list[Any]) -> None:
    async def story(world: World) -> None:
        handle = await world.start()
        await handle.signal(SIGNAL_PRESSURE_GONE, args=payloads)
        await world.signal(handle, a_request("e1"))
        await counted(handle, done=1)

    tell(story)
