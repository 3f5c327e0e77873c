# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time limit of a delivery, while names are looked up, and what the library costs before it is used."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.paths import CHECKOUT
from vsphere_preemption.core.errors import SinkUnreachable
from vsphere_preemption.events.event_types import OutgoingEvent
from vsphere_preemption.events.sink import Sink, SinkSettings
from vsphere_preemption.events.time_limit import TimeLimit


@pytest.fixture
def silent_name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look-ups do not come back while the test runs."""
    over = threading.Event()

    def silent(*_: Any, **__: Any) -> Any:
        over.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    yield
    over.set()


@pytest.mark.usefixtures("silent_name_server")
def test_a_silent_name_server_cannot_hold_a_delivery() -> None:
    began = time.monotonic()
    with pytest.raises(SinkUnreachable, match=r"events\.example\.com.*after 0\.05 seconds"):
        Sink(SinkSettings(timeout_seconds=0.05)).send(
            OutgoingEvent("t", "a/b", "i", "2026-11-24T09:29:47Z", {}), "http://events.example.com/"
        )
    assert time.monotonic() - began < 2


def test_the_error_of_a_look_up_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(socket.gaierror, match="not known"):
        TimeLimit(5).getaddrinfo("events.example.com", 80)


def test_what_remains_is_never_nothing_because_sockets_would_not_wait_then() -> None:
    limit = TimeLimit(0)
    assert limit.is_over()
    assert limit.left() > 0


def test_neither_http_nor_cloudevents_is_loaded_before_the_first_event() -> None:
    program = (
        "import sys, vsphere_preemption.events.sink;"
        "print(sorted({'requests', 'urllib3', 'cloudevents'} & set(sys.modules)))"
    )
    folder = str(CHECKOUT / "plugins" / "module_utils")
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
