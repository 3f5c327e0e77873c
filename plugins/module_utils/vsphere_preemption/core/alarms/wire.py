# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a watch and a listener know of alarms, as JSON for the next one; and a change of an alarm as an event.

Ansible treats text with braces in extra variables as a template. The names of alarms and clusters are user input, so
their braces become round brackets in events: nothing in an event can be executed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .. import times
from ..alarm_event import AlarmEvent, read_alarm
from ..event import TriggerEvent
from ..inventory import ManagedObject
from ..requests.alarm_requests import EVENT_TYPE, event_for
from .active_alarm import ActiveAlarm, Firing
from .changes import Change, Pair, ReportedAlarm
from .tracker import AlarmTracker, key_of

Wire = dict[str, Any]

_HARMLESS = str.maketrans("{}", "()")


def tracker_as_wire(tracker: AlarmTracker) -> list[Wire]:
    """One entry for each alarm in its scope."""
    return [_scope_as_wire(scope) for scope in tracker.scopes.values()]


def read_tracker(raw: object) -> AlarmTracker:
    """The watch from the result of `tracker_as_wire`; an empty one if another version wrote it."""
    try:
        scopes = [_read_scope(entry) for entry in raw] if isinstance(raw, list) else []
        return AlarmTracker({key_of(scope.alarm): scope for scope in scopes})
    except (KeyError, TypeError, ValueError, AttributeError):
        # vCenter's list shows what fires, and Temporal knows what was requested.
        return AlarmTracker()


def _scope_as_wire(scope: ActiveAlarm) -> Wire:
    return {
        "alarm": scope.alarm.as_wire(),
        "firing": [
            [entity.type, entity.value, firing.colour, times.to_wire(firing.since), _moment(firing), firing.on_record]
            for entity, firing in scope.firing.items()
        ],
        "asked": scope.asked,
        "because": [[ref.type, ref.value, times.to_wire(since)] for ref, since in scope.triggers.items()],
        "risen": scope.above_since,
    }


def _read_scope(wire: Mapping[str, Any]) -> ActiveAlarm:
    return ActiveAlarm(
        AlarmEvent.from_wire(wire["alarm"]),
        {
            ManagedObject(kind, value): Firing(
                colour, times.from_wire(since), times.from_wire(state_since) if state_since else None, bool(on_record)
            )
            for kind, value, colour, since, state_since, on_record in wire["firing"]
        },
        str(wire["asked"]),
        {ManagedObject(kind, value): times.from_wire(since) for kind, value, since in wire["because"]},
        {str(colour): float(since) for colour, since in wire["risen"].items()},
    )


def _moment(firing: Firing) -> str:
    return times.to_wire(firing.state_since) if firing.state_since else ""


def change_as_event(change: Change, source: str) -> Wire:
    """The CloudEvent, with an additional `preemption_alarm` that has plain values for conditions.

    Its id consists of alarm, object, colour and time, so a change always has the same id. source: of the vCenter.
    """
    alarm = replace(
        change.alarm,
        name=_harmless(change.alarm.name),
        compute_resource_name=_harmless(change.alarm.compute_resource_name),
    )
    at = times.to_wire(change.at)
    identity = ".".join([_value(alarm.alarm), _value(alarm.entity), alarm.to_colour, at])
    plain = {
        "name": alarm.name,
        "alarm": _value(alarm.alarm),
        "cluster": _value(alarm.compute_resource),
        "cluster_name": alarm.compute_resource_name,
        "cluster_from_colour": change.worst_before,
        "cluster_to_colour": change.worst,
        "entity": _value(alarm.entity),
        "entity_type": alarm.entity.type if alarm.entity else "",
        "from_colour": alarm.from_colour,
        "to_colour": alarm.to_colour,
        "seen_in": "log" if change.by_log else "list",
    }
    return {**event_for(alarm, source=source, id=identity, time=at).as_wire(), "preemption_alarm": plain}


def reported_as_wire(reported: Mapping[Pair, ReportedAlarm]) -> list[Wire]:
    """One entry for each alarm on each object."""
    return [
        {
            "alarm": event_for(entry.alarm, source="", id="", time="").content["data"],
            "since": times.to_wire(entry.since),
            "listed": times.to_wire(entry.listed) if entry.listed else None,
            "ahead": entry.ahead,
        }
        for entry in reported.values()
    ]


def read_reported(raw: object) -> dict[Pair, ReportedAlarm]:
    """The result of `reported_as_wire`; empty if another version wrote it."""
    try:
        return dict(_read(raw)) if isinstance(raw, list) else {}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _read(raw: list[Any]) -> Iterable[tuple[Pair, ReportedAlarm]]:
    for entry in raw:
        alarm = read_alarm(TriggerEvent({"type": EVENT_TYPE}, {"data": entry["alarm"]}))
        if alarm and alarm.alarm and alarm.entity:
            listed = times.from_wire(entry["listed"]) if entry["listed"] else None
            yield (
                (alarm.alarm, alarm.entity),
                ReportedAlarm(alarm, times.from_wire(entry["since"]), listed, bool(entry["ahead"])),
            )


def _value(ref: ManagedObject | None) -> str:
    return ref.value if ref else ""


def _harmless(text: str) -> str:
    return text.translate(_HARMLESS)
