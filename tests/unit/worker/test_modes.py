# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy makes of a run: dry run, approval, notice, waves, and a hurry in the middle of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from vsphere_preemption.core.alarm import AlarmEvent
from vsphere_preemption.core.contract import QUERY_PROGRESS, QUERY_REQUESTS, QUERY_RUNS, UPDATE_DECIDE, StopMethod
from vsphere_preemption.core.outcome import VictimEnd
from vsphere_preemption.core.policy.model import Amount, Events, Mode, Notice, OnShortfall, Policy, Restore, Waves
from vsphere_preemption_worker.messages import PressureResult

from .world import Script, World, a_request, eventually

Tell = Callable[..., None]
LOUD = Events(skipped=True, failed=True)


async def ended(handle: WorkflowHandle[Any, Any], number: int = 1) -> list[dict[str, Any]]:
    """The records of so many runs."""
    look, enough = (lambda: handle.query(QUERY_RUNS)), (lambda seen: len(seen) >= number)
    return list(await eventually(look, enough, f"{number} runs should end"))


async def the_run(world: World, handle: WorkflowHandle[Any, Any]) -> WorkflowHandle[Any, Any]:
    """The workflow of the run that is at work."""
    look = lambda: handle.query(QUERY_REQUESTS)  # noqa: E731
    at_work = (await eventually(look, lambda seen: seen["atWork"], "a run should be at work"))["atWork"]
    run = world.client.get_workflow_handle(f"{handle.id}/{at_work['runKey']}")
    await eventually(lambda: is_there(run), bool, "the run should have been started")
    return run


async def is_there(run: WorkflowHandle[Any, Any]) -> bool:
    try:
        await run.describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def waiting(run: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    look = lambda: run.query(QUERY_PROGRESS)  # noqa: E731
    wants = lambda seen: seen["phase"] == "waiting_for_approval"  # noqa: E731
    return dict(await eventually(look, wants, "the run should wait for approval"))


def test_a_dry_run_stops_nobody_and_records_who_would_have_been(tell: Tell) -> None:
    script = Script(policy=Policy(mode=Mode.DRY_RUN, events=LOUD))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("e1", replyTo="http://sink.example"))
        [record] = await ended(handle)
        assert (record["outcome"], record["reason"]) == ("skipped", "dry_run")
        assert [victim["vm"]["Value"] for victim in record["planned"]] == ["vm-0", "vm-1"]
        assert not script.stops
        assert [told.record["reason"] for told in script.told] == ["dry_run"]

    tell(story, script)


@pytest.mark.parametrize("reason", ["paused", "outside_time_windows", "not_allowed_by_policy"])
def test_a_refused_request_is_skipped_with_the_reason_and_opens_no_window(tell: Tell, reason: str) -> None:
    script = Script(refusal=reason)

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("e1"))
        await ended(handle)
        script.refusal = ""
        await world.signal(handle, a_request("e2"))
        records = await ended(handle, 2)
        assert [(record["outcome"], record["reason"]) for record in records] == [("skipped", reason), ("done", "")]

    tell(story, script)


def test_a_target_out_of_reach_stops_nobody_where_the_policy_says_so(tell: Tell) -> None:
    script = Script(policy=Policy(amount=Amount(on_shortfall=OnShortfall.ABORT)), shortfall=True)

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request())
        [record] = await ended(handle)
        assert (record["outcome"], record["reason"]) == ("skipped", "target_out_of_reach")
        assert not script.stops

    tell(story, script)


@pytest.mark.parametrize(("approve", "outcome", "reason"), [(True, "done", ""), (False, "skipped", "not_approved")])
def test_a_run_that_needs_approval_waits_for_it(tell: Tell, approve: bool, outcome: str, reason: str) -> None:
    script = Script(policy=Policy(mode=Mode.APPROVE, approval_seconds=36_000))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request())
        run = await the_run(world, handle)
        assert len((await waiting(run))["plan"]["victims"]) == 2
        assert not script.stops
        decision = {"approve": approve, "by": "ada", "note": "change 7"}
        first = await run.execute_update(UPDATE_DECIDE, decision)
        assert first == {"runID": run.id, **decision}
        [record] = await ended(handle)
        assert (record["outcome"], record["reason"]) == (outcome, reason)
        assert record["approval"] == decision
        assert bool(script.stops) is approve
        if approve:
            assert [order.only for order in script.plans] == [[], ["vm-0", "vm-1"]]

    tell(story, script)


def test_without_approval_in_time_nothing_is_done(tell_apart: Tell) -> None:
    script = Script(policy=Policy(mode=Mode.APPROVE, approval_seconds=1800))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request())
        run = await the_run(world, handle)
        await waiting(run)
        await world.skip(1801)
        [record] = await ended(handle)
        assert (record["outcome"], record["reason"]) == ("skipped", "approval_timed_out")
        assert not script.stops

    tell_apart(story, script)


@pytest.mark.parametrize("decision", [None, {}, {"approve": "yes"}, []])
def test_what_is_no_decision_is_refused(tell: Tell, decision: object) -> None:
    script = Script(policy=Policy(mode=Mode.APPROVE))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request())
        run = await the_run(world, handle)
        await waiting(run)
        with pytest.raises(WorkflowUpdateFailedError):
            await run.execute_update(UPDATE_DECIDE, decision)
        await handle.cancel()
        await handle.result()

    tell(story, script)


def test_victims_go_in_waves_until_the_pressure_is_gone(tell: Tell) -> None:
    script = Script(victims=7, policy=Policy(waves=Waves(size=3, pause_seconds=0.0)))

    async def no_more_pressure() -> None:
        if len(script.stops) == 2:
            script.pressure = PressureResult(gone=True, message="The alarm is green now.")

    script.before_stop = no_more_pressure

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request())
        [record] = await ended(handle)
        assert [len(order.victims) for order in script.stops] == [3, 3]
        assert [order.first for order in script.stops] == [0, 3]
        assert (record["outcome"], record["reason"]) == ("done", "pressure_gone")
        last = record["victims"][-1]
        assert (last["vm"]["Value"], last["outcome"], last["reason"]) == ("vm-6", "spared", "pressure_gone")
        assert len(script.looks) == 2

    tell(story, script)


def test_a_notice_is_given_and_waited_out_before_anything_is_stopped(tell_apart: Tell) -> None:
    script = Script(policy=Policy(notice=Notice(lead_seconds=600, guestinfo=True)))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request(criticality="LOW", replyTo="http://sink.example"))
        run = await the_run(world, handle)
        look = lambda: run.query(QUERY_PROGRESS)  # noqa: E731
        await eventually(look, lambda seen: seen["phase"] == "lead_time", "a notice should be given")
        assert not script.stops
        await world.skip(601)
        await ended(handle)
        [notice] = script.notices
        assert (notice.event, notice.guestinfo, notice.method) == (True, True, StopMethod.SOFT)
        assert script.stops[0].marked >= notice.not_before

    tell_apart(story, script)


def test_a_more_urgent_request_ends_the_notice_and_is_recorded_as_done(tell: Tell) -> None:
    script = Script(policy=Policy(notice=Notice(lead_seconds=86_400)))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("soft", criticality="LOW"))
        await eventually(lambda: asyncio.sleep(0, script.notices), bool, "a notice")
        await world.signal(handle, a_request("hard", criticality="HIGH"))
        [record] = await ended(handle)
        assert record["urgency"] == "HIGH"
        assert {order.method for order in script.stops} == {StopMethod.HARD}
        look = lambda: handle.query(QUERY_REQUESTS)  # noqa: E731
        seen = await eventually(look, lambda seen: seen["counts"] == {"done": 2}, "two outcomes")
        assert seen["recent"][-1]["reason"] == "hurried_the_run_before"

    tell(story, script)


def test_a_more_urgent_request_hurries_a_run_out_of_its_grace_period(tell: Tell) -> None:
    guests_are_gone = asyncio.Event()
    script = Script()

    async def slow_guests() -> None:
        if len(script.stops) == 1:
            await guests_are_gone.wait()
        else:
            guests_are_gone.set()

    script.before_stop = slow_guests

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("soft", criticality="LOW"))
        await eventually(lambda: asyncio.sleep(0, script.stops), bool, "the soft stop")
        await world.signal(handle, a_request("hard", criticality="HIGH"))
        [record] = await ended(handle)
        assert [order.method for order in script.stops] == [StopMethod.SOFT, StopMethod.HARD]
        assert record["urgency"] == "HIGH"
        assert {victim["outcome"] for victim in record["victims"]} == {"stopped"}
        assert len(script.settles) == 1

    tell(story, script)


def test_an_equally_urgent_request_hurries_nobody(tell: Tell) -> None:
    goes_on = asyncio.Event()
    script = Script(before_stop=goes_on.wait)  # type: ignore[arg-type]

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("e1", criticality="MEDIUM"))
        await eventually(lambda: asyncio.sleep(0, script.stops), bool, "a stop")
        await world.signal(handle, a_request("e2", criticality="MEDIUM"))
        await world.signal(handle, a_request("e3", criticality="LOW"))
        look = lambda: handle.query(QUERY_REQUESTS)  # noqa: E731
        await eventually(look, lambda seen: seen["waiting"] == 2, "two should wait")
        goes_on.set()
        seen = await eventually(look, lambda seen: seen["counts"] == {"done": 1, "skipped": 2}, "three outcomes")
        assert {brief["reason"] for brief in seen["recent"][1:]} == {"within_rerun_window"}
        assert len(script.stops) == 1

    tell(story, script)


def test_a_more_urgent_request_after_a_run_starts_a_new_one(tell: Tell) -> None:
    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("e1", criticality="LOW"))
        await ended(handle)
        await world.signal(handle, a_request("e2", criticality="HIGH"))
        records = await ended(handle, 2)
        assert [record["outcome"] for record in records] == ["done", "done"]

    tell(story)


def test_a_run_that_failed_or_is_partial_is_told(tell: Tell) -> None:
    script = Script(policy=Policy(events=LOUD), end=VictimEnd.FAILED)

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request(replyTo="http://sink.example"))
        [record] = await ended(handle)
        assert record["outcome"] == "failed"
        assert [told.record["outcome"] for told in script.told] == ["failed"]

    tell(story, script)


def test_the_record_names_the_policy_that_was_used(tell: Tell) -> None:
    script = Script(policy=replace(Policy(), name="night"))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request())
        [record] = await ended(handle)
        assert record["policy"] == {"name": "night", "digest": "", "mode": "auto"}
        assert script.stops[0].policy.name == "night"

    tell(story, script)


def test_a_request_that_the_window_swallows_is_told_and_a_repetition_is_not(tell: Tell) -> None:
    script = Script(policy=Policy(events=LOUD))

    async def story(world: World) -> None:
        handle = await world.start()
        for event_id in ("e1", "e2", "e2"):
            await world.signal(handle, a_request(event_id, replyTo="http://sink.example"))
        look = lambda: handle.query(QUERY_REQUESTS)  # noqa: E731
        await eventually(look, lambda seen: sum(seen["counts"].values()) == 3, "three outcomes")
        await handle.cancel()
        await handle.result()
        assert [told.record["reason"] for told in script.told] == ["within_rerun_window"]

    tell(story, script)


@pytest.mark.parametrize("alarm", [AlarmEvent(name="Cluster memory"), None], ids=["alarm", "by hand"])
def test_what_an_alarm_stopped_is_left_to_a_restore_where_the_policy_says_so(
    tell: Tell, alarm: AlarmEvent | None
) -> None:
    script = Script(policy=Policy(restore=Restore(automatic=True)), alarm=alarm)

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request())
        [record] = await ended(handle)
        restore = world.client.get_workflow_handle(f"{record['runID']}/restore")
        assert await is_there(restore) is (alarm is not None)
        if alarm is not None:
            await restore.terminate()

    tell(story, script)


def test_without_a_policy_file_only_the_prototypes_event_is_sent(tell: Tell) -> None:
    script = Script(end=VictimEnd.FAILED)

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request(replyTo="http://sink.example"))
        [record] = await ended(handle)
        assert (record["outcome"], script.told) == ("failed", [])

    tell(story, script)
