# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A world for workflow tests: a real time-skipping Temporal server, and activities that answer from a script."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.contract import SIGNAL_PREEMPT, WORKFLOW_TYPE
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.planning.plan import LeftOutVm, Plan, Victim
from vsphere_preemption.core.policy.model import Policy
from vsphere_preemption.core.reasons import LeftOut, VictimReason
from vsphere_preemption.core.records.outcome import VictimOutcome, VictimStatus
from vsphere_preemption_worker.messages.run import (
    ANNOUNCE,
    NOTICE,
    PLAN,
    PRESSURE,
    SETTLE,
    STOP,
    TELL,
    AnnounceInput,
    NoticeInput,
    PlanInput,
    PlanResult,
    PressureInput,
    PressureResult,
    SettleInput,
    StopInput,
    StopResult,
    TellInput,
    on_the_wire,
)
from vsphere_preemption_worker.service.registry import sandboxed_runner
from vsphere_preemption_worker.workflows.dispatcher import PreemptVMsWorkflow
from vsphere_preemption_worker.workflows.restore import PreemptionRestore
from vsphere_preemption_worker.workflows.run import PreemptionRun

from .hand_on import HandOn


def a_request(event_id: str | None = None, **given: Any) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": event_id or str(uuid.uuid4()), "source": "test", "type": "Test"}
    return {"tag": "preemptible", "criticality": "HIGH", "event": event, "replyTo": "", **given}


@dataclass
class Script:
    """What the activities answer, and what they were asked. A hook may raise or wait first."""

    victims: int = 2
    left_out: list[LeftOutVm] = field(default_factory=list)
    window_seconds: float = 60.0
    policy: Policy = field(default_factory=Policy)
    refusal: str = ""
    shortfall: bool = False
    alarm: AlarmEvent | None = None
    pressure: PressureResult = field(default_factory=PressureResult)
    plans: list[PlanInput] = field(default_factory=list)
    notices: list[NoticeInput] = field(default_factory=list)
    told: list[TellInput] = field(default_factory=list)
    looks: list[PressureInput] = field(default_factory=list)
    stops: list[StopInput] = field(default_factory=list)
    settles: list[SettleInput] = field(default_factory=list)
    announcements: list[AnnounceInput] = field(default_factory=list)
    before_plan: Callable[[], Awaitable[None]] | None = None
    before_stop: Callable[[], Awaitable[None]] | None = None
    before_settle: Callable[[], Awaitable[None]] | None = None
    before_announce: Callable[[], Awaitable[None]] | None = None
    before_tell: Callable[[], Awaitable[None]] | None = None
    end: VictimStatus = VictimStatus.STOPPED
    why: VictimReason = VictimReason.NONE

    def activities(self) -> list[Callable[..., Any]]:
        return [self.plan, self.look, self.notice, self.stop, self.settle, self.announce, self.tell]

    @activity.defn(name=PLAN)
    async def plan(self, order: PlanInput) -> PlanResult:
        self.plans.append(order)
        await _maybe(self.before_plan)
        chosen = [Victim(ManagedObject("VirtualMachine", f"vm-{n}"), f"VM {n}") for n in range(self.victims)]
        policy = replace(self.policy, rerun_window_seconds=self.window_seconds)
        return PlanResult(
            self._plan(order, chosen).as_wire(),
            asdict(policy),
            alarm=self.alarm,
            refusal=self.refusal,
        )

    @activity.defn(name=PRESSURE)
    async def look(self, order: PressureInput) -> PressureResult:
        self.looks.append(order)
        return self.pressure

    @activity.defn(name=NOTICE)
    async def notice(self, order: NoticeInput) -> str:
        self.notices.append(order)
        return ""

    @activity.defn(name=STOP)
    async def stop(self, order: StopInput) -> StopResult:
        self.stops.append(order)
        await _maybe(self.before_stop)
        return StopResult(on_the_wire(self._outcome(order, victim) for victim in order.victims))

    @activity.defn(name=SETTLE)
    async def settle(self, order: SettleInput) -> StopResult:
        self.settles.append(order)
        await _maybe(self.before_settle)
        return StopResult(order.wire_outcomes)

    @activity.defn(name=ANNOUNCE)
    async def announce(self, order: AnnounceInput) -> str:
        self.announcements.append(order)
        await _maybe(self.before_announce)
        return f"{order.run.workflow_id}-{order.run.request.event.id}"

    @activity.defn(name=TELL)
    async def tell(self, order: TellInput) -> str:
        self.told.append(order)
        await _maybe(self.before_tell)
        return ""

    def _plan(self, order: PlanInput, chosen: list[Victim]) -> Plan:
        """Once VMs were approved, all others were not requested."""
        left_out = (
            [replace(one, reason=LeftOut.NOT_REQUESTED) for one in self.left_out] if order.only else self.left_out
        )
        counted = dict(Counter(one.reason.value for one in left_out))
        return Plan(chosen, left_out, counted, shortfall=self.shortfall)

    def _outcome(self, order: StopInput, victim: Victim) -> VictimOutcome:
        return VictimOutcome(
            victim.vm, victim.name, self.end, order.method, self.why, marked=order.marked, stopped=order.marked
        )


async def _maybe(hook: Callable[[], Awaitable[None]] | None) -> None:
    if hook:
        await hook()


def failing(code: str, *, retryable: bool) -> Callable[[], Awaitable[None]]:
    async def fail() -> None:
        cause = OSError("what a library said")
        raise ApplicationError(f"{code} happened", type=code, non_retryable=not retryable) from cause

    return fail


@dataclass
class World:
    """A client, a running worker, and shorthands for what tests do most."""

    client: Client
    queue: str
    script: Script
    skip: Callable[[float], Awaitable[None]]

    async def start(self, *, workflow_id: str | None = None, **options: Any) -> WorkflowHandle[Any, Any]:
        named = workflow_id or f"wf-{uuid.uuid4()}"
        return await self.client.start_workflow(WORKFLOW_TYPE, id=named, task_queue=self.queue, **options)

    async def start_with(self, state: object) -> WorkflowHandle[Any, Any]:
        """A dispatcher that got this state from an earlier execution."""
        named = f"wf-{uuid.uuid4()}"
        await self.client.start_workflow(HandOn.run, args=[WORKFLOW_TYPE, state], id=named, task_queue=self.queue)
        handle = self.client.get_workflow_handle(named)
        await eventually(handle.describe, lambda seen: seen.workflow_type == WORKFLOW_TYPE, "it hands on")
        return handle

    async def signal(self, handle: WorkflowHandle[Any, Any], request: dict[str, Any]) -> None:
        await handle.signal(SIGNAL_PREEMPT, request)


@asynccontextmanager
async def a_world(environment: WorkflowEnvironment, script: Script) -> AsyncIterator[World]:
    """A worker on a task queue of its own."""
    queue, client = f"queue-{uuid.uuid4()}", environment.client
    async with Worker(
        client,
        task_queue=queue,
        workflows=[HandOn, PreemptVMsWorkflow, PreemptionRun, PreemptionRestore],
        activities=script.activities(),
        workflow_runner=sandboxed_runner(),
    ):
        yield World(client, queue, script, environment.sleep)


async def eventually(look: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool], what: str) -> Any:
    """What `look` sees once it holds; the last sight is in the failure."""
    seen: Any = None
    for _look in range(200):
        seen = await look()
        if holds(seen):
            return seen
        await asyncio.sleep(0.02)
    raise AssertionError(f"{what}; last seen: {seen!r}")
