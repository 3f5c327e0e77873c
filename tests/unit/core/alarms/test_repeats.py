# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a request is repeated because its alarm keeps firing."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vsphere_preemption.core import times
from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.alarms.repeats import LastRequest, event_id, repeat_at
from vsphere_preemption.core.inventory import ManagedObject

ASKED = datetime(2026, 11, 24, 12, tzinfo=UTC)
FINISHED = ASKED + timedelta(seconds=40)
AFTER_STOPS = 300.0


def seconds_after_the_end(outcome: str, reason: str = "", *, attempt: int = 1, **more: Any) -> float:
    brief = {"outcome": outcome, "reason": reason, "finished": times.to_wire(FINISHED), **more}
    last = LastRequest(ASKED, attempt, ASKED.timestamp())
    return repeat_at(last, brief, after_stops=AFTER_STOPS) - FINISHED.timestamp()


@pytest.mark.parametrize(
    ("outcome", "reason", "seconds"),
    [
        ("done", "", 300),
        ("partial", "some_victims_failed", 300),
        ("done", "hurried_the_run_before", 300),
        ("done", "nothing_eligible", 60),
        ("failed", "all_victims_failed", 60),
        ("failed", "plan_failed", 60),
        ("skipped", "within_rerun_window", 60),
        ("skipped", "target_out_of_reach", 60),
        ("skipped", "approval_timed_out", 60),
        ("skipped", "a_reason_of_a_later_version", 60),
        ("skipped", "paused", 0),
        ("skipped", "outside_time_windows", 0),
        ("skipped", "workflow_ending", 0),
        ("skipped", "cancelled", math.inf),
        ("partial", "cancelled", math.inf),
        ("skipped", "not_approved", math.inf),
        ("skipped", "dry_run", math.inf),
        ("rejected", "invalid_request", math.inf),
    ],
)
def test_the_outcome_decides_when(outcome: str, reason: str, seconds: float) -> None:
    assert seconds_after_the_end(outcome, reason) == seconds


def test_a_request_that_stops_nothing_is_repeated_less_and_less_often() -> None:
    waits = [seconds_after_the_end("skipped", "plan_failed", attempt=attempt) for attempt in (1, 2, 3, 4, 5, 10_000)]
    assert waits == [60, 120, 240, 480, 900, 900]


def test_no_request_is_repeated_within_the_window_of_the_run() -> None:
    assert seconds_after_the_end("done", windowSeconds=3600.0) == 3600


def test_an_outcome_that_is_no_longer_on_record_counts_from_the_request() -> None:
    at = repeat_at(LastRequest(ASKED, 7, ASKED.timestamp()), None, after_stops=AFTER_STOPS)
    assert at - ASKED.timestamp() == 300


def test_the_id_of_the_event_counts() -> None:
    place = ManagedObject("ClusterComputeResource", "domain-c1")
    alarm = AlarmEvent("memory", ManagedObject("Alarm", "alarm-1"), place, place, to_colour="red")
    assert event_id(alarm, ASKED) == "alarm-1.domain-c1.red.2026-11-24T12:00:00Z"
    assert event_id(alarm, ASKED, 3) == "alarm-1.domain-c1.red.2026-11-24T12:00:00Z/3"
