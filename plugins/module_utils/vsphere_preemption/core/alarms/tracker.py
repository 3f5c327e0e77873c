# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All alarms that match a rule: which steps are due after each check of vCenter.

Nothing is carried out here. The caller confirms each step that it has carried out; until then it stays due. A step that
failed is due again, and a step whose worker died before confirming it is sent twice, with the same event id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from ..alarm_event import AlarmEvent
from ..inventory import ManagedObject
from ..policy.alarm_rule import AlarmRule, rule_for
from .active_alarm import GREEN, RANKS, YELLOW, ActiveAlarm, AlarmSnapshot, AlarmState
from .repeats import LastRequest, event_id

# The definition of the alarm, and its compute resource.
Key = tuple[ManagedObject, ManagedObject]


class IgnoredReason(StrEnum):
    """Why a change requested nothing.

    coalesced: the alarm already had this colour in its scope. flapped: it was over before it was acted on.
    no_compute_resource: it has no scope.
    """

    COALESCED = "coalesced"
    FLAPPED = "flapped"
    NO_COMPUTE_RESOURCE = "no_compute_resource"


@dataclass(frozen=True)
class RequestPreemption:
    """Request a preemption. alarm: with its colour. since: by vCenter's clock; identifies the change, together with the
    attempt, which is above 1 if the request is repeated.
    """

    rule: AlarmRule
    alarm: AlarmEvent
    since: datetime
    attempt: int = 1

    @property
    def event_id(self) -> str:
        return event_id(self.alarm, self.since, self.attempt)


@dataclass(frozen=True)
class AlarmCleared:
    """The alarm is green in its scope: carry out the action of the rule."""

    rule: AlarmRule
    alarm: AlarmEvent


@dataclass(frozen=True)
class ChangeIgnored:
    """A change that requests nothing; for the record."""

    rule: AlarmRule
    alarm: AlarmEvent
    why: IgnoredReason


Step: TypeAlias = "RequestPreemption | AlarmCleared | ChangeIgnored"


class AlarmTracker:
    """scopes: the state of each alarm that is not over."""

    def __init__(self, scopes: dict[Key, ActiveAlarm] | None = None) -> None:
        self.scopes = scopes or {}
        self._now = 0.0

    def update(self, look: AlarmSnapshot, rules: Sequence[AlarmRule], now: datetime) -> list[Step]:
        """What is due after this check. now: by our clock."""
        self._now = now.timestamp()
        steps: list[Step] = list(self._changes(look.changes, rules))
        self._list(look, rules, now)
        for scope in self.scopes.values():
            rule = rule_for(rules, scope.alarm)
            scope.advance(now.timestamp())
            if rule is None:
                # The rule was removed, so there is nothing to request or to report.
                scope.ended()
                continue
            due = scope.due(rule, now.timestamp())
            if due is not None:
                steps.append(RequestPreemption(rule, due.alarm, due.since))
            elif not scope.firing and scope.asked != GREEN:
                steps.append(AlarmCleared(rule, scope.alarm))
        self.scopes = {key: scope for key, scope in self.scopes.items() if not scope.over}
        return steps

    def confirm(self, step: Step) -> None:
        """The step was carried out."""
        scope = self.scopes.get(key_of(step.alarm))
        if scope is None or isinstance(step, ChangeIgnored):
            return
        if isinstance(step, RequestPreemption):
            scope.acted_on(step.alarm.to_colour, LastRequest(step.since, step.attempt, self._now))
        else:
            scope.ended()

    def repeats(self, rules: Sequence[AlarmRule]) -> list[tuple[LastRequest, RequestPreemption]]:
        """The last request of each alarm that still has the colour of it, and the request that would repeat it."""
        found = []
        for scope in self.scopes.values():
            rule, alarm, last = rule_for(rules, scope.alarm), scope.still_asked(), scope.last
            if rule and alarm and last and rule.repeat_after_seconds:
                found.append((last, RequestPreemption(rule, alarm, last.since, last.attempt + 1)))
        return found

    def may_repeat(self, last: LastRequest, step: RequestPreemption) -> bool:
        """Whether that is still the last request, and the alarm still has its colour."""
        scope = self.scopes.get(key_of(step.alarm))
        return scope is not None and scope.last == last and scope.still_asked() is not None

    def _changes(self, changes: Iterable[AlarmState], rules: Sequence[AlarmRule]) -> Iterator[ChangeIgnored]:
        for change in changes:
            alarm, rule = change.alarm, rule_for(rules, change.alarm)
            if rule is None:
                continue
            if alarm.compute_resource is None or alarm.alarm is None:
                yield ChangeIgnored(rule, alarm, IgnoredReason.NO_COMPUTE_RESOURCE)
                continue
            scope = self.scopes.setdefault(key_of(alarm), ActiveAlarm(alarm))
            why = None if scope.knows(change) else _why_nothing(scope, rule, alarm)
            scope.note_change(change, on_record=why is not None)
            if why:
                yield ChangeIgnored(rule, alarm, why)

    def _list(self, look: AlarmSnapshot, rules: Sequence[AlarmRule], now: datetime) -> None:
        seen: dict[Key, list[AlarmState]] = {}
        for state in look.firing:
            alarm = state.alarm
            if alarm.compute_resource and alarm.alarm and rule_for(rules, alarm):
                seen.setdefault(key_of(alarm), []).append(state)
        for key in seen:
            self.scopes.setdefault(key, ActiveAlarm(seen[key][0].alarm))
        for key, scope in self.scopes.items():
            scope.note_list(seen.get(key, ()), gap=look.gap, now=now)


def _why_nothing(scope: ActiveAlarm, rule: AlarmRule, alarm: AlarmEvent) -> IgnoredReason | None:
    """Why a change, before it is noted, will not make anything due."""
    rank, entity = RANKS[alarm.to_colour], alarm.entity or alarm.compute_resource
    if rank >= RANKS[YELLOW]:
        return IgnoredReason.COALESCED if alarm.to_colour in rule.criticality and RANKS[scope.colour] >= rank else None
    fired = scope.open_on(entity) if entity else None
    return IgnoredReason.FLAPPED if fired and fired.colour in rule.criticality else None


def key_of(alarm: AlarmEvent) -> Key:
    """The key of an alarm in its scope."""
    if alarm.alarm is None or alarm.compute_resource is None:
        raise ValueError("an alarm without a compute resource has no scope")
    return alarm.alarm, alarm.compute_resource
