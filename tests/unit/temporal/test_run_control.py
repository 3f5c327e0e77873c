# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server has on record about a run: its own cancellation, and that of any execution of its dispatcher."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from vsphere_preemption.temporal.run_control import (
    Attempt,
    Execution,
    RunControl,
    read_restore_control,
    read_run_control,
)

QUEUE, DISPATCHER = "queue", "wf"
RUN = Execution("wf/key", "run")
ATTEMPT = Attempt(RUN, "7", 2)


@dataclass
class Described:
    """The part of a description that is read."""

    raw_description: DescribeWorkflowExecutionResponse
    status: WorkflowExecutionStatus = WorkflowExecutionStatus.RUNNING

    async def describe(self, **options: Any) -> Described:
        return self

    async def memo(self) -> dict[str, Any]:
        return {}


class Missing:
    async def describe(self, **options: Any) -> Described:
        raise RPCError("workflow not found", RPCStatusCode.NOT_FOUND, b"")


@dataclass
class Server:
    """Knows executions by workflow id and run id; a run id of None stands for the current one."""

    known: dict[tuple[str, str | None], Described] = field(default_factory=dict)

    def get_workflow_handle(self, workflow_id: str, *, run_id: str | None = None) -> Described | Missing:
        return self.known.get((workflow_id, run_id)) or Missing()

    def add(self, workflow_id: str, run_id: str, *, cancelled: bool, current: bool = True) -> None:
        described = DescribeWorkflowExecutionResponse()
        described.workflow_execution_info.execution.workflow_id = workflow_id
        described.workflow_execution_info.execution.run_id = run_id
        described.workflow_extended_info.cancel_requested = cancelled
        if workflow_id == RUN.workflow_id:
            parent = described.workflow_execution_info.parent_execution
            parent.workflow_id, parent.run_id = DISPATCHER, "d1"
            described.pending_activities.append(PendingActivityInfo(activity_id="7", attempt=2))
        self.known[workflow_id, run_id] = Described(described)
        if current:
            self.known[workflow_id, None] = Described(described)


@pytest.fixture
def server() -> Server:
    server = Server()
    server.add(RUN.workflow_id, RUN.run_id, cancelled=False)
    return server


def look(server: Server, attempt: Attempt = ATTEMPT) -> RunControl:
    return asyncio.run(read_run_control(server, QUEUE, attempt))  # type: ignore[arg-type]


@pytest.mark.parametrize("cancelled", [True, False])
def test_the_dispatcher_that_started_the_run_counts(server: Server, cancelled: bool) -> None:
    server.add(DISPATCHER, "d1", cancelled=cancelled)
    assert look(server) == RunControl(cancelled=cancelled)


@pytest.mark.parametrize(("first", "current"), [(True, False), (False, True), (True, True), (False, False)])
def test_so_does_the_current_execution_of_its_id(server: Server, first: bool, current: bool) -> None:
    server.add(DISPATCHER, "d1", cancelled=first, current=False)
    server.add(DISPATCHER, "d2", cancelled=current)
    assert look(server).cancelled is (first or current)


def test_a_dispatcher_that_temporal_no_longer_has_cancels_nothing(server: Server) -> None:
    assert look(server) == RunControl()


def test_the_cancellation_of_the_run_itself_counts(server: Server) -> None:
    server.add(RUN.workflow_id, RUN.run_id, cancelled=True)
    assert look(server).cancelled


@pytest.mark.parametrize("attempt", [Attempt(RUN, "7", 1), Attempt(RUN, "8", 2), Attempt(Execution("no", "x"), "7", 2)])
def test_another_attempt_or_a_run_that_has_ended_is_superseded(server: Server, attempt: Attempt) -> None:
    assert look(server, attempt).superseded


def test_a_restore_does_not_heed_the_cancellation_of_the_run_that_it_follows(server: Server) -> None:
    server.add(DISPATCHER, "d1", cancelled=True)
    server.add(RUN.workflow_id, RUN.run_id, cancelled=True)
    found = asyncio.run(read_restore_control(server, QUEUE, ATTEMPT))  # type: ignore[arg-type]
    assert found == RunControl()
