# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One alarm in one scope, over time: which objects it fires on, what was requested, and what is due.

vCenter's list of triggered alarms is authoritative. Its event log is faster, and reports changes that were over before
the next check. A change that only the log has reported is trusted until the log revokes it, or for a limited time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ..alarm_event import AlarmEvent
from ..inventory import ManagedObject
from ..policy.alarm_rule import AlarmRule
from .repeats import LastRequest

# By urgency. An alarm that vCenter cannot evaluate is gray: it requests nothing, but it has not cleared either.
RANKS = {"green": 0, "gray": 1, "yellow": 2, "red": 3}
GREEN, YELLOW = "green", "yellow"

# The log writes a change a moment after the state has it.
SAME_CHANGE = timedelta(seconds=5)
BELIEVED = timedelta(minutes=15)


@dataclass(frozen=True)
class AlarmState:
    """An alarm in a colour (`alarm.to_colour`), on one object. at: start of that colour, by vCenter's clock."""

    alarm: AlarmEvent
    at: datetime


@dataclass(frozen=True)
class AlarmSnapshot:
    """The state of vCenter's alarms at one time.

    firing: every alarm that is not green, on each such object. changes: the changes of colour since the previous check,
    the oldest first. gap: some changes may be missing.
    """

    firing: tuple[AlarmState, ...] = ()
    changes: tuple[AlarmState, ...] = ()
    gap: bool = False


@dataclass(frozen=True)
class Firing:
    """The alarm on one object.

    since: of this colour. state_since: the same by vCenter's list; None: not seen there. on_record: the reason why it
    requested nothing was recorded.
    """

    colour: str
    since: datetime
    state_since: datetime | None = None
    on_record: bool = False

    @property
    def rank(self) -> int:
        return RANKS[self.colour]

    def confirmed(self, seen: AlarmState) -> Firing:
        """The state after the list has shown it: the same firing, or a new one."""
        told_before = self.state_since is None and seen.at <= self.since + SAME_CHANGE
        if self.colour == seen.alarm.to_colour and (told_before or self.state_since == seen.at):
            return replace(self, state_since=seen.at)
        return Firing(seen.alarm.to_colour, seen.at, seen.at)


@dataclass(frozen=True)
class Due:
    """What the alarm requests now. alarm: with its colour and the object where it began. since: by vCenter's clock."""

    alarm: AlarmEvent
    since: datetime


@dataclass
class ActiveAlarm:
    """alarm: as last reported. firing: by object. asked: the colour that was last acted on; green for none.

    triggers: the firings that caused it, by object. above_since: start of the uninterrupted time with at least this
    colour, in seconds since the epoch by our clock. last: the last request; None if its colour requested nothing.
    """

    alarm: AlarmEvent
    firing: dict[ManagedObject, Firing] = field(default_factory=dict)
    asked: str = GREEN
    triggers: Mapping[ManagedObject, datetime] = field(default_factory=dict)
    above_since: dict[str, float] = field(default_factory=dict)
    last: LastRequest | None = None

    @property
    def colour(self) -> str:
        """Its current worst colour."""
        return max((firing.colour for firing in self.firing.values()), key=RANKS.__getitem__, default=GREEN)

    @property
    def over(self) -> bool:
        """Nothing fires, and nothing is pending."""
        return not self.firing and self.asked == GREEN

    def knows(self, change: AlarmState) -> bool:
        """Whether the list showed this change before the log reported it."""
        firing = self.firing.get(_entity(change))
        return (
            firing is not None and firing.colour == change.alarm.to_colour and change.at <= firing.since + SAME_CHANGE
        )

    def open_on(self, entity: ManagedObject) -> Firing | None:
        """The firing there that was neither acted on nor recorded as requesting nothing."""
        firing = self.firing.get(entity)
        if firing is None or firing.on_record or self.triggers.get(entity) == firing.since:
            return None
        return firing

    def note_change(self, change: AlarmState, *, on_record: bool = False) -> None:
        """The log reports that the alarm changed its colour on an object."""
        self.alarm, entity, colour = change.alarm, _entity(change), change.alarm.to_colour
        if colour == GREEN:
            self.firing.pop(entity, None)
        elif entity not in self.firing or self.firing[entity].colour != colour:
            self.firing[entity] = Firing(colour, change.at, on_record=on_record)

    def note_list(self, seen: Iterable[AlarmState], *, gap: bool, now: datetime) -> None:
        """The list shows all objects that the alarm fires on. now: approximately by vCenter's clock."""
        firing = {}
        for state in seen:
            self.alarm, entity = state.alarm, _entity(state)
            before = self.firing.get(entity) or Firing(GREEN, state.at)
            firing[entity] = before.confirmed(state)
        unseen = {entity: firing for entity, firing in self.firing.items() if firing.state_since is None}
        if not gap:
            firing |= {
                entity: told for entity, told in unseen.items() if entity not in firing and told.since + BELIEVED > now
            }
        self.firing = firing

    def advance(self, now: float) -> None:
        """Track how long it has had its colours, and which of them were already acted on."""
        reached = [colour for colour in RANKS if RANKS[YELLOW] <= RANKS[colour] <= RANKS[self.colour]]
        self.above_since = {colour: self.above_since.get(colour, now) for colour in reached}
        if reached and RANKS[self.colour] < RANKS[self.asked]:
            # From red to yellow: that requests nothing, but red may return.
            self.acted_on(self.colour)
        elif self.asked in reached and self._triggers_of(self.asked).items() & self.triggers.items():
            self.triggers = self._triggers_of(self.asked)

    def due(self, rule: AlarmRule, now: float) -> Due | None:
        """The colour that must be acted on now, None if there is none."""
        lasted = [
            colour
            for colour, since in self.above_since.items()
            if colour in rule.criticality and now - since >= rule.raise_delay_seconds
        ]
        if not lasted:
            return None
        colour = max(lasted, key=RANKS.__getitem__)
        triggers = self._triggers_of(colour)
        if RANKS[colour] < RANKS[self.asked] or not triggers:
            return None
        if colour == self.asked and triggers == self.triggers:
            return None
        alarm = self._began_with(triggers, colour)
        return Due(replace(alarm, from_colour=self.asked), min(triggers.values()))

    def still_asked(self) -> AlarmEvent | None:
        """The alarm with the colour of its last request, if it still has that colour."""
        triggers = self._triggers_of(self.asked) if self.last else {}
        return replace(self._began_with(triggers, self.asked), from_colour=GREEN) if triggers else None

    def acted_on(self, colour: str, last: LastRequest | None = None) -> None:
        """The colour was acted on. last: the request for it, if it requests something."""
        self.asked, self.triggers, self.last = colour, self._triggers_of(colour), last

    def ended(self) -> None:
        """The actions for the end of the alarm were carried out."""
        self.asked, self.triggers, self.last = GREEN, {}, None

    def _began_with(self, triggers: Mapping[ManagedObject, datetime], colour: str) -> AlarmEvent:
        entity = min(triggers, key=lambda entity: (triggers[entity], entity.value))
        return replace(self.alarm, entity=entity, to_colour=colour)

    def _triggers_of(self, colour: str) -> dict[ManagedObject, datetime]:
        """The objects with at least this colour, and its start time."""
        return {entity: firing.since for entity, firing in self.firing.items() if firing.rank >= RANKS[colour]}


def _entity(seen: AlarmState) -> ManagedObject:
    entity = seen.alarm.entity or seen.alarm.compute_resource
    if entity is None:
        raise ValueError("an alarm without an object has no scope")
    return entity
