# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rate limit: a number per second, with a burst of the same number."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Allowance:
    """Refills steadily up to the amount of one second. now: seconds of a monotonic clock."""

    def __init__(self, per_second: int, now: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._now = now
        self._left = float(per_second)
        self._seen = now()

    def take(self) -> bool:
        """Take one if available; return whether it was."""
        self._fill()
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def owe(self, count: int) -> None:
        """Take this number in any case; it is missing later."""
        self._left -= count

    def wait_seconds(self) -> int:
        """Whole seconds until one is available again; at least 1."""
        self._fill()
        return max(1, math.ceil((1 - self._left) / self._per_second))

    def _fill(self) -> None:
        now = self._now()
        self._left = min(self._per_second, self._left + (now - self._seen) * self._per_second)
        self._seen = now
