# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate before every call that changes a VM: is preemption paused, is the run cancelled, is it still this attempt's?

An answer is valid for up to one second, counted from the moment it was requested. A separate thread renews it before
that, so that a VM rarely waits for it. If that thread is late, because the process was frozen or Temporal was slow, the
caller asks. Without an answer no call passes: the error ends the attempt, and Temporal retries it.

A call that has passed may still wait for a login, a free slot or a connection. So it is confirmed once more right
before it is sent. It then holds a slot that other calls wait for, so Temporal is not asked at that point: a call whose
answer is too old is withdrawn, and passes the gate again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, TypeVar

from vsphere_preemption.core.errors import PreemptionError, TemporalUnreachable
from vsphere_preemption.core.reasons import VictimReason
from vsphere_preemption.core.sending import CallWithdrawn, Confirm
from vsphere_preemption.temporal.run_control import RunControl

from ..support.heartbeat import Heartbeat

MAX_AGE_SECONDS = 1.0
ASK_EVERY_SECONDS = 0.7
SHORT_PAUSE_SECONDS = 0.1
# Answers that took too long to be used, before the attempt ends.
MOST_LATE_ANSWERS = 3

# The state that users requested for the run. Raises PreemptionError if it cannot be read.
Ask = Callable[[], RunControl]
T = TypeVar("T")

log = logging.getLogger(__name__)


def boot_clock() -> float:
    """Seconds since the machine was started; unlike the monotonic clock, including those in which it was suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class GateClosed(Exception):
    """The call must not be made. message: for a pause, who paused preemption, and why."""

    def __init__(self, reason: VictimReason, message: str = "") -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.message = message


class Gate(Protocol):
    """What a pipeline asks before it changes a VM."""

    def check(self) -> VictimReason | None:
        """Why no stop may begin now; None if it may. Raises if that is unknown, or another attempt has taken over."""

    def closed(self) -> VictimReason | None:
        """The same as far as is known, without asking: for callers that only wait."""

    def forget(self) -> None:
        """Discard the last answer: the next check asks again."""

    def confirm(self) -> None:
        """Right before a call is sent: raises CallWithdrawn unless the last answer still allows it. Makes no call."""

    def message(self) -> str:
        """Who closed the gate, and why, if that is known."""


def pass_through(gate: Gate, call: Callable[[Confirm], T]) -> T:
    """Make a call that changes a VM, as soon as the gate allows it. call: gets the gate's `confirm` to send it with.

    Raises GateClosed, without having made the call; what `check` raises; and what the call raises.
    """
    while True:
        closed = gate.check()
        if closed:
            raise GateClosed(closed, gate.message())
        try:
            return call(gate.confirm)
        except CallWithdrawn:
            log.info("a call waited too long to be sent, and is checked again")


class StopGate:
    """The gate of one attempt; thread-safe. Once closed, it stays closed for the attempt."""

    def __init__(self, ask: Ask, heartbeat: Heartbeat, clock: Callable[[], float] = boot_clock) -> None:
        self._ask = ask
        self._heartbeat = heartbeat
        self._clock = clock
        self._asking = threading.Lock()
        self._asked_at = self._not_before = float("-inf")
        self._looked_at = clock()
        self._closed: VictimReason | None = None
        self._message = ""
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
        # Another thread may discard answers while this one asks; one that was requested after that is still good.
        not_before, late = self._not_before, 0
        while self.closed() is None and not self._is_fresh(not_before):
            if late == MOST_LATE_ANSWERS:
                raise _too_slow()
            with self._asking:
                if not self._is_fresh(not_before):
                    self._look()
            late += 1
        self._heartbeat.raise_if_handed_over()
        return self.closed()

    def confirm(self) -> None:
        if self.closed() or self._heartbeat.handed_over() or not self._is_fresh(self._not_before):
            raise CallWithdrawn

    def message(self) -> str:
        return self._message

    def forget(self) -> None:
        self._not_before = self._clock()

    def _is_fresh(self, not_before: float) -> bool:
        return self._asked_at >= not_before and self._clock() - self._asked_at <= MAX_AGE_SECONDS

    def _look(self) -> None:
        began = self._looked_at = self._clock()
        control = self._ask()
        if control.superseded:
            self._heartbeat.hand_over()
        elif control.cancelled:
            self._closed = VictimReason.CANCELLED
        elif control.switch.paused:
            self._closed, self._message = VictimReason.PAUSED, str(control.switch)
        self._asked_at = began

    def _keep_fresh(self) -> None:
        while not self._over.wait(self._until_due()) and self.closed() is None:
            try:
                with self._asking:
                    self._look()
            except PreemptionError as error:
                log.info("cannot determine whether the run may continue", extra={"error": str(error)})

    def _until_due(self) -> float:
        """Seconds until the answer should be renewed; a short pause if that is overdue, because Temporal is slow."""
        passed = self._clock() - self._looked_at
        return ASK_EVERY_SECONDS - passed if passed < ASK_EVERY_SECONDS else SHORT_PAUSE_SECONDS


def _too_slow() -> TemporalUnreachable:
    why = f"Temporal took more than {MAX_AGE_SECONDS:g} second to answer, {MOST_LATE_ANSWERS} times in a row"
    return TemporalUnreachable(
        "Cannot determine whether the run may continue", why=why, next_step="Check the load on the Temporal server."
    )
