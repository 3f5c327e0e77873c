# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cron schedules of five fields: minute, hour, day of the month, month, day of the week.

As in cron: `*`, lists, ranges, steps, English names of three letters; 0 and 7 are Sunday. If both days are given, one
of them must match; a field that begins with `*` does not count as given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(?P<start>\*|[a-z0-9]+)(-(?P<end>[a-z0-9]+))?(/(?P<step>[0-9]{1,4}))?", re.ASCII)
_LONGEST = 256


@dataclass(frozen=True)
class _Field:
    """One of the five. names: other words for the numbers from `least` on."""

    title: str
    least: int
    most: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True)
class Cron:
    """A schedule that was read.

    minutes_of_day: when it begins on a matching day, as minutes since midnight, sorted.
    either_day: one of the two days must match; otherwise both.
    """

    minutes_of_day: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def fits(self, day: date) -> bool:
        """Whether it begins on this day at all."""
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (by_month or by_week if self.either_day else by_month and by_week)


@lru_cache(maxsize=256)
def parse_cron(text: str) -> Cron:
    """The schedule. Raises ValueError, with the reason as a clause, for an invalid text or a day that never occurs."""
    words = text.lower().split()
    if len(words) != len(_FIELDS):
        raise ValueError(f"it has {len(words)} fields, not five")
    if len(text) > _LONGEST:
        raise ValueError(f"it has more than {_LONGEST} characters")
    minutes, hours, days, months, weekdays = (
        _read_field(field, word) for field, word in zip(_FIELDS, words, strict=True)
    )
    either = not words[2].startswith("*") and not words[4].startswith("*")
    if not either and not any(min(days) <= _LONGEST_MONTHS[month - 1] for month in months):
        raise ValueError("these months do not have such a day")
    return Cron(
        minutes_of_day=tuple(sorted(60 * hour + minute for hour in hours for minute in minutes)),
        days=days,
        months=months,
        weekdays=frozenset(number % 7 for number in weekdays),
        either_day=either,
    )


def _read_field(field: _Field, word: str) -> frozenset[int]:
    return frozenset(number for part in word.split(",") for number in _read_part(field, part))


def _read_part(field: _Field, part: str) -> range:
    found = _PART.fullmatch(part)
    if not found or (found["start"] == "*" and found["end"]):
        raise ValueError(f"{part!r} is not a valid {field.title}")
    if found["step"] and found["start"] != "*" and not found["end"]:
        raise ValueError(f"the step in {part!r} needs a range or *")
    if found["start"] == "*":
        start, end = field.least, 6 if field.names == _WEEKDAYS else field.most
    else:
        start = _number(field, found["start"])
        end = _number(field, found["end"]) if found["end"] else start
    if field.names == _WEEKDAYS and found["end"] and end == 0:
        # Sunday ends a week as well as it begins one: sat-sun.
        end = 7
    step = int(found["step"] or 1)
    if step < 1 or end < start:
        raise ValueError(f"{part!r} contains no {field.title}")
    return range(start, end + 1, step)


def _number(field: _Field, word: str) -> int:
    if word in field.names:
        return field.least + field.names.index(word)
    number = int(word) if re.fullmatch("[0-9]{1,4}", word) else -1
    if not field.least <= number <= field.most:
        raise ValueError(f"{word!r} is not a valid {field.title}")
    return number
