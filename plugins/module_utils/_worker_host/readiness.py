# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a worker is ready, and if not, why, according to its /readyz endpoint."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Protocol

from .clock import Clock

ANSWER_SECONDS = 6.0
EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


class RunningService(Protocol):
    """The service that keeps the worker running."""

    def running(self) -> bool: ...

    def starting(self) -> bool: ...


def split(address: str) -> tuple[str, int]:
    """Host and port to query. Raises ValueError for an invalid address."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{address!r} is not host:port")
    host = host.strip("[]")
    return EVERYWHERE.get(host, host), int(port)


def trouble(address: str) -> str:
    """Why the worker is not ready; empty when it is."""
    host, port = split(address)
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"http://{address}/readyz does not respond ({error})"
    finally:
        connection.close()
    return "" if answer.status == 200 else _reasons(body)


def taken(address: str) -> bool:
    """Whether a program is listening there."""
    try:
        with socket.create_connection(split(address), timeout=1.0):
            return True
    except OSError:
        return False


def wait_ready(address: str, service: RunningService, *, seconds: float, clock: Clock) -> str:
    """Wait until the worker is ready and its service has been notified; returns why it is not, or nothing.

    Stops waiting if the worker has exited.
    """
    last = ["it was not checked"]

    def decided() -> bool:
        if not service.running():
            last[0] = "it exited"
            return True
        last[0] = trouble(address)
        if not last[0] and service.starting():
            last[0] = "it has not yet notified its service manager"
        return not last[0]

    clock.wait_until(decided, seconds)
    return last[0]


def _reasons(body: str) -> str:
    try:
        found = json.loads(body)
        return ", ".join(f"{name}: {text}" for name, text in found.items() if text != "ok")
    except (ValueError, AttributeError):
        return body[:200]
