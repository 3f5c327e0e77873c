# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy makes of a run: dry run, notice, waves, events, and what comes after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.policy.model import Amount, Events, Mode, Notice, OnShortfall, Policy, Restore, Waves
from vsphere_preemption.core.records.outcome import VictimStatus
from vsphere_preemption_worker.messages.run import PressureResult

from ..queries import ended, is_there, phase, requests, the_run
from ..world import Script, World, a_request, eventually

Tell = Callable[..., None]
LOUD = Events(skipped=True, failed=True)
PAUSED = PressureResult(paused=True, message="Preemption is paused.")


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


def test_a_cancellation_between_two_waves_keeps_what_was_done(tell_apart: Tell) -> None:
    script = Script(victims=4, policy=Policy(waves=Waves(size=2, pause_seconds=600.0)))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request())
        await eventually(lambda: _stops(script), lambda stops: stops == 1, "the first wave")
        run = await the_run(world, handle)
        await phase(run, "stopping")
        await world.skip(60)
        await run.cancel()
        [record] = await ended(handle)
        assert (record["outcome"], record["reason"]) == ("partial", "cancelled")
        assert [victim["outcome"] for victim in record["victims"]] == ["stopped", "stopped", "spared", "spared"]
        assert [len(given.victims) for given in script.stops] == [2]

    tell_apart(story, script)


async def _stops(script: Script) -> int:
    return len(script.stops)


def test_a_notice_is_given_and_waited_out_before_anything_is_stopped(tell_apart: Tell) -> None:
    script = Script(policy=Policy(notice=Notice(lead_seconds=600, guestinfo=True)))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request(criticality="LOW", replyTo="http://sink.example"))
        run = await the_run(world, handle)
        await phase(run, "lead_time")
        assert not script.stops
        await world.skip(601)
        await ended(handle)
        [notice] = script.notices
        assert (notice.event, notice.guestinfo, notice.method) == (True, True, StopMethod.SOFT)
        assert script.stops[0].marked >= notice.not_before

    tell_apart(story, script)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [(PressureResult(gone=True, message="The alarm is green now."), "pressure_gone"), (PAUSED, "paused"), (None, "")],
)
def test_after_a_lead_time_nothing_is_stopped_if_there_is_no_reason_left(
    tell_apart: Tell, seen: PressureResult | None, reason: str
) -> None:
    script = Script(policy=Policy(notice=Notice(lead_seconds=600)), pressure=seen or PressureResult())

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request(criticality="LOW"))
        await phase(await the_run(world, handle), "lead_time")
        await world.skip(601)
        [record] = await ended(handle)
        assert (record["outcome"], record["reason"]) == ("skipped" if seen else "done", reason)
        assert bool(script.stops) is (seen is None)
        assert len(script.looks) == 1

    tell_apart(story, script)


def test_a_run_that_failed_or_is_partial_is_told(tell: Tell) -> None:
    script = Script(policy=Policy(events=LOUD), end=VictimStatus.FAILED)

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
        await requests(handle, lambda seen: sum(seen["counts"].values()) == 3, "three outcomes")
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
    script = Script(end=VictimStatus.FAILED)

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request(replyTo="http://sink.example"))
        [record] = await ended(handle)
        assert (record["outcome"], script.told) == ("failed", [])

    tell(story, script)
