# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a dispatcher from a test, with the plain Temporal client: the wire contract and nothing of ours in between."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Coroutine
from typing import Any, TypeVar

from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from .temporal import TemporalServer
from .waiting import wait_until

WORKFLOW, SIGNAL = "PreemptVMsWorkflow", "PreemptVMsChan"
Record = dict[str, Any]
Result = TypeVar("Result")


def a_request(
    criticality: str = "HIGH", *, event_id: str | None = None, tag: str = "preemptible", **more: Any
) -> Record:
    """A request by hand, for all of vCenter; one by an alarm would have a scope."""
    event = {
        "specversion": "1.0",
        "id": event_id or str(uuid.uuid4()),
        "source": "https://vcenter.example/sdk",
        "type": "com.example.Shortage.v0",
        "datacontenttype": "application/json",
        "time": "2026-11-24T09:29:47.123456789Z",
        "data": {"shortage": "memory"},
    }
    return {"tag": tag, "criticality": criticality, "event": event, "replyTo": "", **more}


class Dispatcher:
    """One workflow id on one task queue. All calls block; each test has one of these and closes it."""

    def __init__(self, temporal: TemporalServer, *, workflow_id: str, task_queue: str) -> None:
        self.workflow_id = workflow_id
        self._task_queue = task_queue
        self._loop = asyncio.new_event_loop()
        self.client: Client = self.do(temporal.client())

    def do(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run something with the client."""
        return self._loop.run_until_complete(coroutine)

    def close(self) -> None:
        self._loop.close()

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(self.workflow_id)

    def send(self, *requests: Any) -> None:
        """Signal-with-start, as the prototype's command line and VEBA function do."""
        for request in requests:
            self.do(
                self.client.start_workflow(
                    WORKFLOW,
                    id=self.workflow_id,
                    task_queue=self._task_queue,
                    start_signal=SIGNAL,
                    start_signal_args=[request],
                )
            )

    def send_many(self, requests: list[Record], *, at_once: int = 20) -> None:
        """Many signals, some of them in flight at the same time."""
        self.do(self._send_many(requests, at_once))

    def send_raw(self, payloads: list[Payload], *, signal: str = SIGNAL) -> None:
        """A signal with any payloads."""
        self.do(
            self.client.workflow_service.signal_workflow_execution(
                SignalWorkflowExecutionRequest(
                    namespace=self.client.namespace,
                    workflow_execution=WorkflowExecution(workflow_id=self.workflow_id),
                    signal_name=signal,
                    input=Payloads(payloads=payloads),
                ),
                retry=True,
            )
        )

    def preempt(self, request: Record, *, request_id: str = "", wait: bool = True) -> Record:
        """Update-with-start; the record of the run."""
        ask = {"request": request, "requestID": request_id, "wait": wait}
        return self.do(self._preempt(ask))

    def state(self) -> Record:
        state: Record = json.loads(self.do(self.handle.query("current_state")))
        return state

    def runs(self) -> list[Record]:
        runs: list[Record] = self.do(self.handle.query("runs"))
        return runs

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.do(self.handle.query("requests"))["counts"]
        return counts

    def outcome_of(self, event_id: str, *, seconds: float = 60.0) -> Record:
        """The record of the run for this event, once there is one."""

        def look() -> Record | None:
            return next((run for run in self.runs() if run["event"]["id"] == event_id), None)

        return wait_until(look, seconds, f"a run for the event {event_id}", until=bool) or {}

    def run(self, request: Record, *, seconds: float = 60.0) -> Record:
        """Send a request and wait for the record of its run."""
        self.send(request)
        return self.outcome_of(request["event"]["id"], seconds=seconds)

    def wait_counts(self, seconds: float = 60.0, **wanted: int) -> None:
        wait_until(self.counts, seconds, f"the counts {wanted}", until=lambda seen: seen == wanted)

    def cancel(self) -> Any:
        """Cancel it, and return its result."""
        self.do(self.handle.cancel())
        return self.do(self.handle.result())

    def status(self) -> WorkflowExecutionStatus | None:
        return self.do(self.handle.describe()).status

    async def _preempt(self, ask: Record) -> Record:
        # The operation holds a future, so it has to be made where a loop runs.
        start: Any = WithStartWorkflowOperation(
            WORKFLOW,
            id=self.workflow_id,
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        record: Record = await self.client.execute_update_with_start_workflow(
            "preempt", ask, start_workflow_operation=start
        )
        return record

    async def _send_many(self, requests: list[Record], at_once: int) -> None:
        gate = asyncio.Semaphore(at_once)

        async def send(request: Record) -> None:
            async with gate:
                await self.client.start_workflow(
                    WORKFLOW,
                    id=self.workflow_id,
                    task_queue=self._task_queue,
                    start_signal=SIGNAL,
                    start_signal_args=[request],
                )

        await asyncio.gather(*(send(request) for request in requests))
