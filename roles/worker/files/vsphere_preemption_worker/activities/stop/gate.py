# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate before every call that changes a VM: is preemption paused, is the run cancelled, is it still this attempt's?

An answer is valid for up to one second. A separate thread renews it before that, so that a VM rarely waits for it. If
that thread is late, because the process was frozen or Temporal was slow, the caller asks. Without an answer no call
passes: the error ends the attempt, and Temporal retries it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from vsphere_preemption.core.errors import PreemptionError
from vsphere_preemption.core.reasons import VictimReason
from vsphere_preemption.temporal.run_control import RunControl

from ..support.heartbeat import Heartbeat

MAX_AGE_SECONDS = 1.0
ASK_EVERY_SECONDS = 0.7

# The state that users requested for the run. Raises PreemptionError if it cannot be read.
Ask = Callable[[], RunControl]

log = logging.getLogger(__name__)


def boot_clock() -> float:
    """Seconds since the machine was started; unlike the monotonic clock, including those in which it was suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Gate(Protocol):
    """What a pipeline asks before it changes a VM."""

    def check(self) -> VictimReason | None:
        """Why no stop may begin now; None if it may. Raises if that is unknown, or another attempt has taken over."""

    def closed(self) -> VictimReason | None:
        """The same as far as is known, without asking: for callers that only wait."""

    def forget(self) -> None:
        """Discard the last answer: the next check asks again."""


class StopGate:
    """The gate of one attempt; thread-safe. Once closed, it stays closed for the attempt."""

    def __init__(self, ask: Ask, heartbeat: Heartbeat, clock: Callable[[], float] = boot_clock) -> None:
        self._ask = ask
        self._heartbeat = heartbeat
        self._clock = clock
        self._asking = threading.Lock()
        self._asked_at = self._not_before = float("-inf")
        self._closed: VictimReason | None = None
        self._over = threading.Event()

    def __enter__(self) -> StopGate:
        threading.Thread(target=self._keep_fresh, daemon=True, name="gate").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._over.set()

    def closed(self) -> VictimReason | None:
        return VictimReason.CANCELLED if self._heartbeat.cancelled() else self._closed

    def check(self) -> VictimReason | None:
        arrived = self._clock()
        if self.closed() is None and not self._is_fresh():
            with self._asking:
                # A caller that waited here uses an answer that was requested after it arrived.
                if self._asked_at < arrived and not self._is_fresh():
                    self._look()
        self._heartbeat.raise_if_handed_over()
        return self.closed()

    def forget(self) -> None:
        self._not_before = self._clock()

    def _is_fresh(self) -> bool:
        return self._asked_at >= self._not_before and self._clock() - self._asked_at <= MAX_AGE_SECONDS

    def _look(self) -> None:
        began = self._clock()
        control = self._ask()
        if control.superseded:
            self._heartbeat.hand_over()
        elif control.cancelled:
            self._closed = VictimReason.CANCELLED
        elif control.switch.paused:
            self._closed = VictimReason.PAUSED
        self._asked_at = began

    def _keep_fresh(self) -> None:
        while not self._over.wait(ASK_EVERY_SECONDS) and self.closed() is None:
            try:
                with self._asking:
                    self._look()
            except PreemptionError as error:
                log.info("cannot determine whether the run may continue", extra={"error": str(error)})
