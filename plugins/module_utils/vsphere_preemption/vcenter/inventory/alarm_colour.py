# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The current colour of an alarm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...core.errors import VCenterObjectGone, VCenterPermissionDenied
from ...core.inventory import ManagedObject
from ..transport.requests import Query
from ..transport.soap import Soap, SoapSession
from .properties import read_properties

GREEN = "green"
# The worst first.
COLOURS = ("red", "yellow", "gray", GREEN)
ALARM, ALARM_NAME = "Alarm", "info.name"
NAME, TRIGGERED = "name", "triggeredAlarmState"

States = tuple[Mapping[str, Any], ...]


class Alarms:
    """The alarms of one vCenter."""

    def __init__(self, soap: Soap) -> None:
        self._soap = soap

    def colour(self, entity: ManagedObject, alarm: ManagedObject | None = None, name: str = "") -> str:
        """red, yellow, gray or green: the current worst colour of an alarm, on an object and everything below it.

        The alarm is identified by its reference or its name; without either, any alarm counts. One call; one more if
        only the name is known and an alarm is triggered. Raises VCenterObjectGone if the object does not exist, and
        VCenterPermissionDenied if the account cannot see it: neither means green.
        """

        def work(session: SoapSession) -> str:
            states = _triggered(session, entity)
            if alarm is not None:
                return _worst(state for state in states if state.get("alarm") == alarm)
            if name and states:
                wanted = _named(session, name, {state["alarm"] for state in states})
                return _worst(state for state in states if state["alarm"] in wanted)
            return _worst(states)

        return self._soap.attempt(work)


def _triggered(session: SoapSession, entity: ManagedObject) -> States:
    """The states of all alarms that are triggered on an object or below it."""
    what = f"Cannot read the alarms of {entity}"
    found = read_properties(session, Query([entity], {entity.type: (NAME, TRIGGERED)}), what).get(entity)
    if found is None:
        raise VCenterObjectGone(what, why="it no longer exists", next_step="No action is needed; it was deleted.")
    # Each object has a name, under the same privilege; without it, no triggered state does not mean no alarm.
    if NAME not in found:
        why = "the account lacks the privilege System.View on it"
        raise VCenterPermissionDenied(what, why=why, next_step="Add it to the account's role.")
    return tuple(found.get(TRIGGERED) or ())


def _named(session: SoapSession, name: str, alarms: Iterable[ManagedObject]) -> set[ManagedObject]:
    """The alarms that have this name."""
    query = Query(sorted(alarms), {ALARM: (ALARM_NAME,)})
    found = read_properties(session, query, f"Cannot read the names of the alarms, to find {name!r}")
    return {ref for ref, properties in found.items() if properties.get(ALARM_NAME) == name}


def _worst(states: Iterable[Mapping[str, Any]]) -> str:
    seen = {state.get("overallStatus") for state in states}
    return next((colour for colour in COLOURS if colour in seen), GREEN)
