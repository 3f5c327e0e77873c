# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the schedule that is to the one that is wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption.core.policy.clock_times import times_of_cron
from vsphere_preemption.temporal.schedule.model import (
    Schedule,
    Wanted,
    checked_name,
    checked_seconds,
    checked_timezone,
    plan_absent,
    plan_present,
    times_of,
)

NIGHT = Schedule(
    name="night-stop",
    times=times_of_cron("0 22 * * *"),
    timezone="UTC",
    workflow_input={"schedule": "night-stop", "workflow_id": "w", "request": {"tag": "t", "narrow": {}}},
    task_queue="q",
    jitter_seconds=0,
    catch_up_seconds=600,
)
PAUSED = replace(NIGHT, paused=True, note="release")


def present(schedule: Schedule | None = NIGHT, note: str | None = None) -> Wanted:
    return Wanted("night-stop", schedule, paused=False, note=note)


def paused(schedule: Schedule | None = NIGHT, note: str | None = None) -> Wanted:
    return Wanted("night-stop", schedule, paused=True, note=note)


def test_what_is_as_wanted_is_left_alone() -> None:
    assert not plan_present(NIGHT, present()).changed
    assert not plan_present(replace(NIGHT, note="by hand"), present()).changed
    assert not plan_present(PAUSED, paused()).changed
    assert not plan_absent(None).changed


def test_a_new_one_is_made_as_it_is_wanted() -> None:
    assert plan_present(None, paused(note="later")).after == replace(NIGHT, paused=True, note="later")


def test_who_only_pauses_keeps_all_else() -> None:
    assert plan_present(NIGHT, paused(None, "release")).after == PAUSED


def test_who_resumes_ends_the_note() -> None:
    assert plan_present(PAUSED, present(None)).after == NIGHT
    assert plan_present(PAUSED, present(note="over")).after == replace(NIGHT, note="over")


def test_what_somebody_else_has_added_is_taken_away() -> None:
    plan = plan_present(replace(NIGHT, additions=("an end",)), present())
    assert plan.changed
    assert plan.before is not None
    assert plan.before.as_result()["additions"] == ["an end"]
    assert plan.after == NIGHT


@pytest.mark.parametrize("wanted", [present(None), paused(None)], ids=["resume", "pause"])
def test_what_is_not_there_cannot_be_paused_or_resumed(wanted: Wanted) -> None:
    with pytest.raises(InvalidSetting, match="there is no schedule with this name"):
        plan_present(None, wanted)


def test_a_schedule_is_shown_without_what_is_not_set() -> None:
    shown = PAUSED.as_result()
    assert shown["calendar"] == [{"minute": "0", "hour": "22"}]
    assert shown["request"] == {"tag": "t"}
    assert (shown["paused"], shown["note"], shown["workflow_id"]) == (True, "release", "w")
    assert "additions" not in shown


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "x" * 201])
def test_a_name_that_cannot_be_a_part_of_an_id_is_refused(name: str) -> None:
    with pytest.raises(InvalidSetting):
        checked_name(name)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "Local"])
def test_a_time_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidSetting, match="time zone"):
        checked_timezone(name)


def test_a_host_without_time_zones_leaves_it_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsphere_preemption.temporal.schedule.model.available_timezones", set)
    assert checked_timezone("Mars/Olympus") == "Mars/Olympus"


@pytest.mark.parametrize("seconds", [59, -1, 86_401])
def test_a_span_of_time_has_its_limits(seconds: int) -> None:
    with pytest.raises(InvalidSetting, match="from 60 to 86400"):
        checked_seconds("catch-up window", seconds, least=60)


def test_times_of_both_kinds_count() -> None:
    assert times_of(["0 6 * * *"], [{"hour": "22"}]) == times_of_cron("0 6 * * *") | times_of_cron("0 22 * * *")


def test_the_mistake_in_a_time_is_named() -> None:
    with pytest.raises(InvalidSetting, match="'0 25 \\* \\* \\*' is invalid, because '25' is not a valid hour"):
        times_of(["0 25 * * *"], [])
    with pytest.raises(InvalidSetting, match="an entry of calendar is invalid"):
        times_of([], [{"hour": "x"}])
