# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance windows: whether one is open, and whether a run may begin.

A window begins by the clock of its time zone. If the clock is put forward past the start, the window begins right after
the gap; if an hour occurs twice, it begins in the first. It lasts for its duration, regardless of clock changes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .cron import Cron, parse_cron
from .model import TimeWindow, Windows

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


def may_begin(windows: Windows, now: datetime) -> bool:
    """Whether a run may begin now. Raises ValueError for an invalid window."""
    if any(window_open(window, now) for window in windows.never):
        return False
    return not windows.only or any(window_open(window, now) for window in windows.only)


def window_open(window: TimeWindow, now: datetime) -> bool:
    """Whether it has begun and not yet ended. Raises ValueError for an invalid window, or a time without a zone."""
    if now.tzinfo is None:
        raise ValueError(f"a time needs a zone: {now!r}")
    # In UTC, because two times of the same zone are compared by their clocks, without regard to the repeated hour.
    moment = now.astimezone(UTC)
    earliest = moment - timedelta(seconds=window.duration_seconds)
    return any(begun > earliest for begun in _last_beginning(window, moment, earliest))


def zone(name: str) -> ZoneInfo:
    """A time zone by its name in the IANA database. Raises ValueError if there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r}") from error


def _last_beginning(window: TimeWindow, moment: datetime, earliest: datetime) -> Iterator[datetime]:
    """The last beginning up to this moment; nothing if it is certainly not after the earliest."""
    place, cron = zone(window.timezone), parse_cron(window.cron)
    # A beginning never lies further from the date on its clock than a day, even where a whole day was left out.
    day, first = moment.astimezone(place).date() + _DAY, earliest.astimezone(place).date() - _DAY
    while day >= first:
        if cron.fits(day) and (count := _begun(cron, day, place, moment)):
            yield _beginning(day, cron.minutes_of_day[count - 1], place)
            return
        day -= _DAY


def _begun(cron: Cron, day: date, place: ZoneInfo, moment: datetime) -> int:
    """How many beginnings of that day are not after the moment. Later ones by the clock are never earlier."""
    return bisect_right(cron.minutes_of_day, moment, key=lambda minute: _beginning(day, minute, place))


def _beginning(day: date, minute_of_day: int, place: ZoneInfo) -> datetime:
    """The start of the window that is scheduled for this minute of the clock."""
    local = datetime.combine(day, time(*divmod(minute_of_day, 60)), place)
    by_old_offset, by_new_offset = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    # In the repeated hour, the old offset gives the first time; only in the skipped hour, it gives a later one.
    return by_old_offset if by_old_offset <= by_new_offset else _end_of_gap(by_new_offset, by_old_offset, place)


def _end_of_gap(before: datetime, after: datetime, place: ZoneInfo) -> datetime:
    """When the clock was put forward, between two moments that have it in between."""
    old = before.astimezone(place).utcoffset()
    while after - before > _SECOND:
        middle = before + ((after - before) / 2 // _SECOND) * _SECOND
        if middle.astimezone(place).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
