# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a request is repeated, because its alarm is still firing.

An alarm is a level: that it is red counts, not only that it became red. So a request that was skipped, or that did not
remove the pressure, is repeated as long as the alarm keeps its colour, by an event ID that counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .. import times
from ..alarm_event import AlarmEvent
from ..reasons import RunReason
from ..records.outcome import RunStatus

# After an outcome that stopped nothing; doubled with each repetition.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 60.0, 900.0

# Somebody decided so, or it would be the same again: only another firing is another request.
_FINAL = {RunReason.CANCELLED, RunReason.DRY_RUN, RunReason.INVALID, RunReason.NOT_APPROVED}
# The request is repeated as soon as this is over, which the caller checks.
_OVER_SOON = {RunReason.PAUSED, RunReason.OUTSIDE_WINDOWS, RunReason.ENDING}
_STOPPED_NOTHING = {RunReason.NOTHING_ELIGIBLE, RunReason.PRESSURE_GONE}


@dataclass(frozen=True)
class LastRequest:
    """The last request for an alarm. since: start of its colour, by vCenter's clock; attempt: 1 for the first request.

    at: when it was sent, in seconds since the epoch by our clock.
    """

    since: datetime
    attempt: int
    at: float


def event_id(alarm: AlarmEvent, since: datetime, attempt: int = 1) -> str:
    """ID of the event of a request: the same for the same change of colour and attempt."""
    names = [ref.value for ref in (alarm.alarm, alarm.compute_resource) if ref]
    first = ".".join([*names, alarm.to_colour, times.to_wire(since)])
    return first if attempt == 1 else f"{first}/{attempt}"


def repeat_at(last: LastRequest, outcome: Mapping[str, Any] | None, *, after_stops: float) -> float:
    """When to repeat the request, in seconds since the epoch; infinite for never.

    outcome: of the last request (`RunRecord.brief`), also with codes of a later version; None if it is not on record.
    after_stops: seconds after a run that stopped VMs, in which vCenter's statistics and alarms follow.
    """
    if outcome is None:
        return last.at + after_stops
    ended, reason = outcome["outcome"], outcome["reason"]
    if reason in _FINAL:
        return math.inf
    finished = times.from_wire(outcome["finished"]).timestamp()
    if reason in _OVER_SOON:
        return finished
    if ended in (RunStatus.DONE, RunStatus.PARTIAL) and reason not in _STOPPED_NOTHING:
        return finished + max(after_stops, float(outcome.get("windowSeconds", 0.0)))
    return finished + min(FIRST_PAUSE_SECONDS * 2.0 ** min(last.attempt - 1, 10), LONGEST_PAUSE_SECONDS)
