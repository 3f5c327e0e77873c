# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`/healthz` and `/readyz`, for systemd, Kubernetes and operators.

healthz: the event loop responds. readyz: Temporal responds, the worker is polling, and vCenter accepts our session.
Neither checks for recent activity, because a worker is idle most of the time.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from vsphere_preemption.core.environment import Address
from vsphere_preemption.core.errors import InvalidSetting

ANSWER_SECONDS = 5.0

# One entry for each condition: empty if it is met, else the problem.
Readiness = Callable[[], Awaitable[Mapping[str, str]]]

log = logging.getLogger(__name__)


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
