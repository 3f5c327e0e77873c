# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What activities that change VMs need from outside."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class ActivityContext:
    """The dependencies of one attempt, which tests can replace.

    check_in: raises when the rest is left to the next worker. clock: monotonic, in seconds.
    """

    now: Callable[[], datetime]
    check_in: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
