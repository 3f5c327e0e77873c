# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One time limit for all steps of a delivery, including name resolution.

The system's resolver has no configurable time limit, and may take half a minute if a name server does not respond. So
it runs in a thread that is abandoned when the time limit expires.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

# A socket interprets 0 as "do not wait at all", which differs from "the time limit has expired".
_LEAST_SECONDS = 0.001


class TimeLimit:
    """Starts when it is created. seconds: for all steps together."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that remain, always above 0."""
        return max(self._ends - time.monotonic(), _LEAST_SECONDS)

    def is_over(self) -> bool:
        """Nothing remains."""
        return time.monotonic() >= self._ends

    def getaddrinfo(self, host: str, port: int, **options: Any) -> Sequence[Any]:
        """Like `socket.getaddrinfo`. Raises TimeoutError if the time limit expires first."""
        answer: Future[Sequence[Any]] = Future()
        threading.Thread(target=_ask, args=(answer, host, port, options), name="resolver", daemon=True).start()
        try:
            return answer.result(self.left())
        except TimeoutError as error:
            raise TimeoutError(f"no response after {self.seconds:g} seconds") from error


def _ask(answer: Future[Sequence[Any]], host: str, port: int, options: dict[str, Any]) -> None:
    try:
        answer.set_result(socket.getaddrinfo(host, port, **options))
    except Exception as error:  # raised again in the waiting thread
        answer.set_exception(error)
