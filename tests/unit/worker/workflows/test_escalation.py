# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A more urgent request while a run is at work, and after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.policy.model import Notice, Policy, Waves
from vsphere_preemption.core.reasons import VictimReason
from vsphere_preemption.core.records.outcome import VictimStatus

from ..queries import ended, requests
from ..world import Script, World, a_request, eventually

Tell = Callable[..., None]


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
        seen = await requests(handle, lambda seen: seen["counts"] == {"done": 2}, "two outcomes")
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
        await requests(handle, lambda seen: seen["waiting"] == 2, "two should wait")
        goes_on.set()
        seen = await requests(handle, lambda seen: seen["counts"] == {"done": 1, "skipped": 2}, "three outcomes")
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


def test_a_more_urgent_request_that_comes_too_late_for_a_run_gets_one_of_its_own(tell: Tell) -> None:
    marks_are_settled = asyncio.Event()
    script = Script(end=VictimStatus.FAILED, why=VictimReason.GUEST_IGNORED)
    script.before_settle = marks_are_settled.wait  # type: ignore[assignment]

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("soft", criticality="LOW"))
        await eventually(lambda: asyncio.sleep(0, script.settles), bool, "the marks are being settled")
        script.end, script.why = VictimStatus.STOPPED, VictimReason.NONE
        await world.signal(handle, a_request("hard", criticality="HIGH"))
        await requests(handle, lambda seen: seen["waiting"] == 1, "one should wait")
        marks_are_settled.set()
        soft, hard = await ended(handle, 2)
        assert soft["urgency"] == "LOW"
        assert (hard["event"]["id"], hard["outcome"]) == ("hard", "done")
        assert [order.method for order in script.stops] == [StopMethod.SOFT, StopMethod.HARD]

    tell(story, script)


def test_a_more_urgent_request_ends_a_pause_between_waves(tell_apart: Tell) -> None:
    script = Script(policy=Policy(waves=Waves(size=1, pause_seconds=86_400)))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("soft", criticality="LOW"))
        await eventually(lambda: asyncio.sleep(0, script.stops), bool, "the first wave")
        await world.signal(handle, a_request("hard", criticality="HIGH"))
        [record] = await ended(handle)
        assert [order.method for order in script.stops] == [StopMethod.SOFT, StopMethod.HARD]
        seen = await requests(handle, lambda seen: seen["counts"] == {"done": 2}, "two outcomes")
        assert seen["recent"][-1]["reason"] == "hurried_the_run_before"
        assert record["urgency"] == "HIGH"

    tell_apart(story, script)
