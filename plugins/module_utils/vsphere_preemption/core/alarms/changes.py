# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every change of an alarm on every object, reported once: for listeners with their own rules.

vCenter's event log reports changes, and its list of triggered alarms reveals gaps in the log: it was truncated, or the
listener was away for too long. A change that only the list shows is reported with the second check that shows it, so
that the log, which is more detailed, comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ..alarm_event import AlarmEvent
from ..inventory import ManagedObject
from .active_alarm import BELIEVED, SAME_CHANGE
from .observation import GREEN, RANKS, AlarmSnapshot, AlarmState

# The alarm, and the object that it is on.
Pair = tuple[ManagedObject, ManagedObject]
# How long the log may still report a change that the list has already shown.
REMEMBERED = timedelta(seconds=60)


@dataclass(frozen=True)
class ReportedAlarm:
    """The last reported state of an alarm on an object.

    since: of this colour. listed: the same by the list; None: not seen there. ahead: the list has shown it, and the log
    has not yet. Times are by vCenter's clock.
    """

    alarm: AlarmEvent
    since: datetime
    listed: datetime | None = None
    ahead: bool = False

    @property
    def colour(self) -> str:
        return self.alarm.to_colour

    def is_shown_by(self, seen: AlarmState) -> bool:
        """Whether the list shows exactly what was reported."""
        same = self.listed == seen.at if self.listed else seen.at <= self.since + SAME_CHANGE
        return self.colour == seen.alarm.to_colour and same


@dataclass(frozen=True)
class Change:
    """An alarm has changed its colour on an object.

    alarm: `from_colour` is empty if it is not known. at: by vCenter's clock. worst_before, worst: the worst colour of
    the alarm in its compute resource, before and after. by_log: reported by vCenter's event log, otherwise by the list
    of triggered alarms.
    """

    alarm: AlarmEvent
    at: datetime
    worst_before: str
    worst: str
    by_log: bool = True


class Changes:
    """wanted: whether an alarm with this name matters. reported: what the same listener has already reported."""

    def __init__(self, wanted: Callable[[str], bool], reported: dict[Pair, ReportedAlarm] | None = None) -> None:
        self._wanted = wanted
        self.reported = reported or {}
        self._held: dict[Pair, AlarmState] = {}

    def take(self, look: AlarmSnapshot, now: datetime) -> list[Change]:
        """The changes to report after this check, the log's changes first. now: by vCenter's clock."""
        changes = [*self._by_log(look), *self._by_list(look, now)]
        self.reported = {pair: reported for pair, reported in self.reported.items() if not _is_past(reported, now)}
        return changes

    def _by_log(self, look: AlarmSnapshot) -> Iterator[Change]:
        for change in look.changes:
            alarm = change.alarm
            if not self._wanted(alarm.name):
                continue
            pair = _pair(alarm)
            before = self.reported.get(pair) if pair else None
            if pair and before and before.ahead and _is_same(before, change):
                self.reported[pair] = replace(before, ahead=False)
                continue
            worst_before = self._worst(alarm, alarm.from_colour or GREEN)
            # A change that is older than the state from the list is new, but not the current state.
            if pair and not (before and before.ahead and change.at < before.since):
                self.reported[pair] = ReportedAlarm(alarm, change.at)
            yield Change(alarm, change.at, worst_before, self._worst(alarm, alarm.to_colour))

    def _by_list(self, look: AlarmSnapshot, now: datetime) -> Iterator[Change]:
        """Where the list differs from what was reported, now and at the previous check."""
        held, self._held = self._held, {}
        for pair, seen in self._differing(look, now):
            before, is_end = self.reported.get(pair), seen.alarm.to_colour == GREEN
            if not (_is_held(held.get(pair), seen) or (is_end and look.gap)):
                self._held[pair] = seen
                continue
            alarm = replace(seen.alarm, from_colour=before.colour if before else "")
            worst_before = self._worst(alarm, GREEN)
            self.reported[pair] = ReportedAlarm(alarm, seen.at, None if is_end else seen.at, ahead=True)
            yield Change(alarm, seen.at, worst_before, self._worst(alarm, alarm.to_colour), by_log=False)

    def _differing(self, look: AlarmSnapshot, now: datetime) -> Iterator[tuple[Pair, AlarmState]]:
        shown = {pair: seen for seen in look.firing if (pair := _pair(seen.alarm))}
        for pair, seen in shown.items():
            reported = self.reported.get(pair)
            if reported and reported.is_shown_by(seen):
                self.reported[pair] = replace(reported, alarm=_with_place(reported.alarm, seen.alarm), listed=seen.at)
            else:
                yield pair, seen
        for pair, reported in list(self.reported.items()):
            is_over = reported.listed or look.gap or reported.since + BELIEVED <= now
            if pair not in shown and reported.colour != GREEN and is_over:
                yield pair, AlarmState(replace(reported.alarm, to_colour=GREEN, key=""), now)

    def _worst(self, alarm: AlarmEvent, otherwise: str) -> str:
        there = [
            reported.colour
            for reported in self.reported.values()
            if reported.alarm.alarm == alarm.alarm and reported.alarm.compute_resource == alarm.compute_resource
        ]
        return max(there, key=RANKS.__getitem__, default=otherwise)


def _pair(alarm: AlarmEvent) -> Pair | None:
    """The alarm and object of a colour; None for an event without them, which is reported as it is."""
    return (alarm.alarm, alarm.entity) if alarm.alarm and alarm.entity else None


def _is_same(reported: ReportedAlarm, change: AlarmState) -> bool:
    return reported.colour == change.alarm.to_colour and abs(change.at - reported.since) <= SAME_CHANGE


def _is_held(before: AlarmState | None, seen: AlarmState) -> bool:
    """Whether the previous check showed it too; the list has no time for the end of an alarm."""
    if before is None or before.alarm.to_colour != seen.alarm.to_colour:
        return False
    return seen.alarm.to_colour == GREEN or before.at == seen.at


def _is_past(reported: ReportedAlarm, now: datetime) -> bool:
    return reported.colour == GREEN and reported.since + REMEMBERED <= now


def _with_place(reported: AlarmEvent, seen: AlarmEvent) -> AlarmEvent:
    """With the current names, which are used when its end is reported."""
    return replace(
        reported,
        name=seen.name,
        compute_resource=seen.compute_resource or reported.compute_resource,
        compute_resource_name=seen.compute_resource_name or reported.compute_resource_name,
    )
