# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate for all calls to vCenter: it limits and times them, and translates errors."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ...core.errors import PreemptionError
from ...core.sending import CallWithdrawn
from .faults import translate

T = TypeVar("T")
U = TypeVar("U")

# Name of the call, its duration in seconds, and the code of its error.
Observer = Callable[[str, float, "str | None"], None]

log = logging.getLogger(__name__)


class CallGate:
    """Limits the number of concurrent calls to `limit`.

    A slot is only held for one call on the wire, never while a thread waits for something else; so two threads cannot
    wait for each other's slot.
    """

    def __init__(self, limit: int, *, address: str, observe: Observer | None = None) -> None:
        self.limit = limit
        self.address = address
        self._places = threading.BoundedSemaphore(limit)
        self._observe = observe

    def run(self, name: str, what: str, action: Callable[[], T]) -> T:
        """Make one call, named `name` in SOAP or REST. what: for the error, such as `Cannot power off vm-42`.

        A call that is withdrawn was not made, so the observer does not learn of it.
        """
        with self._places:
            began = time.perf_counter()
            code: str | None = None
            made = True
            try:
                return action()
            except CallWithdrawn:
                made = False
                raise
            except PreemptionError as error:
                code = error.code
                raise
            except Exception as error:
                problem = translate(error, what=what, address=self.address)
                if problem is None:
                    raise
                code = problem.code
                raise problem from error
            finally:
                if made:
                    self._tell(name, time.perf_counter() - began, code)

    def _tell(self, name: str, seconds: float, code: str | None) -> None:
        if self._observe is None:
            return
        try:
            self._observe(name, seconds, code)
        except Exception:
            # The observer must not be able to break calls.
            log.warning("the observer of vCenter calls failed", exc_info=True)


def in_parallel(first: Callable[[], T], second: Callable[[], U]) -> tuple[T, U]:
    """Run both at the same time. Returns when both have ended; if both fail, raises the error of the first."""
    with ThreadPoolExecutor(1, "vcenter") as thread:
        other = thread.submit(second)
        mine = first()
        return mine, other.result()
