# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of the workflows for schedules and raise delays, and of their activity.

The rules of `messages` apply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .restore import RestoreInput

ASK = "AskForPreemption"


@dataclass(frozen=True)
class ScheduledInput:
    """Written by the library (`temporal/schedule/model.py`): exactly one of `request` and `restore` is set.

    schedule: name of the schedule. workflow_id: of the workflow that receives the preemption request.
    request: in the wire format, without its event, which is created for each action. restore: the restore to start.
    """

    schedule: str
    workflow_id: str
    request: dict[str, Any] | None = None
    restore: RestoreInput | None = None


@dataclass(frozen=True)
class AskInput:
    """request: in the wire format, for the workflow with this ID."""

    workflow_id: str
    request: dict[str, Any]


@dataclass(frozen=True)
class RaiseInput:
    """Written by `temporal/delayed_requests.py`. request: in the wire format, for the workflow with this ID."""

    workflow_id: str
    request: dict[str, Any]
    delay_seconds: float
