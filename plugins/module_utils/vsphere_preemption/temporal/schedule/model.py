# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A schedule as a value, and the difference between its current and its desired state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from zoneinfo import available_timezones

from ...core.errors import InvalidSetting
from ...core.policy.clock_times import ClockTimes, in_order, times_of_cron, times_of_parts
from ...core.policy.windows import zone

Source = TypeVar("Source")
Times = TypeVar("Times")

# The name is a part of the ids of events and workflows.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", re.ASCII)
DAY_SECONDS = 24 * 60 * 60
LEAST_CATCH_UP_SECONDS = 60


@dataclass(frozen=True)
class Schedule:
    """The current or desired state of a schedule.

    times: when it acts, in the time zone (IANA name). workflow_input: input of the workflow that it starts.
    jitter_seconds: maximum random delay. catch_up_seconds: how late it may act, and its request may wait.
    note: plain text. additions: settings made by other clients; our changes remove them.
    """

    name: str
    times: frozenset[ClockTimes]
    timezone: str
    workflow_input: Mapping[str, Any]
    task_queue: str
    jitter_seconds: int
    catch_up_seconds: int
    paused: bool = False
    note: str = ""
    additions: tuple[str, ...] = ()

    def as_result(self) -> dict[str, Any]:
        """The schedule as a module result. It may contain a reply address."""
        workflow_input = {
            name: _compact(value) for name, value in self.workflow_input.items() if name != "schedule" and value
        }
        return {
            "name": self.name,
            "paused": self.paused,
            "note": self.note,
            "calendar": [times.as_result() for times in in_order(self.times)],
            "timezone": self.timezone,
            "jitter": self.jitter_seconds,
            "catch_up": self.catch_up_seconds,
            "task_queue": self.task_queue,
            **workflow_input,
            **({"additions": list(self.additions)} if self.additions else {}),
        }


@dataclass(frozen=True)
class Wanted:
    """The desired state of a schedule. schedule: None keeps it. note: None keeps the note of a paused schedule."""

    name: str
    schedule: Schedule | None
    paused: bool
    note: str | None = None


@dataclass(frozen=True)
class SchedulePlan:
    """The current and the desired state; None if there is no schedule."""

    before: Schedule | None
    after: Schedule | None

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return self.before != self.after


def plan_present(found: Schedule | None, wanted: Wanted) -> SchedulePlan:
    """The plan to reach the desired state. Raises InvalidSetting if there is no schedule to keep."""
    base = wanted.schedule or found
    if base is None:
        raise InvalidSetting(
            f"Cannot {'pause' if wanted.paused else 'resume'} the schedule {wanted.name}",
            why="there is no schedule with this name",
            next_step="Correct the name, or set action, tag and times to create it.",
        )
    return SchedulePlan(found, replace(base, paused=wanted.paused, note=_note(found, wanted)))


def plan_absent(found: Schedule | None) -> SchedulePlan:
    """The plan to remove the schedule."""
    return SchedulePlan(found, None)


def checked_name(name: str) -> str:
    """The name, if it is valid for a schedule. Raises InvalidSetting otherwise."""
    if not _NAME.fullmatch(name):
        why = f"{name[:80]!r} does not consist of letters, digits, dots, dashes and underscores, or is too long"
        raise _invalid("name", why, "Use a name such as night-stop, beginning with a letter or a digit.")
    return name


def times_of(cron: Iterable[str], calendar: Iterable[Mapping[str, str]]) -> frozenset[ClockTimes]:
    """When to act, from cron expressions and calendar entries. Raises InvalidSetting."""
    by_cron = [_read(times_of_cron, text, repr(text[:80])) for text in cron]
    by_calendar = {_read(times_of_parts, parts, "an entry of calendar") for parts in calendar}
    return frozenset(by_calendar.union(*by_cron))


def checked_timezone(name: str) -> str:
    """The name, if there is such a time zone. Raises InvalidSetting otherwise.

    A host may have no time zone data; then the server validates it.
    """
    try:
        zone(name)
    except ValueError as error:
        if available_timezones():
            raise _invalid("time zone", str(error), "Use a name such as Europe/Berlin.") from error
    return name


def checked_seconds(what: str, seconds: int, *, least: int) -> int:
    """The seconds, if they are between `least` and one day. Raises InvalidSetting otherwise."""
    if not least <= seconds <= DAY_SECONDS:
        raise _invalid(what, f"it is {seconds} seconds", f"Set it to a value from {least} to {DAY_SECONDS}.")
    return seconds


def _note(found: Schedule | None, wanted: Wanted) -> str:
    """Pausing or resuming a schedule makes its old note obsolete."""
    if wanted.note is not None:
        return wanted.note
    return found.note if found and found.paused == wanted.paused else ""


def _compact(part: Any) -> Any:
    """The request or restore without values that are unset, the same for all schedules, or shown elsewhere."""
    said = ("by_rule", "workflow_id")
    if not isinstance(part, Mapping):
        return part
    return {name: value for name, value in part.items() if value and name not in said}


def _read(read: Callable[[Source], Times], source: Source, what: str) -> Times:
    try:
        return read(source)
    except ValueError as error:
        next_step = "Use the format 0 22 * * mon-fri: minute, hour, day of the month, month, day of the week."
        raise _invalid("times", f"{what} is invalid, because {error}", next_step) from error


def _invalid(part: str, why: str, next_step: str) -> InvalidSetting:
    return InvalidSetting(f"Cannot use the {part} of the schedule", why=why, next_step=next_step)
