# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deciding about a run that waits for it: the real workflows on a real server."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import pytest

from vsphere_preemption.core.errors import NotWaitingForApproval, WorkflowNotFound
from vsphere_preemption.core.policy.model import Mode, Policy
from vsphere_preemption.core.records.outcome import ApprovalDecision
from vsphere_preemption.temporal import approvals, dispatcher

from ..worker.world import Script, World, a_request, eventually

Tell = Callable[..., None]
YES, NO = ApprovalDecision(True, "ops", "fine"), ApprovalDecision(False, "ops")


@pytest.fixture
def workflow_id() -> str:
    return f"decided-{uuid.uuid4()}"


@pytest.fixture
def script() -> Script:
    return Script(policy=Policy(mode=Mode.APPROVE, approval_seconds=3600.0))


async def waiting_run(world: World, workflow_id: str) -> str:
    """Ask for a preemption; the id of its run once that waits for approval."""
    await world.signal(await world.start(workflow_id=workflow_id), a_request("e1"))

    async def phase() -> dispatcher.ActiveRun | None:
        return await dispatcher.active_run(world.client, workflow_id)

    found = await eventually(phase, lambda run: run and run.phase == approvals.WAITING, "a run that waits")
    preemption_id: str = found.preemption_id
    return preemption_id


def test_the_run_at_work_is_found_with_its_plan(tell: Tell, workflow_id: str, script: Script) -> None:
    async def story(world: World) -> None:
        run_id = await waiting_run(world, workflow_id)
        found = await approvals.find_pending_approval(world.client, workflow_id)
        assert (found.run.preemption_id, found.run.request_id, found.decision) == (run_id, "e1", None)
        assert found.run.plan is not None
        assert [victim["name"] for victim in found.run.plan["victims"]] == ["VM 0", "VM 1"]
        assert await approvals.decide(world.client, found, NO) == (NO, True)

    tell(story, script)


@pytest.mark.parametrize(("decision", "outcome"), [(YES, "done"), (NO, "skipped")])
def test_a_decision_holds_and_giving_it_again_changes_nothing(
    tell: Tell, workflow_id: str, script: Script, decision: ApprovalDecision, outcome: str
) -> None:
    async def story(world: World) -> None:
        run_id = await waiting_run(world, workflow_id)
        found = await approvals.find_pending_approval(world.client, workflow_id)
        assert approvals.would_change(found, decision)
        assert await approvals.decide(world.client, found, decision) == (decision, True)
        [record] = await eventually(lambda: dispatcher.read_runs(world.client, workflow_id), bool, "the record")
        assert (record["outcome"], record["approval"]["by"]) == (outcome, "ops")
        # From here on the run has ended; who looked before that is told the same.
        again = await approvals.find_pending_approval(world.client, workflow_id, run_id)
        assert again.decision == decision
        assert not approvals.would_change(again, ApprovalDecision(decision.approve, "another"))
        assert await approvals.decide(world.client, again, ApprovalDecision(decision.approve, "another")) == (
            decision,
            False,
        )
        contrary = ApprovalDecision(not decision.approve)
        with pytest.raises(NotWaitingForApproval, match=r"already .* by ops"):
            await approvals.decide(world.client, again, contrary)
        with pytest.raises(NotWaitingForApproval, match="it has ended"):
            await approvals.decide(world.client, found, contrary)

    tell(story, script)


def test_who_is_slower_with_the_same_decision_changed_nothing(tell: Tell, workflow_id: str, script: Script) -> None:
    going_on = asyncio.Event()
    script.before_stop = going_on.wait  # type: ignore[assignment]

    async def story(world: World) -> None:
        await waiting_run(world, workflow_id)
        found = await approvals.find_pending_approval(world.client, workflow_id)
        assert await approvals.decide(world.client, found, YES) == (YES, True)
        assert await approvals.decide(world.client, found, ApprovalDecision(True, "late")) == (YES, False)
        with pytest.raises(NotWaitingForApproval, match="a different decision was made earlier"):
            await approvals.decide(world.client, found, NO)
        at_work = await approvals.find_pending_approval(world.client, workflow_id)
        assert at_work.decision == YES
        going_on.set()

    tell(story, script)


def test_a_run_that_nobody_has_to_agree_to_is_no_run_that_waits(tell: Tell, workflow_id: str) -> None:
    going_on = asyncio.Event()
    script = Script(before_stop=going_on.wait)  # type: ignore[arg-type]

    async def story(world: World) -> None:
        await world.signal(await world.start(workflow_id=workflow_id), a_request("e1"))
        await eventually(_stops(script), bool, "a run that stops")
        run = await dispatcher.active_run(world.client, workflow_id)
        assert run is not None
        for run_id in (None, run.preemption_id):
            with pytest.raises(NotWaitingForApproval, match="its phase is stopping"):
                await approvals.find_pending_approval(world.client, workflow_id, run_id)
        going_on.set()

    tell(story, script)


def test_without_any_run_it_is_said_how_long_was_waited(
    tell: Tell, workflow_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approvals, "LOOK_SECONDS", 0.01)

    async def story(world: World) -> None:
        with pytest.raises(WorkflowNotFound):
            await approvals.find_pending_approval(world.client, workflow_id)
        await world.start(workflow_id=workflow_id)
        with pytest.raises(NotWaitingForApproval, match=r"no run of the workflow is waiting for approval\."):
            await approvals.find_pending_approval(world.client, workflow_id)
        with pytest.raises(NotWaitingForApproval, match=r"after 0\.05 seconds"):
            await approvals.find_pending_approval(world.client, workflow_id, wait_seconds=0.05)

    tell(story)


def test_a_run_that_comes_later_is_waited_for(
    tell: Tell, workflow_id: str, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approvals, "LOOK_SECONDS", 0.01)

    async def story(world: World) -> None:
        await world.start(workflow_id=workflow_id)
        finding = asyncio.ensure_future(approvals.find_pending_approval(world.client, workflow_id, wait_seconds=15))
        run_id = await waiting_run_of(world, workflow_id)
        assert (await finding).run.preemption_id == run_id

    async def waiting_run_of(world: World, workflow_id: str) -> str:
        await world.client.get_workflow_handle(workflow_id).signal("PreemptVMsChan", a_request("e1"))
        run = await eventually(lambda: dispatcher.active_run(world.client, workflow_id), bool, "a run")
        return str(run.preemption_id)

    tell(story, script)


def test_a_run_that_was_terminated_waits_no_more(tell: Tell, workflow_id: str, script: Script) -> None:
    async def story(world: World) -> None:
        run_id = await waiting_run(world, workflow_id)
        await world.client.get_workflow_handle(run_id).terminate()
        with pytest.raises(NotWaitingForApproval, match="its phase is ended"):
            await approvals.find_pending_approval(world.client, workflow_id, run_id)

    tell(story, script)


def _stops(script: Script) -> Callable[[], Awaitable[int]]:
    async def look() -> int:
        return len(script.stops)

    return look
