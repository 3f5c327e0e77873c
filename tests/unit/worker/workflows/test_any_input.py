# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No input wedges a workflow: not a signal, an update or a query, and not what it is started with.

Everybody with access to the namespace can send anything. A handler that raises, or takes another number of arguments,
fails the workflow task, which Temporal then repeats indefinitely.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.common import RawValue
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from vsphere_preemption.core.contract import (
    CLAIMS_WORKFLOW_TYPE,
    QUERY_PROGRESS,
    QUERY_RECORD,
    QUERY_REQUESTS,
    QUERY_RUNS,
    QUERY_STATE,
    RAISE_WORKFLOW_TYPE,
    RESTORE_WORKFLOW_TYPE,
    RUN_WORKFLOW_TYPE,
    SCHEDULED_WORKFLOW_TYPE,
    SIGNAL_HURRY,
    SIGNAL_PREEMPT,
    SIGNAL_RELEASE,
    SWITCH_WORKFLOW_TYPE,
    UPDATE_CLAIM,
    UPDATE_DECIDE,
    UPDATE_PREEMPT,
    WATCH_WORKFLOW_TYPE,
    WORKFLOW_TYPE,
)
from vsphere_preemption.core.policy.model import Mode, Policy
from vsphere_preemption_worker.service.registry import WORKFLOWS, sandboxed_runner

from ..world import Script, a_request
from .test_restore import ALARM, RED
from .test_restore import Script as RestoreScript

RUN = {"workflow_id": "wf", "workflow_started": "", "received": "", "request": None}
REQUEST = {"tag": "preemptible", "criticality": "LOW", "event": {"attributes": {"id": "e1", "source": "test"}}}
RESTORE = {"workflow_id": "wf", "tag": "preemptible", "wait_for_green": True, "look_seconds": 300.0}
ALARM_WIRE = json.loads(json.dumps(ALARM, default=lambda value: value.__dict__))
# What each type is started with so that it runs on.
STARTS: dict[str, list[Any]] = {
    WORKFLOW_TYPE: [],
    RUN_WORKFLOW_TYPE: [{**RUN, "request": REQUEST}],
    RESTORE_WORKFLOW_TYPE: [{**RESTORE, "alarm": ALARM_WIRE}],
    SWITCH_WORKFLOW_TYPE: [],
    CLAIMS_WORKFLOW_TYPE: [],
    WATCH_WORKFLOW_TYPE: [{}],
    SCHEDULED_WORKFLOW_TYPE: [{"schedule": "night", "workflow_id": "wf", "request": a_request()}],
    RAISE_WORKFLOW_TYPE: [{"workflow_id": "wf", "request": a_request(), "delay_seconds": 3600.0}],
}
SIGNALS = (SIGNAL_PREEMPT, SIGNAL_HURRY, SIGNAL_RELEASE, "SomethingElse")
UPDATES = (UPDATE_PREEMPT, UPDATE_CLAIM, UPDATE_DECIDE, "something_else")
QUERIES = (QUERY_STATE, QUERY_RUNS, QUERY_REQUESTS, QUERY_PROGRESS, QUERY_RECORD, "something_else")
LARGE = 1_900_000
HUGE = "1" + "0" * 4000


def a_payload(data: str | bytes, encoding: bytes = b"json/plain") -> Payload:
    return Payload(metadata={"encoding": encoding}, data=data.encode() if isinstance(data, str) else data)


JUNK: dict[str, list[Payload]] = {
    "nothing": [],
    "two": [a_payload("{}"), a_payload("{}")],
    "null": [a_payload("null")],
    "no json": [a_payload("{oops")],
    "binary": [a_payload(b"\xff\x00", b"binary/plain")],
    "encrypted": [a_payload("x", b"binary/encrypted")],
    "odd encoding": [a_payload("x", b"\xff\xfe")],
    "no encoding": [Payload(data=b"x")],
    "no utf-8": [a_payload(b'"\xff\xfe"')],
    "large": [a_payload(json.dumps("x" * LARGE))],
    "nested": [a_payload("[" * 50_000)],
    "nested and closed": [a_payload("[" * 900 + "]" * 900)],
    "surrogate": [a_payload('"\\ud800"')],
    "nan": [a_payload("NaN")],
    "inf": [a_payload("1e999")],
    "huge": [a_payload(HUGE)],
    "list": [a_payload("[1, null]")],
    "wrong types": [a_payload('{"tag": 1, "criticality": {}, "run": 1, "vms": {}, "approve": 1, "seconds": "x"}')],
    "keys of surrogates": [a_payload('{"\\ud800": "\\ud800", "tag": "\\ud800", "criticality": "\\ud800"}')],
    "request of surrogates": [a_payload(json.dumps({"request": {"tag": "\ud800", "criticality": "\ud800"}}))],
    "unknown limit": [a_payload(json.dumps({**a_request(), "narrow": {"\ud800": 1}}))],
    "update with an unknown limit": [a_payload(json.dumps({"request": {**a_request(), "narrow": {"\ud800": 1}}}))],
    **{
        f"claim of {seconds}": [a_payload(f'{{"run": "x", "vms": ["vm-1"], "seconds": {seconds[:4100]}}}')]
        for seconds in ("1e300", "1e999", "NaN", "-1", "-1e999", HUGE, "true", "null")
    },
    **{
        f"request with {number}": [
            a_payload(f'{{"tag": "t", "criticality": "LOW", "event": {{"id": "{number[:9]}", "data": {number}}}}}')
        ]
        for number in ("1e999", "NaN", HUGE)
    },
    **{
        f"limit of {number}": [
            a_payload(f'{{"tag": "t", "criticality": "LOW", "narrow": {{"target": {{"untilCpuPercent": {number}}}}}}}')
        ]
        for number in ("1e999", "NaN", HUGE)
    },
}


def raw(payloads: Sequence[Payload]) -> list[RawValue]:
    return [RawValue(payload) for payload in payloads]


def definitions() -> list[Any]:
    return [workflow._Definition.must_from_class(kind) for kind in WORKFLOWS]


def test_every_workflow_of_the_worker_is_tried_here() -> None:
    assert {definition.name for definition in definitions()} == set(STARTS)


@pytest.mark.parametrize("definition", definitions(), ids=lambda definition: definition.name)
def test_every_handler_takes_raw_payloads(definition: Any) -> None:
    """A dynamic handler gets its payloads as they are. A query without arguments has none to read."""
    assert set(definition.signals) <= {None}
    assert set(definition.updates) <= {None}
    assert all(update.validator for update in definition.updates.values())
    assert [query.name for query in definition.queries.values() if query.name and query.arg_types] == []


@asynccontextmanager
async def a_worker(client: Client) -> AsyncIterator[str]:
    """A worker with all workflows, none of which gets far; its task queue."""
    queue = f"queue-{uuid.uuid4()}"
    script = Script(policy=Policy(mode=Mode.APPROVE, approval_seconds=36_000))
    restoring = RestoreScript(colours=[RED]).activities()
    activities = [*script.activities(), *(found for found in restoring if found.__name__ != "look")]
    async with Worker(
        client,
        task_queue=queue,
        workflows=WORKFLOWS,
        activities=activities,
        workflow_runner=sandboxed_runner(),
    ):
        yield queue


async def failed_tasks(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """Why workflow tasks failed, if any did."""
    failed = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    events = [event async for event in handle.fetch_history_events() if event.event_type == failed]
    return [event.workflow_task_failed_event_attributes.failure.message for event in events]


async def insist(send: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Send it again if the workflow continued as new at that moment, as a large history makes it do."""
    for _attempt in range(10):
        try:
            await asyncio.wait_for(send(), 10)
            return
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise


async def processed(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait until the workflow has taken in all that was sent."""
    async with asyncio.timeout(10):
        await handle.query("__stack_trace")


@pytest.mark.parametrize("kind", STARTS)
def test_no_signal_update_or_query_wedges_a_workflow(
    loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment, kind: str
) -> None:
    async def story() -> None:
        async with a_worker(server.client) as queue:
            handle = await server.client.start_workflow(kind, args=STARTS[kind], id=f"wf-{queue}", task_queue=queue)
            for payloads in JUNK.values():
                args = raw(payloads)
                for name in SIGNALS:
                    await insist(partial(handle.signal, name, args=args))
                for name in UPDATES:
                    with pytest.raises(WorkflowUpdateFailedError):
                        await insist(partial(handle.execute_update, name, args=args))
                for name in QUERIES:
                    # It may be answered: a query reads no arguments.
                    with contextlib.suppress(WorkflowQueryFailedError, RPCError):
                        await asyncio.wait_for(handle.query(name, args=args), 10)
            await processed(handle)
            assert await failed_tasks(handle) == []
            assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
            await handle.terminate()

    loop.run_until_complete(asyncio.wait_for(story(), 120))


# Good as JSON, and no input of that type: type of workflow, arguments.
WRONG_STARTS: dict[str, tuple[str, list[Any]]] = {
    "run without a request": (RUN_WORKFLOW_TYPE, [{**RUN}]),
    "run of no criticality": (RUN_WORKFLOW_TYPE, [{**RUN, "request": {**REQUEST, "criticality": "URGENT"}}]),
    "restore of no tag": (RESTORE_WORKFLOW_TYPE, [{"workflow_id": "wf"}]),
    "restore of odd numbers": (RESTORE_WORKFLOW_TYPE, [{**RESTORE, "alarm": ALARM_WIRE, "look_seconds": "x"}]),
    "restore with a bad state": (
        RESTORE_WORKFLOW_TYPE,
        [{**RESTORE, "alarm": ALARM_WIRE, "carried": {"started": "yesterday", "wire_machines": [{"vm": 1}]}}],
    ),
    "restore with a bad time": (
        RESTORE_WORKFLOW_TYPE,
        [{**RESTORE, "alarm": ALARM_WIRE, "carried": {"started": "yesterday"}}],
    ),
    "restore green since a bad time": (
        RESTORE_WORKFLOW_TYPE,
        [{**RESTORE, "alarm": ALARM_WIRE, "carried": {"started": "2026-01-01T00:00:00Z", "green_since": "noon"}}],
    ),
    "schedule of nothing": (SCHEDULED_WORKFLOW_TYPE, [{"schedule": "night", "workflow_id": "wf"}]),
    "schedule of a surrogate": (
        SCHEDULED_WORKFLOW_TYPE,
        [{"schedule": "night", "workflow_id": "\ud800", "restore": {"workflow_id": "wf", "tag": "t"}}],
    ),
    "raise at no time": (RAISE_WORKFLOW_TYPE, [{"workflow_id": "wf", "request": {}, "delay_seconds": float("nan")}]),
    "raise never": (RAISE_WORKFLOW_TYPE, [{"workflow_id": "wf", "request": {}, "delay_seconds": float("inf")}]),
    "raise too late": (RAISE_WORKFLOW_TYPE, [{"workflow_id": "wf", "request": {}, "delay_seconds": 1e300}]),
    "raise in the past": (RAISE_WORKFLOW_TYPE, [{"workflow_id": "wf", "request": {}, "delay_seconds": -1.0}]),
}
# What a workflow survives: it reads nothing from it that it could not do without.
SURVIVED: dict[str, tuple[str, list[Any]]] = {
    "dispatcher with a bad state": (WORKFLOW_TYPE, [{"window_ends": 1, "queue": [{}], "last": [], "runs": 5}]),
    "dispatcher with a bad queue": (WORKFLOW_TYPE, [{"window_ends": "", "queue": [{"request": {}}, 1]}]),
    "dispatcher with bad counts": (WORKFLOW_TYPE, [{"window_ends": "", "counts": {"done": "x"}, "recent": [1]}]),
    "claims of nobody": (CLAIMS_WORKFLOW_TYPE, [{"vm-1": 5, "vm-2": ["run", "x"], "vm-3": ["run", float("nan")]}]),
    "claims in a list": (CLAIMS_WORKFLOW_TYPE, [[1, 2]]),
    "restore that never looks": (
        RESTORE_WORKFLOW_TYPE,
        [{**RESTORE, "alarm": ALARM_WIRE, "look_seconds": float("inf")}],
    ),
    "switch": (SWITCH_WORKFLOW_TYPE, [1, 2, 3]),
}


async def ended(handle: WorkflowHandle[Any, Any]) -> str:
    """The error with which the workflow failed."""
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(handle.result(), 10)
    return str(failed.value.cause)


@pytest.mark.parametrize(("kind", "given"), WRONG_STARTS.values(), ids=WRONG_STARTS.keys())
def test_a_workflow_that_is_started_with_a_wrong_input_fails_and_says_why(
    loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment, kind: str, given: list[Any]
) -> None:
    async def story() -> None:
        async with a_worker(server.client) as queue:
            handle = await server.client.start_workflow(kind, args=given, id=f"wf-{queue}", task_queue=queue)
            assert await ended(handle)
            assert await failed_tasks(handle) == []

    loop.run_until_complete(asyncio.wait_for(story(), 30))


@pytest.mark.parametrize(("kind", "given"), SURVIVED.values(), ids=SURVIVED.keys())
def test_what_a_workflow_does_not_need_it_survives(
    loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment, kind: str, given: list[Any]
) -> None:
    async def story() -> None:
        async with a_worker(server.client) as queue:
            handle = await server.client.start_workflow(kind, args=given, id=f"wf-{queue}", task_queue=queue)
            await processed(handle)
            assert await failed_tasks(handle) == []
            assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
            if kind == WORKFLOW_TYPE:
                await handle.signal(SIGNAL_PREEMPT, args=raw([a_payload("null")]))
                assert (await handle.query(QUERY_REQUESTS))["counts"]["rejected"] == 1
            if kind == CLAIMS_WORKFLOW_TYPE:
                granted = await handle.execute_update(UPDATE_CLAIM, {"run": "r", "vms": ["vm-3"], "seconds": 1})
                assert granted["vms"] == ["vm-3"]
            await handle.terminate()

    loop.run_until_complete(asyncio.wait_for(story(), 30))


@pytest.mark.parametrize("kind", STARTS)
def test_no_start_wedges_a_workflow(loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment, kind: str) -> None:
    """It fails, or works on; its first workflow task is not repeated either way."""

    async def started(queue: str, payloads: list[Payload], **options: Any) -> None:
        named = f"wf-{uuid.uuid4()}"
        handle = await server.client.start_workflow(kind, args=raw(payloads), id=named, task_queue=queue, **options)
        await processed(handle)
        assert await failed_tasks(handle) == []
        if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            await handle.terminate()

    async def story() -> None:
        async with a_worker(server.client) as queue:
            for payloads in JUNK.values():
                await started(queue, payloads)
            good = [a_payload(json.dumps(value)) for value in STARTS[kind]]
            await started(queue, [*good, a_payload("1"), a_payload("2")])
            await started(queue, good, memo={"request": RawValue(a_payload("x", b"binary/encrypted"))})

    loop.run_until_complete(asyncio.wait_for(story(), 120))
