# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The restore workflow on a server that skips time: batches, waiting for green, and how it ends."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.contract import MEMO_REQUEST, RESTORE_WORKFLOW_TYPE
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.policy.model import Place, PlaceKind, Restore
from vsphere_preemption.core.restore.record import NotRestored, RestoreCandidate, VmRestoreOutcome, VmRestoreStatus
from vsphere_preemption.temporal.restores import checked_request
from vsphere_preemption_worker.messages.restore import (
    GIVE_BACK,
    RESTORE_PLAN,
    TELL_RESTORED,
    GiveBackInput,
    GiveBackResult,
    RestoreInput,
    RestorePlanInput,
    RestorePlanResult,
    TellRestoredInput,
    read_restore,
)
from vsphere_preemption_worker.messages.run import PRESSURE, PressureInput, PressureResult
from vsphere_preemption_worker.service.registry import sandboxed_runner
from vsphere_preemption_worker.workflows.restore import PreemptionRestore

from ..conftest import a_server

GREEN, RED = PressureResult(gone=True), PressureResult()
SETTINGS = Restore(automatic=True, hold_seconds=900, batch=2, pause_seconds=30, give_up_seconds=7200)
ALARM = AlarmEvent(name="memory", compute_resource=ManagedObject("ClusterComputeResource", "domain-c1"))
AUTOMATIC = {"alarm": ALARM, "wait_for_green": True}


@dataclass
class Script:
    """What the activities answer. colours: of each look, the last one for ever. endings: of each batch."""

    machines: int = 3
    settings: Restore = SETTINGS
    refusal: str = ""
    held_seconds: float = 0.0
    colours: list[PressureResult] = field(default_factory=lambda: [GREEN])
    endings: dict[int, str] = field(default_factory=dict)
    before_batch: Callable[[], Awaitable[None]] | None = None
    plans: list[RestorePlanInput] = field(default_factory=list)
    looks: list[PressureInput] = field(default_factory=list)
    batches: list[GiveBackInput] = field(default_factory=list)
    told: list[TellRestoredInput] = field(default_factory=list)
    batch_error: ApplicationError | None = None

    def activities(self) -> list[Callable[..., Any]]:
        @activity.defn(name=RESTORE_PLAN)
        async def plan(order: RestorePlanInput) -> RestorePlanResult:
            self.plans.append(order)
            done = {VmRestoreOutcome.from_wire(wire).vm for wire in order.wire_done}
            machines = [a_return(n) for n in range(self.machines)]
            wire = [back.as_wire() for back in machines if back.vm not in done]
            held = 0.0 if order.ignore_hold else self.held_seconds
            self.held_seconds = self.held_seconds if order.ignore_hold else 0.0
            if held:
                return RestorePlanResult(self.settings, "p", held_seconds=held)
            return RestorePlanResult(self.settings, "p", [] if self.refusal else wire, refusal=self.refusal)

        @activity.defn(name=PRESSURE)
        async def look(order: PressureInput) -> PressureResult:
            self.looks.append(order)
            return self.colours.pop(0) if len(self.colours) > 1 else self.colours[0]

        @activity.defn(name=GIVE_BACK)
        async def give_back(order: GiveBackInput) -> GiveBackResult:
            self.batches.append(order)
            if self.before_batch:
                await self.before_batch()
            if self.batch_error:
                raise self.batch_error
            ending = self.endings.get(len(self.batches), "")
            end = VmRestoreStatus.KEPT if ending else VmRestoreStatus.RESTORED
            machines = [
                VmRestoreOutcome.of(back, end, NotRestored(ending), started="2026-11-24T10:00:00Z")
                for back in order.returns
            ]
            # A lack of room is no reason to end.
            return GiveBackResult([m.as_wire() for m in machines], "" if ending == "no_room" else ending)

        @activity.defn(name=TELL_RESTORED)
        async def tell(order: TellRestoredInput) -> str:
            self.told.append(order)
            return order.event_run_id

        return [plan, look, give_back, tell]


def a_return(number: int) -> RestoreCandidate:
    return RestoreCandidate(
        ManagedObject("VirtualMachine", f"vm-{number}"), f"VM {number}", "r1", "2026-11-24T09:00:00Z"
    )


Story = Callable[[WorkflowHandle[Any, Any], Script], Awaitable[None]]
Play = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def server(loop: asyncio.AbstractEventLoop) -> Iterator[WorkflowEnvironment]:
    """Of its own: days pass here, and what other tests left open would have to live through them too."""
    yield from a_server(loop)


@pytest.fixture
def play(loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment) -> Play:
    """Run a restore with a script, and a story at the same time; its record."""

    async def told(script: Script, story: Story | None, given: dict[str, Any]) -> dict[str, Any]:
        queue = f"queue-{uuid.uuid4()}"
        memo, order = given.pop("memo", None), given.pop("order", None)
        order = order or replace(RestoreInput("wf", "preemptible", reply_to="http://sink.example"), **given)
        async with Worker(
            server.client,
            task_queue=queue,
            workflows=[PreemptionRestore],
            activities=script.activities(),
            workflow_runner=sandboxed_runner(),
        ):
            handle = await server.client.start_workflow(
                RESTORE_WORKFLOW_TYPE, order, id=queue, task_queue=queue, memo=memo
            )
            if story:
                await story(handle, script)
            record: dict[str, Any] = await handle.result()
            return record

    def run(script: Script, story: Story | None = None, **given: Any) -> dict[str, Any]:
        return loop.run_until_complete(asyncio.wait_for(told(script, story, given), 60))

    return run


def ended(record: dict[str, Any]) -> tuple[str, str]:
    return record["outcome"], record["reasonCode"]


def test_a_restore_by_hand_goes_in_batches_and_tells_once(play: Play) -> None:
    script = Script(machines=5)
    record = play(script)
    assert ended(record) == ("done", "")
    assert [len(batch.returns) for batch in script.batches] == [2, 2, 1]
    assert script.looks == []
    [told] = script.told
    assert told.event_run_id == record["restoreID"]
    assert [machine.name for machine in told.machines] == [f"VM {n}" for n in range(5)]


def test_a_dry_run_gives_nothing_back(play: Play) -> None:
    script = Script()
    record = play(script, dry_run=True)
    assert ended(record) == ("skipped", "dry_run")
    assert [machine["outcome"] for machine in record["machines"]] == ["planned"] * 3
    assert not script.batches
    assert not script.told


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_preemption_that_nobody_knows_fails_the_restore_and_gives_nothing_back(play: Play, dry_run: bool) -> None:
    script = Script(refusal="preemption_not_found")
    record = play(script, run_id="none", dry_run=dry_run)
    assert ended(record) == ("failed", "preemption_not_found")
    assert (record["machines"], script.batches, script.told) == ([], [], [])


def test_pressure_in_a_restore_by_hand_ends_it_with_the_rest_on_record(play: Play) -> None:
    script = Script(machines=5, endings={2: "pressure"})
    record = play(script)
    assert ended(record) == ("partial", "pressure")
    assert [machine["reason"] for machine in record["machines"]] == ["", "", "pressure", "pressure", "pressure"]
    assert len(script.batches) == 2
    assert len(script.told[0].machines) == 2


def test_a_batch_that_breaks_off_ends_a_restore_by_hand(play: Play) -> None:
    script = Script(batch_error=ApplicationError("vCenter said no", type="vcenter_fault", non_retryable=True))
    record = play(script)
    assert ended(record) == ("failed", "restore_broke_off")
    assert record["message"] == "vCenter said no"
    assert [machine["outcome"] for machine in record["machines"]] == ["failed", "failed", "kept"]


def test_a_cancellation_ends_it_after_the_batch(play: Play) -> None:
    began, goes_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        began.set()
        await goes_on.wait()

    async def story(handle: WorkflowHandle[Any, Any], script: Script) -> None:
        await began.wait()
        await handle.cancel()
        goes_on.set()

    script = Script(machines=4, before_batch=wait)
    record = play(script, story)
    assert ended(record) == ("partial", "cancelled")
    assert [machine["outcome"] for machine in record["machines"]] == ["restored", "restored", "kept", "kept"]
    assert len(script.told) == 1


def test_an_automatic_restore_waits_until_the_alarm_was_green_without_a_break(play: Play) -> None:
    red, green = [RED] * 3, [GREEN] * 20
    script = Script(colours=[*red, *green, RED, GREEN])
    record = play(script, **AUTOMATIC)
    assert ended(record) == ("done", "")
    # Every 30 seconds: three times red, twenty times green, red again, and then green for 900 seconds.
    assert len(script.looks) == 3 + 20 + 1 + 31
    assert script.batches[0].alarm == ALARM
    assert all(batch.heeds_pause for batch in script.batches)


def test_an_automatic_restore_that_has_nothing_to_do_waits_for_nothing(play: Play) -> None:
    script = Script(machines=0)
    assert ended(play(script, **AUTOMATIC)) == ("done", "nothing_to_restore")
    assert script.looks == []


def test_when_pressure_comes_back_it_waits_for_green_again_and_tells_of_both_rounds(play: Play) -> None:
    script = Script(machines=4, endings={2: "pressure"})
    record = play(script, **AUTOMATIC)
    assert ended(record) == ("done", "")
    assert len(script.looks) == 31 + 31
    assert [[m.name for m in told.machines] for told in script.told] == [["VM 0", "VM 1"], ["VM 2", "VM 3"]]
    assert script.told[1].event_run_id == f"{script.told[0].event_run_id}/2"


def test_an_automatic_restore_gives_up(play: Play) -> None:
    script = Script(colours=[RED])
    record = play(script, **AUTOMATIC)
    assert ended(record) == ("skipped", "gave_up")
    assert script.batches == []


def test_a_paused_preemption_holds_an_automatic_restore(play: Play) -> None:
    script = Script(refusal="paused", settings=replace(SETTINGS, give_up_seconds=2000))
    assert ended(play(script, **AUTOMATIC)) == ("skipped", "gave_up")
    assert script.batches == []


def test_a_policy_without_automatic_restore_or_a_missing_alarm_ends_it_at_once(play: Play) -> None:
    refused = Script(refusal="automatic_restore_is_off")
    assert ended(play(refused, **AUTOMATIC)) == ("skipped", "automatic_restore_is_off")
    assert ended(play(Script(), wait_for_green=True)) == ("skipped", "no_alarm")


def test_vms_that_are_held_a_little_longer_are_waited_for(play: Play) -> None:
    script = Script(held_seconds=20)
    assert ended(play(script, **AUTOMATIC)) == ("done", "")
    assert [order.ignore_hold for order in script.plans] == [True, False, False, True]


def test_days_of_waiting_go_on_as_new_and_the_history_stays_short(play: Play) -> None:
    script = Script(colours=[*[RED] * 600, GREEN], settings=replace(SETTINGS, give_up_seconds=86400))
    seen: list[str] = []

    async def story(handle: WorkflowHandle[Any, Any], script: Script) -> None:
        seen.append(handle.first_execution_run_id or "")

    record = play(script, story, **AUTOMATIC)
    assert ended(record) == ("done", "")
    assert record["restoreID"].endswith(seen[0])
    assert len(script.looks) == 600 + 31
    # A new execution plans anew.
    assert len(script.plans) > 4


LIMITS = ("only", "run_id", "places")


@pytest.mark.parametrize("empty", [None, [], "", [""]], ids=repr)
@pytest.mark.parametrize("limit", LIMITS)
def test_a_restore_with_a_limit_that_is_given_but_empty_is_refused_and_plans_nothing(
    play: Play, limit: str, empty: object
) -> None:
    script = Script()
    with pytest.raises(WorkflowFailureError) as refused:
        play(script, order={"workflow_id": "wf", "tag": "preemptible", limit: empty})
    cause = refused.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.type, cause.non_retryable) == ("invalid_request", True)
    assert f"{limit} is set but empty. Omit {limit} to apply no limit" in cause.message
    assert (script.plans, script.batches) == ([], [])


def test_a_restore_that_leaves_its_limits_out_is_about_everything(play: Play) -> None:
    script = Script()
    assert ended(play(script, order={"workflow_id": "wf", "tag": "preemptible"})) == ("done", "")
    planned = script.plans[0].restore
    assert [planned.only, planned.run_id, planned.places] == [None] * 3


# What version 0.2.0 sent for a restore without limits.
OF_BEFORE = {
    "workflow_id": "wf",
    "tag": "preemptible",
    "reason": "",
    "reply_to": "",
    "force": False,
    "dry_run": False,
    "only": [],
    "run_id": "",
    "places": [],
}


@pytest.mark.parametrize(
    ("order", "memo"),
    [
        pytest.param(OF_BEFORE, {MEMO_REQUEST: "digest"}, id="a module or command line of before"),
        pytest.param({**OF_BEFORE, "carried": {"started": "2026-11-24T10:00:00Z"}}, {}, id="continued"),
    ],
)
def test_an_earlier_version_wrote_what_was_not_given_as_empty(
    play: Play, order: dict[str, Any], memo: dict[str, Any]
) -> None:
    assert ended(play(Script(), order=order, memo=memo)) == ("done", "")


def test_nothing_of_ours_sends_a_limit_that_is_not_set() -> None:
    of_library = checked_request(tag="t", workflow_id="w").as_wire()
    of_worker = RestoreInput("w", "t").as_wire()
    assert [set(LIMITS) & wire.keys() for wire in (of_library, of_worker)] == [set(), set()]
    places = (Place(PlaceKind.CLUSTER, "c1"),)
    limited = checked_request(tag="t", workflow_id="w", only=("a",), preemption_id="r", places=places).as_wire()
    assert {name: limited[name] for name in LIMITS} == {
        "only": ["a"],
        "run_id": "r",
        "places": [{"kind": "cluster", "name": "c1"}],
    }
    assert read_restore(limited) == RestoreInput("w", "t", only=["a"], run_id="r", places=list(places))
