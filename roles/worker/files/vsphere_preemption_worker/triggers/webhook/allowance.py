# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much is taken: so many in a second, with as many at once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Allowance:
    """Fills up steadily to what one second allows. now: seconds of a clock that never goes back."""

    def __init__(self, per_second: int, now: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._now = now
        self._left = float(per_second)
        self._seen = now()

    def take(self) -> bool:
        """Take one, if there is one."""
        self._fill()
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def owe(self, count: int) -> None:
        """Take so many in any case; they are missing later."""
        self._left -= count

    def wait_seconds(self) -> int:
        """Whole seconds until there is something again; at least one."""
        self._fill()
        return max(1, math.ceil((1 - self._left) / self._per_second))

    def _fill(self) -> None:
        now = self._now()
        self._left = min(self._per_second, self._left + (now - self._seen) * self._per_second)
        self._seen = now
