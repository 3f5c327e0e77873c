# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source itself, in this process, against a simulated vCenter."""

from __future__ import annotations

import asyncio
import contextlib
import json
import runpy
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.alarms import AlarmDesk
from support.fixtures import SMALL_MODEL
from support.paths import CHECKOUT
from support.vcenter_faults import Cut
from support.vcenter_proxy import VCenterProxy
from support.vcsim import PASSWORD, WORKER_USER, VCSim
from vsphere_preemption.core.alarm_event import read_alarm
from vsphere_preemption.core.errors import InvalidSetting, VCenterLoginRefused, VCenterTlsRefused
from vsphere_preemption.core.event import read_event

from .conftest import MEMORY, HostAlarm

PLUGIN = CHECKOUT / "extensions/eda/plugins/event_source/alarms.py"
SECONDS = 30.0

Told = tuple[str, str, str]


class Heard:
    """A source that runs, and the events that it has put into the queue."""

    def __init__(self, args: dict[str, Any]) -> None:
        self._state_file = Path(args["state_file"])
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.task = asyncio.create_task(runpy.run_path(str(PLUGIN))["main"](self.queue, args))

    async def next(self, count: int = 1) -> list[Told]:
        """The next events: from, to, and who told of it."""
        events = [await asyncio.wait_for(self.queue.get(), SECONDS) for _number in range(count)]
        plain = [event["preemption_alarm"] for event in events]
        return [(told["from_colour"], told["to_colour"], told["seen_in"]) for told in plain]

    async def looking(self) -> None:
        """The first look is over."""
        deadline = time.monotonic() + SECONDS
        while not self._state_file.exists() and time.monotonic() < deadline:
            await asyncio.sleep(0.02)

    async def nothing(self, seconds: float = 1.0) -> None:
        """Some looks later there is still no event."""
        await asyncio.sleep(seconds)
        assert self.queue.empty()


@contextlib.asynccontextmanager
async def heard(args: dict[str, Any]) -> AsyncIterator[Heard]:
    source = Heard(args)
    try:
        yield source
    finally:
        source.task.cancel()
        await asyncio.gather(source.task, return_exceptions=True)


@pytest.fixture
def args(vcsim: VCSim, tmp_path: Path) -> dict[str, Any]:
    return options(vcsim, tmp_path)


def options(server: VCSim | VCenterProxy, folder: Path) -> dict[str, Any]:
    environment = server.client_environment()
    return {
        "vcenter_url": environment["VCENTER_URL"],
        "vcenter_ca_file": environment["VCENTER_CA_FILE"],
        "vcenter_secret_path": environment["VCENTER_SECRET_PATH"],
        "alarms": ["*MEMORY*"],
        "interval": 0.2,
        "state_file": str(folder / "alarms.json"),
    }


def test_the_event_is_one_that_the_library_reads(args: dict[str, Any], alarm: HostAlarm) -> None:
    async def story() -> dict[str, Any]:
        async with heard(args) as source:
            await source.looking()
            alarm.turn("green", "red", host=1)
            return await asyncio.wait_for(source.queue.get(), SECONDS)

    event = asyncio.run(story())
    plain = event.pop("preemption_alarm")
    read = read_alarm(read_event(event))
    assert read is not None
    assert (read.name, read.alarm, read.entity) == (MEMORY, alarm.alarm, alarm.hosts[1])
    assert (read.compute_resource, read.from_colour, read.to_colour) == (alarm.cluster, "green", "red")
    assert event["source"].endswith("/sdk")
    assert event["id"] == f"{alarm.alarm.value}.{alarm.hosts[1].value}.red.{event['time']}"
    assert (plain["cluster"], plain["cluster_from_colour"], plain["cluster_to_colour"]) == (
        alarm.cluster.value, "green", "red",
    )  # fmt: skip


def test_what_fires_at_the_first_start_is_told_and_after_a_restart_only_what_is_new(
    args: dict[str, Any], alarm: HostAlarm, vcsim: VCSim
) -> None:
    async def story() -> None:
        alarm.turn("green", "yellow")
        async with heard(args) as source:
            assert await source.next() == [("", "yellow", "list")]
            await source.nothing()
        alarm.turn("yellow", "red")
        alarm.turn("green", "yellow", host=1)
        alarm.turn("yellow", "green", host=1)
        async with heard(args) as source:
            assert await source.next(3) == [
                ("yellow", "red", "log"), ("green", "yellow", "log"), ("yellow", "green", "log"),
            ]  # fmt: skip
            await source.nothing()

    asyncio.run(story())
    file = Path(args["state_file"])
    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in file.read_text()
    assert [entry.name for entry in file.parent.iterdir() if ".new" in entry.name] == []


def test_what_happened_while_the_source_was_away_is_told_even_if_nothing_was_before(
    args: dict[str, Any], alarm: HostAlarm
) -> None:
    async def story() -> None:
        async with heard(args) as source:
            await source.looking()
        alarm.log("green", "red")
        alarm.log("red", "green")
        async with heard(args) as source:
            assert await source.next(2) == [("green", "red", "log"), ("red", "green", "log")]

    asyncio.run(story())


def test_what_the_log_has_lost_is_told_from_the_list(args: dict[str, Any], alarm: HostAlarm) -> None:
    async def story() -> None:
        async with heard(args) as source:
            await source.looking()
            alarm.list("red")
            assert await source.next() == [("", "red", "list")]
            alarm.log("green", "red")
            alarm.list("green")
            assert await source.next() == [("red", "green", "list")]
            alarm.log("red", "green")
            await source.nothing()

    asyncio.run(story())


def test_a_storm_is_told_change_by_change(args: dict[str, Any], alarm: HostAlarm) -> None:
    async def story() -> int:
        async with heard(args) as source:
            await source.looking()

            def storm() -> None:
                for _round in range(30):
                    alarm.log("green", "red")
                    alarm.log("red", "green")

            await asyncio.to_thread(storm)
            told = await source.next(60)
            await source.nothing()
            return told.count(("green", "red", "log"))

    assert asyncio.run(story()) == 30


def test_alarms_of_other_names_are_not_told(args: dict[str, Any], alarm: HostAlarm) -> None:
    async def story() -> None:
        async with heard(args) as source:
            await source.looking()
            alarm.log("green", "red", name="Host CPU")
            await source.nothing()

    asyncio.run(story())


def test_a_vcenter_that_starts_again_with_keys_from_one_is_heard(
    args: dict[str, Any], alarm: HostAlarm, vcsim: VCSim
) -> None:
    async def story() -> None:
        async with heard(args) as source:
            await source.looking()
            alarm.turn("green", "red")
            assert await source.next() == [("green", "red", "log")]
            await asyncio.to_thread(lambda: vcsim.restart(keep_state=False))
            # A vCenter without its database has no alarm that fires.
            assert await source.next() == [("red", "green", "list")]
            with contextlib.closing(await asyncio.to_thread(vcsim.witness)) as witness:
                desk = AlarmDesk(witness)
                again = HostAlarm(desk, desk.define(MEMORY, "HostSystem"), alarm.cluster, alarm.hosts)
                again.turn("green", "yellow")
                assert await source.next() == [("green", "yellow", "log")]

    asyncio.run(story())


def test_cut_connections_lose_nothing(alarm: HostAlarm, vcenter_proxy: VCenterProxy, tmp_path: Path) -> None:
    async def story() -> None:
        async with heard(options(vcenter_proxy, tmp_path)) as source:
            await source.looking()
            vcenter_proxy.close()
            alarm.turn("green", "yellow")
            await asyncio.sleep(0.5)
            vcenter_proxy.on("RetrievePropertiesEx", Cut(after_forwarding=True), times=3)
            vcenter_proxy.start()
            assert await source.next() == [("green", "yellow", "log")]
            await source.nothing()

    asyncio.run(story())


def test_the_loop_never_waits_for_vcenter_and_the_source_ends_while_vcenter_hangs(
    args: dict[str, Any], alarm: HostAlarm, vcsim: VCSim
) -> None:
    async def story() -> float:
        source = Heard(args)
        await source.looking()
        vcsim.process.pause()
        began, longest = time.monotonic(), 0.0
        while time.monotonic() < began + 1.0:
            at = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - at)
        source.task.cancel()
        await asyncio.wait([source.task], timeout=8.0)
        assert source.task.done()
        vcsim.process.resume()
        return longest

    assert asyncio.run(story()) < 0.5


def test_an_end_leaves_no_session_behind(args: dict[str, Any], alarm: HostAlarm, vcsim: VCSim) -> None:
    async def story() -> None:
        async with heard(args) as source:
            await source.looking()
            assert len(alarm.desk.witness.sessions()) == 2

    asyncio.run(story())
    assert len(alarm.desk.witness.sessions()) == 1


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        pytest.param({"vcenter_ca_file": ""}, VCenterTlsRefused, "certificate", id="a certificate nobody vouches for"),
        pytest.param({"state_file": "/nowhere/x.json"}, InvalidSetting, "/nowhere/x.json", id="a folder that is none"),
    ],
)
def test_what_cannot_work_ends_the_source(
    args: dict[str, Any], alarm: HostAlarm, change: dict[str, Any], error: type[Exception], told: str
) -> None:
    async def story() -> None:
        await asyncio.wait_for(Heard({**args, **change}).task, SECONDS)

    with pytest.raises(error, match=told) as caught:
        asyncio.run(story())
    assert PASSWORD not in str(caught.value)


def test_a_login_that_is_refused_at_first_ends_the_source(tmp_path: Path) -> None:
    strict = VCSim(tmp_path / "strict", model=SMALL_MODEL, strict_login=True).start()
    wrong = {"vcenter_secret_path": "", "vcenter_username": WORKER_USER, "vcenter_password": "a wrong one"}

    async def story() -> None:
        await asyncio.wait_for(Heard({**options(strict, tmp_path), **wrong}).task, SECONDS)

    try:
        with pytest.raises(VCenterLoginRefused) as caught:
            asyncio.run(story())
    finally:
        strict.stop()
    assert "a wrong one" not in str(caught.value)


def test_a_state_file_that_holds_nonsense_counts_as_none(args: dict[str, Any], alarm: HostAlarm) -> None:
    async def story() -> None:
        alarm.turn("green", "red")
        for content in ("{", json.dumps({"source": 1}), "[]"):
            Path(args["state_file"]).write_text(content)
            async with heard(args) as source:
                assert await source.next() == [("", "red", "list")]

    asyncio.run(story())
