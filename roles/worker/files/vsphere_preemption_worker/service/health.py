# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the worker reports its state: pages for systemd, Kubernetes and operators, and notifications to systemd.

`/healthz`: the event loop responds. `/readyz`: Temporal responds, the worker is polling, and vCenter accepts our
session. Neither checks for recent activity, because a worker is idle most of the time.

Notifications use the protocol of sd_notify(3). Ready has the same meaning as in /readyz. If Temporal or vCenter are
unreachable at startup, the worker waits for them and extends the start timeout. After that, it only answers the
watchdog: a restart does not help if a server is unreachable, so only a blocked event loop, or a worker that no longer
polls, stops the watchdog notifications.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from vsphere_preemption.core.environment import Address
from vsphere_preemption.core.errors import InvalidSetting

from .settings import NotifySettings

ANSWER_SECONDS = 5.0

# One entry for each condition: empty if it is met, else the problem.
Readiness = Callable[[], Awaitable[Mapping[str, str]]]


class HealthServer:
    """Serves both pages from its own threads, so that it can report a blocked event loop."""

    def __init__(self, address: Address, readiness: Readiness, loop: asyncio.AbstractEventLoop) -> None:
        handler = type("Handler", (_Handler,), {"readiness": staticmethod(readiness), "loop": loop})
        try:
            self._server = ThreadingHTTPServer((address.host, address.port), handler)
        except OSError as error:
            raise InvalidSetting(
                f"Cannot serve the health page on {address}",
                why=str(error),
                next_step="Set PREEMPTION_HEALTH_ADDRESS to a free address of this host.",
            ) from error
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    readiness: Readiness
    loop: asyncio.AbstractEventLoop
    timeout = ANSWER_SECONDS

    def do_GET(self) -> None:
        pages = {"/healthz": _alive, "/readyz": type(self).readiness}
        page = pages.get(self.path.partition("?")[0])
        if page is None:
            self._answer(404, {"error": "not found; use /healthz or /readyz"})
            return
        try:
            troubles = asyncio.run_coroutine_threadsafe(_awaited(page), self.loop).result(ANSWER_SECONDS)
        except TimeoutError:
            troubles = {"event_loop": f"no response within {ANSWER_SECONDS:g} s"}
        well = not any(troubles.values())
        self._answer(200 if well else 503, {name: trouble or "ok" for name, trouble in troubles.items()})

    def _answer(self, status: int, body: Mapping[str, str]) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: object) -> None:
        log.debug("health page requested", extra={"path": self.path})


async def _awaited(page: Readiness) -> Mapping[str, str]:
    return await page()


async def _alive() -> Mapping[str, str]:
    return {"event_loop": ""}


SEND_SECONDS = 1.0
LOOK_SECONDS = 0.5
STATUS_SECONDS = 15.0
# Each check at startup extends the timeout by this much; a check may take as long as a call to vCenter.
MORE_TIME_SECONDS = 90
LONGEST_STATUS = 400
# The deployment checks for this text after a reload.
OLD_POLICIES = "the policy file is invalid; the previous policies remain in effect"

Pause = Callable[[float], Awaitable[None]]

log = logging.getLogger(__name__)


class ServiceManager:
    """The connection to systemd; it does nothing if `settings` has no address."""

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings
        self._ready = False
        self._remark = ""

    @property
    def listens(self) -> bool:
        """Whether a service manager listens."""
        return bool(self._settings.address)

    async def accompany(self, readiness: Readiness, alive: Callable[[], bool], pause: Pause = asyncio.sleep) -> None:
        """Send the worker's state until cancelled. alive: whether to notify the watchdog."""
        if not self.listens:
            return
        await self._until_ready(readiness, pause)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._status(readiness, pause))
            if self._settings.watchdog_seconds:
                group.create_task(self._watchdog(alive, pause))

    def reloading(self) -> None:
        """Notify that the policies are being reloaded; only after the worker has become ready."""
        if self._ready:
            self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def reloaded(self, *, taken: bool) -> None:
        """taken: whether the new policies are in effect; otherwise the status reports the failure until they are."""
        self._remark = "" if taken else OLD_POLICIES
        if self._ready:
            self._send("READY=1", self._status_line(""))

    def stopping(self) -> None:
        """Notify that the worker is draining before it exits."""
        self._send("STOPPING=1", "STATUS=finishing active work")

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
        state = f"waiting for {trouble}" if trouble else "ready"
        return f"STATUS={state}; {self._remark}" if self._remark else f"STATUS={state}"

    def _send(self, *lines: str) -> None:
        """Send lines; errors are only logged, because they do not affect the worker's function."""
        address = self._settings.address
        if not address:
            return
        # The address of an abstract socket begins with a null byte, which a variable cannot contain.
        place = "\0" + address[1:] if address.startswith("@") else address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as messenger:
                messenger.settimeout(SEND_SECONDS)
                messenger.sendto("\n".join(lines).encode(), place)
        except OSError as error:
            log.warning("cannot notify systemd", extra={"what": lines[0], "error": str(error)})


def _troubles(readiness: Mapping[str, str]) -> str:
    """The problems in one line, because a line break in a server's message would start a new notification."""
    said = ", ".join(f"{name}: {trouble}" for name, trouble in readiness.items() if trouble)
    return " ".join(said.split())[:LONGEST_STATUS]
