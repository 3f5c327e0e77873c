# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for something on this host; tests use their own clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Clock:
    """now: monotonic time in seconds. sleep: takes seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def wait_until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Poll until the condition holds or the time is up; returns whether it holds."""
        deadline = self.now() + seconds
        while not holds():
            if self.now() >= deadline:
                return False
            self.sleep(POLL_SECONDS)
        return True
