# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same times are equal however they are written, and what cannot be a time is refused."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsphere_preemption.core.policy.clock_times import (
    PARTS,
    ClockTimes,
    in_order,
    runs_of,
    times_of_cron,
    times_of_parts,
)

EVERY_DAY, EVERY_WEEKDAY = frozenset(range(1, 32)), frozenset(range(7))


def some(least: int, most: int) -> st.SearchStrategy[frozenset[int]]:
    return st.frozensets(st.integers(least, most), min_size=1)


def test_a_night_on_weekdays() -> None:
    assert times_of_cron("0 22 * * mon-fri") == {ClockTimes(hour=frozenset({22}), day_of_week=frozenset(range(1, 6)))}


def test_cron_and_calendar_mean_the_same() -> None:
    assert times_of_cron("*/30 6 * 1 0") == {
        times_of_parts({"minute": "0,30", "hour": "6", "month": "jan", "day_of_week": "7"})
    }


def test_cron_takes_two_days_as_an_alternative_and_the_calendar_both() -> None:
    by_month, by_week = frozenset({13}), frozenset({5})
    assert {(one.day_of_month, one.day_of_week) for one in times_of_cron("0 0 13 * fri")} == {
        (by_month, EVERY_WEEKDAY),
        (EVERY_DAY, by_week),
    }
    friday_13th = times_of_parts({"day_of_month": "13", "day_of_week": "fri"})
    assert (friday_13th.day_of_month, friday_13th.day_of_week) == (by_month, by_week)


def test_a_part_that_is_not_given_is_midnight_or_any_day() -> None:
    assert times_of_parts({}) == ClockTimes()


@pytest.mark.parametrize("text", ["", "0 22 * *", "0 24 * * *", "0 22 * * noday", "0 0 31 feb *", "@daily"])
def test_what_is_no_cron_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        times_of_cron(text)


@pytest.mark.parametrize(
    "parts", [{"hour": "1 2"}, {"hour": ""}, {"day_of_month": "30", "month": "2", "day_of_week": "1"}]
)
def test_what_is_no_part_of_a_calendar_is_refused(parts: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        times_of_parts(parts)


@given(st.builds(ClockTimes, some(0, 59), some(0, 23), some(1, 31), st.just(frozenset(range(1, 13))), some(0, 6)))
def test_what_is_shown_can_be_given_again(times: ClockTimes) -> None:
    assert times_of_parts(times.as_result()) == times


@given(some(0, 59))
def test_ranges_hold_the_numbers_and_no_others(numbers: frozenset[int]) -> None:
    runs = runs_of(numbers)
    assert [number for first, last in runs for number in range(first, last + 1)] == sorted(numbers)
    assert all(after[0] > before[1] + 1 for before, after in itertools.pairwise(runs))


def test_the_order_is_the_same_for_the_same_times() -> None:
    first, second = times_of_parts({"hour": "6"}), times_of_parts({"hour": "22"})
    assert in_order({second, first}) == in_order({first, second}) == [first, second]
    assert PARTS[0] == "minute"
