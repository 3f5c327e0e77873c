# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling systemd how the worker is, with the protocol of sd_notify(3).

Ready means what /readyz means. While Temporal or vCenter are away at the start, the worker waits for them, and asks for
more time instead of being killed. From then on it only answers the watchdog: a restart cures no server that is away, so
only a stuck event loop, or a worker that no longer polls, stays silent.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Mapping

from .health import Readiness
from .settings import NotifySettings

SEND_SECONDS = 1.0
LOOK_SECONDS = 0.5
STATUS_SECONDS = 15.0
# Each look at the start buys this much time; a look may itself take as long as a call to vCenter.
MORE_TIME_SECONDS = 90
LONGEST_STATUS = 400
# The deployment looks for these words after a reload.
OLD_POLICIES = "the policy file is wrong, so the old policies stay"

Pause = Callable[[float], Awaitable[None]]

log = logging.getLogger(__name__)


class ServiceManager:
    """systemd, as the worker speaks to it; a mute one where `settings` has no address."""

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings
        self._ready = False
        self._remark = ""

    @property
    def listens(self) -> bool:
        """Somebody wants to hear of us."""
        return bool(self._settings.address)

    async def accompany(self, readiness: Readiness, alive: Callable[[], bool], pause: Pause = asyncio.sleep) -> None:
        """Tell how the worker is, until cancelled. alive: whether the watchdog shall be content."""
        if not self.listens:
            return
        await self._until_ready(readiness, pause)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._status(readiness, pause))
            if self._settings.watchdog_seconds:
                group.create_task(self._watchdog(alive, pause))

    def reloading(self) -> None:
        """The policies are being read again. Nothing is said before the worker was ready."""
        if self._ready:
            self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def reloaded(self, *, taken: bool) -> None:
        """taken: whether the policies were read; otherwise the old ones stay, and the status says so until it is."""
        self._remark = "" if taken else OLD_POLICIES
        if self._ready:
            self._send("READY=1", self._status_line(""))

    def stopping(self) -> None:
        """The worker drains, and then ends."""
        self._send("STOPPING=1", "STATUS=ends what it has begun")

    async def _until_ready(self, readiness: Readiness, pause: Pause) -> None:
        while trouble := _troubles(await readiness()):
            self._send(self._status_line(trouble), f"EXTEND_TIMEOUT_USEC={MORE_TIME_SECONDS * 1_000_000}")
            await pause(LOOK_SECONDS)
        self._ready = True
        self._send("READY=1", self._status_line(""))

    async def _status(self, readiness: Readiness, pause: Pause) -> None:
        while True:
            await pause(STATUS_SECONDS)
            self._send(self._status_line(_troubles(await readiness())))

    async def _watchdog(self, alive: Callable[[], bool], pause: Pause) -> None:
        while True:
            if alive():
                self._send("WATCHDOG=1")
            await pause(self._settings.watchdog_seconds / 2)

    def _status_line(self, trouble: str) -> str:
        state = f"waits for {trouble}" if trouble else "ready"
        return f"STATUS={state}; {self._remark}" if self._remark else f"STATUS={state}"

    def _send(self, *lines: str) -> None:
        """Best effort: a worker that works is worth more than one that is heard."""
        address = self._settings.address
        if not address:
            return
        # An abstract socket begins with a zero byte, which a variable cannot hold.
        place = "\0" + address[1:] if address.startswith("@") else address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as messenger:
                messenger.settimeout(SEND_SECONDS)
                messenger.sendto("\n".join(lines).encode(), place)
        except OSError as error:
            log.warning("systemd could not be told", extra={"what": lines[0], "error": str(error)})


def _troubles(readiness: Mapping[str, str]) -> str:
    """One line: a line end in what a server said would begin a message of its own."""
    said = ", ".join(f"{name}: {trouble}" for name, trouble in readiness.items() if trouble)
    return " ".join(said.split())[:LONGEST_STATUS]
