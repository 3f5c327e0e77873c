# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of one check of vCenter's alarms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..alarm_event import AlarmEvent

# By urgency. An alarm that vCenter cannot evaluate is gray: it requests nothing, but it has not cleared either.
RANKS = {"green": 0, "gray": 1, "yellow": 2, "red": 3}
GREEN, YELLOW = "green", "yellow"


@dataclass(frozen=True)
class AlarmState:
    """An alarm in a colour (`alarm.to_colour`), on one object. at: start of that colour, by vCenter's clock."""

    alarm: AlarmEvent
    at: datetime


@dataclass(frozen=True)
class AlarmSnapshot:
    """The state of vCenter's alarms at one time.

    firing: every alarm that is not green, on each such object. changes: the changes of colour since the previous check,
    the oldest first. gap: some changes may be missing.
    """

    firing: tuple[AlarmState, ...] = ()
    changes: tuple[AlarmState, ...] = ()
    gap: bool = False
