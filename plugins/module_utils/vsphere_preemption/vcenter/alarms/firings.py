# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which alarm fires, and in which compute resource: names and places for bare references.

They are read when a firing is first seen and kept as long as it lasts, so an idle vCenter gets no additional calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ...core import times
from ...core.alarm_event import AlarmEvent
from ...core.alarms.observation import GREEN, RANKS, AlarmState
from ...core.inventory import VIRTUAL_MACHINE, ManagedObject
from ..inventory.properties import read_properties
from ..inventory.tree import COMPUTE_RESOURCES
from ..transport.requests import Query
from ..transport.soap import SoapSession

# An entry of triggeredAlarmState.
State = Mapping[str, Any]
# The alarm, its object, the colour, and its start time.
Known = tuple[ManagedObject, ManagedObject, str, str]

WHAT = "Cannot read where the alarms fire"
ALARM, ALARM_NAME, NAME = "Alarm", "info.name", "name"
# The way from an object to its compute resource, one property after the other.
WAY = {VIRTUAL_MACHINE: "runtime.host", "HostSystem": "parent", "ResourcePool": "owner", "VirtualApp": "owner"}
LONGEST_WAY = 2


class TriggeredAlarms:
    """The triggered alarms. wanted: whether an alarm with this name matters; for others, not even the place is read."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted
        self._known: dict[Known, AlarmState] = {}

    def of(self, session: SoapSession, states: Iterable[State]) -> tuple[AlarmState, ...]:
        """The firings of these states. No call if all were seen before; otherwise up to four."""
        firing = {_known(state): state for state in states if _is_raised(state)}
        new = [known for known in firing if known not in self._known]
        found = _states(session, new, self._wanted) if new else {}
        self._known = {known: state for known, state in (self._known | found).items() if known in firing}
        return tuple(state for state in self._known.values() if self._wanted(state.alarm.name))

    def forget(self) -> None:
        """Read names and places again, since they may have changed."""
        self._known = {}


def _is_raised(state: State) -> bool:
    return state.get("overallStatus") in RANKS and state["overallStatus"] != GREEN


def _known(state: State) -> Known:
    return state["alarm"], state["entity"], state["overallStatus"], state["time"]


def _states(session: SoapSession, new: list[Known], wanted: Callable[[str], bool]) -> dict[Known, AlarmState]:
    names = _read(session, {known[0] for known in new}, ALARM_NAME)
    matter = [known for known in new if wanted(str(names.get(known[0], "")))]
    places = _places(session, {known[1] for known in matter})
    called = _read(session, set(places.values()), NAME)
    states = {}
    for known in new:
        alarm, entity, colour, since = known
        told = AlarmEvent(str(names.get(alarm, "")), alarm, entity, to_colour=colour)
        place = places.get(entity)
        if place is not None:
            told = replace(told, compute_resource=place, compute_resource_name=str(called.get(place, "")))
        states[known] = AlarmState(told, times.from_wire(since))
    return states


def _places(session: SoapSession, entities: set[ManagedObject]) -> dict[ManagedObject, ManagedObject]:
    """The compute resource of each object that belongs to one."""
    at = {entity: entity for entity in entities}
    for _step in range(LONGEST_WAY):
        onward: dict[ManagedObject, Any] = {}
        for kind, path in WAY.items():
            onward |= _read(session, {place for place in at.values() if place.type == kind}, path)
        at = {entity: onward.get(place, place) for entity, place in at.items()}
    return {entity: place for entity, place in at.items() if place.type in COMPUTE_RESOURCES}


def _read(session: SoapSession, refs: set[ManagedObject], path: str) -> dict[ManagedObject, Any]:
    """One property of objects of one or more types; objects that do not have it, or no longer exist, are missing."""
    if not refs:
        return {}
    query = Query(sorted(refs), dict.fromkeys({ref.type for ref in refs}, (path,)))
    found = read_properties(session, query, WHAT)
    return {ref: properties[path] for ref, properties in found.items() if path in properties}
