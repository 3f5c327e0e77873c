# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run: what is on record when a step of it fails, and what a cancellation leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from vsphere_preemption.core.contract import QUERY_RUNS

from ..world import Script, World, a_request, eventually, failing

Tell = Callable[..., None]


async def the_run(world: World, request: dict[str, Any] | None = None) -> dict[str, Any]:
    """Send a request, and return the record of its run."""
    handle = await world.start()
    await world.signal(handle, request or a_request(replyTo="http://sink.example"))
    [record] = await eventually(lambda: handle.query(QUERY_RUNS), bool, "a run should end")
    return dict(record)


def test_a_run_without_victims_is_done_and_stops_and_announces_nothing(tell: Tell) -> None:
    script = Script(victims=0)

    async def story(world: World) -> None:
        record = await the_run(world)
        assert (record["outcome"], record["reason"]) == ("done", "nothing_eligible")
        assert not script.stops
        assert not script.settles
        assert not script.announcements

    tell(story, script)


def test_marks_are_settled_also_when_the_stopping_breaks_off(tell: Tell) -> None:
    script = Script(before_stop=failing("vcenter_fault", retryable=False))

    async def story(world: World) -> None:
        record = await the_run(world)
        assert len(script.settles) == 1
        assert record["message"] == "vcenter_fault happened"

    tell(story, script)


def test_what_was_stopped_is_on_record_and_announced_when_its_marks_cannot_be_settled(tell: Tell) -> None:
    script = Script(before_settle=failing("vcenter_permission_denied", retryable=False))

    async def story(world: World) -> None:
        record = await the_run(world)
        assert (record["outcome"], record["reason"]) == ("partial", "marks_not_settled")
        assert [victim["outcome"] for victim in record["victims"]] == ["stopped", "stopped"]
        assert len(script.announcements) == 1

    tell(story, script)


def test_a_run_that_can_neither_stop_nor_settle_has_failed(tell: Tell) -> None:
    script = Script(
        before_stop=failing("vcenter_fault", retryable=False),
        before_settle=failing("vcenter_permission_denied", retryable=False),
    )

    async def story(world: World) -> None:
        record = await the_run(world)
        assert (record["outcome"], record["reason"]) == ("failed", "run_failed")

    tell(story, script)


def test_a_cancelled_dispatcher_waits_for_its_run_and_keeps_what_it_did(tell: Tell) -> None:
    goes_on = asyncio.Event()
    script = Script(before_stop=goes_on.wait)  # type: ignore[arg-type]

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("e1"))
        await world.signal(handle, a_request("e2"))
        await eventually(lambda: asyncio.sleep(0, script.stops), bool, "the stopping should begin")
        await handle.cancel()
        goes_on.set()
        state = await handle.result()
        assert [vm["Value"] for vm in state["virtualMachines"]] == ["vm-0", "vm-1"]
        assert len(script.settles) == 1

    tell(story, script)
