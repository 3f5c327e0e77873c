# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a watch as JSON, so that the next worker can continue it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import times
from ..alarm_event import AlarmEvent
from ..inventory import ManagedObject
from .active_alarm import ActiveAlarm, Firing
from .tracker import AlarmTracker, key_of

Wire = dict[str, Any]

_TEXTS = ("name", "compute_resource_name", "from_colour", "to_colour", "key")
_REFERENCES = ("alarm", "entity", "compute_resource")


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
        "alarm": _alarm_as_wire(scope.alarm),
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
        _read_alarm(wire["alarm"]),
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


def _alarm_as_wire(alarm: AlarmEvent) -> Wire:
    references: dict[str, ManagedObject | None] = {name: getattr(alarm, name) for name in _REFERENCES}
    told = {name: ref.as_wire() for name, ref in references.items() if ref}
    return {name: getattr(alarm, name) for name in _TEXTS} | told


def _read_alarm(wire: Mapping[str, Any]) -> AlarmEvent:
    parts: Wire = {name: wire[name] for name in _TEXTS}
    parts |= {name: ManagedObject.from_wire(wire[name]) for name in _REFERENCES if name in wire}
    return AlarmEvent(**parts)
