# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The times at which a schedule acts, as sets of numbers, so that the same times are equal however they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .cron import parse_cron

_ALL = {
    "minute": frozenset(range(60)),
    "hour": frozenset(range(24)),
    "day_of_month": frozenset(range(1, 32)),
    "month": frozenset(range(1, 13)),
    "day_of_week": frozenset(range(7)),
}
PARTS = tuple(_ALL)


@dataclass(frozen=True)
class ClockTimes:
    """All moments at which each part matches. day_of_week: 0 is Sunday."""

    minute: frozenset[int] = frozenset({0})
    hour: frozenset[int] = frozenset({0})
    day_of_month: frozenset[int] = _ALL["day_of_month"]
    month: frozenset[int] = _ALL["month"]
    day_of_week: frozenset[int] = _ALL["day_of_week"]

    def as_result(self) -> dict[str, str]:
        """The parts as cron fields, without days that always match. `times_of_parts` reverses it."""
        parts = {name: _as_field(getattr(self, name), _ALL[name]) for name in PARTS}
        return {name: field for name, field in parts.items() if field != "*" or name in ("minute", "hour")}


def times_of_cron(text: str) -> frozenset[ClockTimes]:
    """The times of a cron expression of five fields. Raises ValueError, with the reason as a clause, if it is invalid.

    As in cron, one of the two days must match if both are given; that takes two sets of times.
    """
    cron = parse_cron(text)
    hours, minutes = (frozenset(part) for part in zip(*(divmod(m, 60) for m in cron.minutes_of_day), strict=True))
    every_day, every_weekday = _ALL["day_of_month"], _ALL["day_of_week"]
    days = [(cron.days, every_weekday), (every_day, cron.weekdays)] if cron.either_day else [(cron.days, cron.weekdays)]
    return frozenset(ClockTimes(minutes, hours, by_month, cron.months, by_week) for by_month, by_week in days)


def times_of_parts(parts: Mapping[str, str]) -> ClockTimes:
    """The times at which all parts match, each a cron field. Raises ValueError as above.

    A missing minute or hour is 0, a missing day or month is any.
    """
    field = {"minute": "0", "hour": "0", "day_of_month": "*", "month": "*", "day_of_week": "*", **parts}
    # One after the other, because cron treats two days as alternatives.
    [times] = times_of_cron(" ".join([*(field[name] for name in PARTS[:4]), "*"]))
    [week] = times_of_cron(f"0 0 * * {field['day_of_week']}")
    return ClockTimes(times.minute, times.hour, times.day_of_month, times.month, week.day_of_week)


def in_order(times: Iterable[ClockTimes]) -> list[ClockTimes]:
    """Sorted: the same for the same times."""
    return sorted(times, key=lambda one: [sorted(getattr(one, name)) for name in PARTS])


def runs_of(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The numbers as ranges, both ends included."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _as_field(numbers: frozenset[int], every: frozenset[int]) -> str:
    if numbers == every:
        return "*"
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs_of(numbers))
