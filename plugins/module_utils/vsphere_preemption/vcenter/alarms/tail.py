# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alarms of vCenter, polled with one call per check.

Names and places of a firing are read when it is first seen and kept as long as it lasts, so an idle vCenter gets no
additional calls.

Each check reads two properties: all triggered alarms, from the root folder, and the newest changes, from an event
collector. The collector ends with its session and is then created again. Changes already seen are identified by time
and key together, because the keys restart at one when vCenter's database is new.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ...core import times
from ...core.alarm_event import AlarmEvent
from ...core.alarms.active_alarm import GREEN, RANKS, AlarmSnapshot, AlarmState
from ...core.errors import VCenterError, VCenterPermissionDenied
from ...core.inventory import VIRTUAL_MACHINE, ManagedObject
from ..inventory.properties import read_properties, reference
from ..inventory.tree import COMPUTE_RESOURCES
from ..transport import _pyvmomi
from ..transport.soap import Soap, SoapSession
from ..transport.soap_codec import Query, read_values

# An entry of triggeredAlarmState.
State = Mapping[str, Any]
# The alarm, its object, the colour, and its start time.
Known = tuple[ManagedObject, ManagedObject, str, str]

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
    found = read_properties(session, query, "Cannot read where the alarms fire")
    return {ref: properties[path] for ref, properties in found.items() if path in properties}


WHAT = "Cannot read the alarms of vCenter"
CHANGE = "AlarmStatusChangedEvent"
NAME, TRIGGERED, PAGE = "name", "triggeredAlarmState", "latestPage"
# Number of changes that each check reads. If there are more, they are queried by time.
CHANGES_PER_LOOK = 25
MOST_CHANGES = 1000
# An event may be written after one with a later time.
OUT_OF_ORDER = timedelta(seconds=60)
REMEMBERED, CARRIED = 2000, 100

Entry = Mapping[str, Any]


class AlarmTail:
    """For one thread. wanted: whether an alarm with this name matters. mark: what the previous tail had seen.

    Without a mark, the content of the log at the first check is ignored; alarms that are triggered then still count.
    """

    def __init__(self, soap: Soap, wanted: Callable[[str], bool], mark: object = None) -> None:
        self._soap = soap
        self._firings = TriggeredAlarms(wanted)
        self._seen: deque[tuple[str, str]] = deque(_read_mark(mark), maxlen=REMEMBERED)
        self._begun = bool(self._seen)
        self._session: SoapSession | None = None
        self._collector = ManagedObject("", "")

    @property
    def mark(self) -> list[list[str]]:
        """The changes seen last, for the next tail; plain JSON."""
        return [list(entry) for entry in list(self._seen)[-CARRIED:]]

    def look(self) -> AlarmSnapshot:
        """The triggered alarms, and the changes since the last check. Errors as for all calls.

        Raises VCenterPermissionDenied if the account cannot see the root folder: no alarm there would not mean that
        there are none.
        """
        return self._soap.attempt(self._look)

    def forget_names(self) -> None:
        """Read names and places of triggered alarms again at the next check."""
        self._firings.forget()

    def close(self) -> None:
        """Destroy the collector: vCenter allows only a few. If that fails, it ends with its session."""
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(VCenterError):
                collector = session.object(self._collector)
                session.call("DestroyCollector", WHAT, collector.DestroyCollector)

    def _look(self, session: SoapSession) -> AlarmSnapshot:
        root = reference(session.content.rootFolder)
        found = self._read(session, root)
        if self._collector not in found:
            self._session = None
            found = self._read(session, root)
        if NAME not in found.get(root, {}):
            why = "the account lacks the privilege System.View on the root folder"
            raise VCenterPermissionDenied(WHAT, why=why, next_step="Add it to the account's role.")
        firing = self._firings.of(session, found[root].get(TRIGGERED) or ())
        fresh, gap = self._fresh(session, found.get(self._collector, {}).get(PAGE) or ())
        return AlarmSnapshot(firing, tuple(filter(None, map(_state, fresh))), gap)

    def _read(self, session: SoapSession, root: ManagedObject) -> Mapping[ManagedObject, Mapping[str, Any]]:
        if self._session is not session:
            self._collector, self._session = _new_collector(session), session
        paths = {root.type: (NAME, TRIGGERED), self._collector.type: (PAGE,)}
        return read_properties(session, Query([root, self._collector], paths), WHAT)

    def _fresh(self, session: SoapSession, page: Iterable[Entry]) -> tuple[list[Entry], bool]:
        """The new changes, the oldest first, and whether some of them are missing."""
        begun, self._begun = self._begun, True
        fresh, gap = self._new_of(page), False
        if begun and len(fresh) >= CHANGES_PER_LOOK:
            fresh = self._new_of(_changes_since(session, _newest(self._seen)))
            gap = len(fresh) >= MOST_CHANGES
        self._seen.extend(map(_identity, fresh))
        return (fresh if begun else []), gap

    def _new_of(self, entries: Iterable[Entry]) -> list[Entry]:
        seen = set(self._seen)
        oldest = _newest(self._seen)
        new = [
            entry
            for entry in entries
            if _identity(entry) not in seen and (oldest is None or _created(entry) > oldest - OUT_OF_ORDER)
        ]
        return sorted(new, key=lambda entry: (_created(entry), int(entry["key"])))


def _new_collector(session: SoapSession) -> ManagedObject:
    spec = _pyvmomi.vim.event.EventFilterSpec(eventTypeId=[CHANGE])
    manager = session.content.eventManager
    made = session.call("CreateCollectorForEvents", WHAT, lambda: manager.CreateCollectorForEvents(spec))
    session.call("SetCollectorPageSize", WHAT, lambda: made.SetCollectorPageSize(CHANGES_PER_LOOK))
    return reference(made)


def _changes_since(session: SoapSession, begin: datetime | None) -> list[Entry]:
    """The newest changes since that time, up to 1,000, in the collector's format.

    begin: None if the log was empty at the first check; then all are new.
    """
    vim = _pyvmomi.vim.event
    time = vim.EventFilterSpec.ByTime(beginTime=begin) if begin else None
    spec = vim.EventFilterSpec(eventTypeId=[CHANGE], time=time, maxCount=MOST_CHANGES)
    manager = session.content.eventManager
    # vCenter's own format, as in the collector's page.
    return session.call("QueryEvents", WHAT, lambda: read_values(session.stub.ask(manager, "QueryEvent", spec)))


def _state(entry: Entry) -> AlarmState | None:
    """None for an unknown colour."""
    if entry.get("to") not in RANKS or "alarm" not in entry:
        return None
    place = entry.get("computeResource") or {}
    alarm = AlarmEvent(
        name=str(entry["alarm"].get("name", "")),
        alarm=entry["alarm"].get("alarm"),
        entity=(entry.get("entity") or {}).get("entity"),
        compute_resource=place.get("computeResource"),
        from_colour=str(entry.get("from", "")),
        to_colour=entry["to"],
        key=entry["key"],
        compute_resource_name=str(place.get("name", "")),
    )
    return AlarmState(alarm, _created(entry))


def _created(entry: Entry) -> datetime:
    return times.from_wire(entry["createdTime"])


def _identity(entry: Entry) -> tuple[str, str]:
    return times.to_wire(_created(entry)), entry["key"]


def _newest(seen: Iterable[tuple[str, str]]) -> datetime | None:
    return max((times.from_wire(at) for at, _key in seen), default=None)


def _read_mark(mark: object) -> list[tuple[str, str]]:
    """The well-formed entries; a mark of another version is ignored."""
    seen = []
    for entry in mark if isinstance(mark, list) else ():
        try:
            at, key = entry
            seen.append((times.to_wire(times.from_wire(at)), str(key)))
        except (TypeError, ValueError):
            continue
    return seen
