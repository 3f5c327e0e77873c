# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd hears, on a real socket."""

from __future__ import annotations

import asyncio
import logging
import socket
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from vsphere_preemption_worker.service.health import STATUS_SECONDS, ServiceManager
from vsphere_preemption_worker.service.settings import NotifySettings

WELL = {"temporal": "", "vcenter": "", "worker": ""}


class Systemd:
    """The socket on which systemd listens."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)

    def heard(self) -> list[list[str]]:
        """The lines of each message since the last look."""
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return messages

    def close(self) -> None:
        self._socket.close()


class Clock:
    """Lets no time pass, and ends the story after so many pauses."""

    def __init__(self, pauses: int) -> None:
        self._left = pauses
        self.slept: list[float] = []

    async def pause(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._left -= 1
        if self._left < 0:
            raise asyncio.CancelledError
        await asyncio.sleep(0)


class Worker:
    """A worker whose readiness follows a script; its last line holds for ever."""

    def __init__(self, *script: Mapping[str, str]) -> None:
        self._script = list(script)

    async def readiness(self) -> Mapping[str, str]:
        return self._script.pop(0) if len(self._script) > 1 else self._script[0]


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    listener = Systemd(str(tmp_path / "notify") if request.param == "path" else f"@{uuid.uuid4()}")
    yield listener
    listener.close()


def told(manager: ServiceManager, worker: Worker, *, alive: bool = True, pauses: int = 0) -> Clock:
    clock = Clock(pauses)

    async def story() -> None:
        task = asyncio.create_task(manager.accompany(worker.readiness, lambda: alive, clock.pause))
        await asyncio.wait([task], timeout=5)

    asyncio.run(story())
    return clock


def test_systemd_hears_once_that_the_worker_is_ready_and_before_that_what_it_waits_for(systemd: Systemd) -> None:
    worker = Worker({**WELL, "temporal": "not connected yet"}, {**WELL, "vcenter": "no answer"}, WELL)
    told(ServiceManager(NotifySettings(systemd.address)), worker, pauses=2)
    assert systemd.heard() == [
        ["STATUS=waiting for temporal: not connected yet", "EXTEND_TIMEOUT_USEC=90000000"],
        ["STATUS=waiting for vcenter: no answer", "EXTEND_TIMEOUT_USEC=90000000"],
        ["READY=1", "STATUS=ready"],
    ]


def test_a_server_that_goes_away_later_shows_in_the_status_only(systemd: Systemd) -> None:
    clock = told(ServiceManager(NotifySettings(systemd.address)), Worker(WELL, {"vcenter": "away"}, WELL), pauses=2)
    assert systemd.heard() == [["READY=1", "STATUS=ready"], ["STATUS=waiting for vcenter: away"], ["STATUS=ready"]]
    assert set(clock.slept) == {STATUS_SECONDS}


def test_what_a_server_says_cannot_become_a_message_of_its_own(systemd: Systemd) -> None:
    told(ServiceManager(NotifySettings(systemd.address)), Worker({"vcenter": "x\nREADY=1\n" + "y" * 5000}, WELL))
    status, _more_time = systemd.heard()[0]
    assert status.startswith("STATUS=waiting for vcenter: x READY=1 yyy")
    assert len(status) < 450


def test_the_watchdog_is_answered_at_half_of_its_time(systemd: Systemd) -> None:
    clock = told(ServiceManager(NotifySettings(systemd.address, watchdog_seconds=30)), Worker(WELL), pauses=4)
    assert systemd.heard().count(["WATCHDOG=1"]) >= 2
    assert 15 in clock.slept


def test_a_worker_that_does_not_poll_lets_the_watchdog_bite(systemd: Systemd) -> None:
    told(ServiceManager(NotifySettings(systemd.address, watchdog_seconds=30)), Worker(WELL), alive=False, pauses=4)
    assert ["WATCHDOG=1"] not in systemd.heard()


def test_a_reload_is_announced_once_the_worker_was_ready(systemd: Systemd) -> None:
    manager = ServiceManager(NotifySettings(systemd.address))
    manager.reloading()
    manager.reloaded(taken=True)
    assert systemd.heard() == []
    told(manager, Worker(WELL))
    manager.reloading()
    manager.reloaded(taken=True)
    manager.stopping()
    _ready, reloading, reloaded, stopping = systemd.heard()
    assert (reloading[0], reloaded, stopping[0]) == ("RELOADING=1", ["READY=1", "STATUS=ready"], "STOPPING=1")
    assert reloading[1].startswith("MONOTONIC_USEC=")


def test_the_status_tells_of_a_policy_that_was_refused_until_one_is_taken(systemd: Systemd) -> None:
    manager = ServiceManager(NotifySettings(systemd.address))
    told(manager, Worker(WELL))
    manager.reloaded(taken=False)
    manager.reloaded(taken=True)
    _first, refused, taken = systemd.heard()
    assert refused == ["READY=1", "STATUS=ready; the policy file is invalid; the previous policies remain in effect"]
    assert taken == ["READY=1", "STATUS=ready"]


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative"])
def test_without_a_socket_nothing_is_said_and_nobody_is_asked(address: str) -> None:
    manager = ServiceManager(NotifySettings.from_environment({"NOTIFY_SOCKET": address}, 1))
    assert not manager.listens
    assert told(manager, Worker()).slept == []
    manager.stopping()


def test_a_systemd_that_is_gone_does_not_end_the_worker(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        ServiceManager(NotifySettings(str(tmp_path / "gone"))).stopping()
    assert "cannot notify systemd" in caplog.text


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({}, 0.0),
    ],
    ids=["for all", "for us", "for another", "no number", "none"],
)
def test_the_watchdog_of_another_process_is_not_ours(environ: dict[str, str], seconds: float) -> None:
    found = NotifySettings.from_environment({"NOTIFY_SOCKET": "/run/n", **environ}, 7)
    assert found == NotifySettings("/run/n", seconds)
