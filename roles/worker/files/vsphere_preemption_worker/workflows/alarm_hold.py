# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until an alarm has been green for a time without interruption.

The alarm is polled, so changes between two polls are missed. Therefore it is polled often, and each batch of a restore
checks it once more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum, auto

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core import times
    from vsphere_preemption.core.alarm_event import AlarmEvent
    from vsphere_preemption.core.policy.model import Target

    from ..messages.run import PRESSURE, PressureInput, PressureResult
    from .activity_calls import ActivityCalls, CancellationGuard, is_final

LOOK_WITHIN = timedelta(minutes=10)


class HoldResult(Enum):
    """GREEN: for long enough. CANCELLED, TOO_LATE: ended without that. HISTORY_FULL: time to continue as new."""

    GREEN = auto()
    CANCELLED = auto()
    TOO_LATE = auto()
    HISTORY_FULL = auto()


class AlarmHold:
    """Watches one alarm. since: when it turned green, as far as observed (wire format); empty if it is not green."""

    def __init__(
        self, alarm: AlarmEvent, activities: ActivityCalls, cancellation: CancellationGuard, *, since: str = ""
    ) -> None:
        self._question = PressureInput(alarm, Target())
        self._activities = activities
        self._cancellation = cancellation
        self.since = since

    async def wait(
        self, hold_seconds: float, *, every_seconds: float, until: datetime, is_full: Callable[[], bool]
    ) -> HoldResult:
        """Wait until the alarm has been green for hold_seconds, or can no longer be in time. until: when to give up."""
        while True:
            if not await self._is_green():
                self.since = ""
            elif not self.since:
                self.since = times.to_wire(workflow.now())
            left = self._left(hold_seconds)
            if self._cancellation.cancelled:
                return HoldResult.CANCELLED
            if left <= 0:
                return HoldResult.GREEN
            if workflow.now() >= until:
                return HoldResult.TOO_LATE
            if is_full():
                return HoldResult.HISTORY_FULL
            await self._cancellation.wait_up_to(min(every_seconds, left), lambda: False)

    async def _is_green(self) -> bool:
        """Whether the alarm is green; not while preemption is paused or vCenter is unreachable."""
        try:
            seen = await self._activities.carry_out(PRESSURE, self._question, PressureResult, LOOK_WITHIN, cancel=True)
        except FailureError as error:
            if is_final(error) and not self._cancellation.cancelled:
                raise
            return False
        return seen.gone

    def _left(self, hold_seconds: float) -> float:
        """Seconds for which the alarm must still be green."""
        if not self.since:
            return max(hold_seconds, 1.0)
        return hold_seconds - (workflow.now() - times.from_wire(self.since)).total_seconds()
