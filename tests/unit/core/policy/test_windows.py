# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance windows, against a model that walks through every minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vsphere_preemption.core.policy.cron import parse_cron
from vsphere_preemption.core.policy.model import TimeWindow, Windows
from vsphere_preemption.core.policy.windows import may_begin, window_open

MINUTE = timedelta(minutes=1)
BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = TimeWindow("0 8 * * mon-fri", 10 * 3600, "Europe/Berlin")
ALWAYS = TimeWindow("* * * * *", 60)
NEVER_NOW = TimeWindow("0 0 1 1 *", 60)

# Name: a day near which its clock was changed, and how: by an hour, by half an hour, by a whole day, at midnight.
CHANGES = {
    "Europe/Berlin": (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)),
    "Australia/Lord_Howe": (datetime(2026, 4, 4, tzinfo=UTC), datetime(2026, 10, 3, tzinfo=UTC)),
    "Pacific/Apia": (datetime(2011, 12, 30, tzinfo=UTC), datetime(2011, 9, 24, tzinfo=UTC)),
    "America/St_Johns": (datetime(2009, 3, 8, tzinfo=UTC), datetime(2009, 11, 1, tzinfo=UTC)),
    "UTC": (datetime(2026, 2, 28, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC)),
}


def naively_open(window: TimeWindow, now: datetime) -> bool:
    """The same by looking at each minute of the clock."""
    cron, place = parse_cron(window.cron), ZoneInfo(window.timezone)
    moment = now.replace(second=0, microsecond=0)
    while moment > now - timedelta(seconds=window.duration_seconds):
        local = moment.astimezone(place)
        before = (moment - MINUTE).astimezone(place).replace(tzinfo=None)
        clock = local.replace(tzinfo=None)
        # Every minute of the clock since the last real minute: one, or those that were left out as well.
        shown = [clock - MINUTE * late for late in range(max(1, (clock - before) // MINUTE))]
        if not local.fold and any(
            cron.fits(minute.date()) and minute.hour * 60 + minute.minute in cron.minutes_of_day for minute in shown
        ):
            return True
        moment -= MINUTE
    return False


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, datetime]:
    """A time zone, and a moment within some days of a change of its clock."""
    name = draw(st.sampled_from(sorted(CHANGES)))
    near = draw(st.sampled_from(CHANGES[name]))
    return name, near + timedelta(minutes=draw(st.integers(-1500, 3000)), seconds=draw(st.integers(0, 59)))


MINUTES = st.sampled_from(["0", "30", "*/15", "5,35", "59", "*", "10-20/5"])
HOURS = st.sampled_from(["*", "0", "1", "2", "3", "23", "22-23", "1-3", "*/6"])
DAYS = st.sampled_from(["*", "*", "29", "25-31", "*/2", "1"])
WEEKDAYS = st.sampled_from(["*", "*", "0", "7", "sat-sun", "fri", "*/3", "mon-fri"])
CRONS = st.tuples(MINUTES, HOURS, DAYS, st.sampled_from(["*", "*", "3,10", "dec"]), WEEKDAYS).map(" ".join)


@settings(deadline=None, max_examples=150)
@given(CRONS, st.integers(1, 2000), moments())
@example("30 2 * * *", 30, ("Europe/Berlin", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)))
@example("30 2 * * *", 30, ("Europe/Berlin", datetime(2026, 10, 25, 1, 35, tzinfo=UTC)))
@example("0 8 30 12 *", 10, ("Pacific/Apia", datetime(2011, 12, 30, 10, 5, tzinfo=UTC)))
@example("0 0 * * *", 120, ("America/St_Johns", datetime(2009, 11, 1, 3, 0, tzinfo=UTC)))
def test_a_window_is_open_just_when_a_walk_through_all_minutes_says_so(
    cron: str, minutes: int, when: tuple[str, datetime]
) -> None:
    name, now = when
    window = TimeWindow(cron, minutes * 60.0, name)
    assert window_open(window, now) == naively_open(window, now)


@pytest.mark.parametrize(
    ("window", "local", "is_open"),
    [
        pytest.param(OFFICE, "2026-11-24T07:59:59+01:00", False, id="just before"),
        pytest.param(OFFICE, "2026-11-24T08:00:00+01:00", True, id="at its first instant"),
        pytest.param(OFFICE, "2026-11-24T17:59:59+01:00", True, id="at its last second"),
        pytest.param(OFFICE, "2026-11-24T18:00:00+01:00", False, id="at its end"),
        pytest.param(OFFICE, "2026-11-24T12:00:00Z", True, id="asked in another zone"),
        pytest.param(OFFICE, "2026-07-01T06:30:00Z", True, id="in summer"),
        pytest.param(OFFICE, "2026-11-28T12:00:00+01:00", False, id="on a Saturday"),
        pytest.param(TimeWindow("0 20 * * fri", 2.5 * 86400), "2026-11-30T07:59:00Z", True, id="over a weekend"),
        pytest.param(TimeWindow("0 0 * * sun", 7 * 86400), "2026-11-24T07:59:00Z", True, id="a whole week"),
        pytest.param(TimeWindow("0 0 29 2 *", 7 * 86400), "2028-03-06T23:59:00Z", True, id="a leap day"),
        pytest.param(TimeWindow("0 0 1 * mon", 60), "2026-11-30T00:00:30Z", True, id="either day: the Monday"),
        pytest.param(TimeWindow("0 0 1 * mon", 60), "2026-12-01T00:00:30Z", True, id="either day: the first"),
        pytest.param(TimeWindow("0 0 */2 * mon", 60), "2026-12-01T00:00:30Z", False, id="a star is no day: both"),
        pytest.param(
            TimeWindow("30 2 * * *", 60, "Europe/Berlin"), "2026-03-29T01:00:30Z", True, id="begins after the gap"
        ),
        pytest.param(
            TimeWindow("30 2 * * *", 60, "Europe/Berlin"), "2026-03-29T01:30:30Z", False, id="not half an hour later"
        ),
        pytest.param(
            TimeWindow("30 2 * * *", 60, "Europe/Berlin"), "2026-10-25T00:30:30Z", True, id="first of two hours"
        ),
        pytest.param(
            TimeWindow("30 2 * * *", 60, "Europe/Berlin"), "2026-10-25T01:30:30Z", False, id="not in the second"
        ),
    ],
)
def test_a_window_is_open(window: TimeWindow, local: str, is_open: bool) -> None:
    assert window_open(window, datetime.fromisoformat(local)) is is_open


def test_the_repeated_hour_is_told_apart_by_its_offset() -> None:
    window = TimeWindow("30 2 * * *", 1800, "Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 45, tzinfo=BERLIN)
    assert window_open(window, first)
    assert not window_open(window, first.replace(fold=1))


@pytest.mark.parametrize(
    ("windows", "allowed"),
    [
        pytest.param(Windows(), True, id="none at all"),
        pytest.param(Windows(never=(NEVER_NOW,)), True, id="never: not now"),
        pytest.param(Windows(never=(NEVER_NOW, ALWAYS)), False, id="never: now"),
        pytest.param(Windows(only=(NEVER_NOW,)), False, id="only: not now"),
        pytest.param(Windows(only=(NEVER_NOW, ALWAYS)), True, id="only: now"),
        pytest.param(Windows(only=(ALWAYS,), never=(ALWAYS,)), False, id="both: never wins"),
    ],
)
def test_a_run_may_begin(windows: Windows, allowed: bool) -> None:
    assert may_begin(windows, datetime(2026, 11, 24, 12, tzinfo=UTC)) is allowed


@pytest.mark.parametrize(
    ("cron", "why"),
    [
        pytest.param("", "it has 0 fields, not five", id="empty"),
        pytest.param("* * * *", "it has 4 fields, not five", id="four"),
        pytest.param("@daily", "it has 1 fields, not five", id="nickname"),
        pytest.param("60 * * * *", "'60' is not a valid minute", id="minute"),
        pytest.param("* 24 * * *", "'24' is not a valid hour", id="hour"),
        pytest.param("* * 0 * *", "'0' is not a valid day of the month", id="day"),
        pytest.param("* * * 13 *", "'13' is not a valid month", id="month"),
        pytest.param("* * * * 8", "'8' is not a valid day of the week", id="weekday"),
        pytest.param("* * * * tues", "'tues' is not a valid day of the week", id="name"),
        pytest.param("* * * mon *", "'mon' is not a valid month", id="name of another field"),
        pytest.param("*/0 * * * *", "'*/0' contains no minute", id="no step"),
        pytest.param("5/10 * * * *", "the step in '5/10' needs a range or *", id="step without range"),
        pytest.param("9-5 * * * *", "'9-5' contains no minute", id="backwards"),
        pytest.param("*-5 * * * *", "'*-5' is not a valid minute", id="range from a star"),
        pytest.param("1,,2 * * * *", "'' is not a valid minute", id="hole in a list"),
        pytest.param("\N{ARABIC-INDIC DIGIT FIVE} * * * *", "is not a valid minute", id="other digits"),
        pytest.param("0 0 30 2 *", "these months do not have such a day", id="a day that never comes"),
        pytest.param("0" * 300 + " * * * *", "it has more than 256 characters", id="long"),
    ],
)
def test_a_schedule_is_refused(cron: str, why: str) -> None:
    with pytest.raises(ValueError, match="^" + ".*") as caught:
        parse_cron(cron)
    assert why in str(caught.value)


@pytest.mark.parametrize("name", ["Europe/Berlinn", "", "../UTC", "/etc/localtime", "Europe", "x\0y", "\ud800"])
def test_a_time_zone_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone"):
        window_open(TimeWindow("* * * * *", 60, name), datetime(2026, 11, 24, tzinfo=UTC))


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a zone"):
        window_open(ALWAYS, datetime(2026, 11, 24))  # noqa: DTZ001
