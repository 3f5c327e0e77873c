# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What schedules, and alarms that have to last, tell their workflows, and these their activity.

The rules are those of `messages`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .restore_messages import RestoreInput

ASK = "AskForPreemption"


@dataclass(frozen=True)
class ScheduledInput:
    """Written by the library (`temporal/schedule_plan.py`): exactly one of `request` and `restore` is there.

    schedule: name of the schedule. workflow_id: of the workflow that takes the request to preempt.
    request: as on the wire, without its event, which is made for each time. restore: what to give back.
    """

    schedule: str
    workflow_id: str
    request: dict[str, Any] | None = None
    restore: RestoreInput | None = None


@dataclass(frozen=True)
class AskInput:
    """request: as on the wire, for the workflow of this id."""

    workflow_id: str
    request: dict[str, Any]


@dataclass(frozen=True)
class RaiseInput:
    """Written by the library (`temporal/raising.py`). request: as on the wire, for the workflow of this id."""

    workflow_id: str
    request: dict[str, Any]
    delay_seconds: float
