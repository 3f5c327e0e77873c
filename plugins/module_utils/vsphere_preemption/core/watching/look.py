# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at vCenter's alarms shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..alarm import AlarmEvent

# By urgency. An alarm that vCenter cannot judge is gray: it asks for nothing, but it is not over either.
RANKS = {"green": 0, "gray": 1, "yellow": 2, "red": 3}
GREEN, YELLOW = "green", "yellow"


@dataclass(frozen=True)
class Sighting:
    """An alarm in a colour (`alarm.to_colour`), on one object. at: since when, by vCenter's clock."""

    alarm: AlarmEvent
    at: datetime


@dataclass(frozen=True)
class Look:
    """What vCenter tells at one time.

    firing: every alarm that is not green, on each object where it is not. changes: the changes of colour since the look
    before, the oldest first. gap: some changes may be missing.
    """

    firing: tuple[Sighting, ...] = ()
    changes: tuple[Sighting, ...] = ()
    gap: bool = False
