# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Free TCP ports on the loopback interface."""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Iterator

LOOPBACK = "127.0.0.1"
# Below what Linux and macOS give to outgoing connections: a server that is down for a while gets its port back.
FIRST, LAST = 10_000, 32_000

_lock = threading.Lock()


def _of_this_process() -> Iterator[int]:
    """The ports in any order, each once. pytest's workers share them out among each other."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports = list(range(FIRST + worker, LAST, workers))
    random.shuffle(ports)
    return iter(ports)


_ports = _of_this_process()


def free_port() -> int:
    """A port that nothing listens on, and that this process was not given before."""
    with _lock:
        return next(port for port in _ports if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def preferred_port(wanted: int) -> int:
    """`wanted` where it is free, else any free port."""
    return wanted if _is_free(wanted) else free_port()


def is_listening(port: int) -> bool:
    """Something accepts connections on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0
