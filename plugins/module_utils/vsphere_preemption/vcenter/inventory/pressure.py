# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How high the pressure is: the usage of hosts, and the current colour of an alarm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...core.errors import VCenterObjectGone, VCenterPermissionDenied
from ...core.inventory import ManagedObject, Usage
from ..transport.soap import Soap, SoapSession
from ..transport.soap_codec import Paths, Query
from .properties import OBJECTS_PER_CALL, Properties, read_all, read_properties

HOST = "HostSystem"
CONNECTION, MAINTENANCE = "runtime.connectionState", "runtime.inMaintenanceMode"
MEMORY_BYTES, CORE_MHZ, CORES = "summary.hardware.memorySize", "summary.hardware.cpuMhz", "summary.hardware.numCpuCores"
# MiB and MHz. The totals that vCenter has for a cluster are in other units, some of which vary by version.
MEMORY_USED, CPU_USED = "summary.quickStats.overallMemoryUsage", "summary.quickStats.overallCpuUsage"
PATHS: Paths = {HOST: (CONNECTION, MAINTENANCE, MEMORY_BYTES, CORE_MHZ, CORES, MEMORY_USED, CPU_USED)}
WHAT = "Cannot read the usage of the hosts"
MEBIBYTE = 1024 * 1024


class Hosts:
    """The hosts of one vCenter."""

    def __init__(self, soap: Soap) -> None:
        self._soap = soap

    def usage(self, hosts: Iterable[ManagedObject] | None = None) -> Usage:
        """The sums over those hosts that are connected and not in maintenance; None: over all of vCenter.

        One call per thousand hosts; three more for all of vCenter.
        """
        if hosts is None:
            return _sum(self._soap.attempt(lambda session: read_all(session, PATHS, WHAT)).values())
        wanted = sorted(set(hosts))
        found: list[Properties] = []
        for start in range(0, len(wanted), OBJECTS_PER_CALL):
            found += self._page(wanted[start : start + OBJECTS_PER_CALL])
        return _sum(found)

    def _page(self, refs: Sequence[ManagedObject]) -> list[Properties]:
        query = Query(refs, PATHS)
        return list(self._soap.attempt(lambda session: read_properties(session, query, WHAT)).values())


def _sum(hosts: Iterable[Properties]) -> Usage:
    """Values that vCenter does not report count as 0."""
    useful = [host for host in hosts if host.get(CONNECTION) == "connected" and not host.get(MAINTENANCE)]
    return Usage(
        memory_mib=sum(host.get(MEMORY_BYTES, 0) for host in useful) // MEBIBYTE,
        memory_used_mib=sum(host.get(MEMORY_USED, 0) for host in useful),
        cpu_mhz=sum(host.get(CORE_MHZ, 0) * host.get(CORES, 0) for host in useful),
        cpu_used_mhz=sum(host.get(CPU_USED, 0) for host in useful),
    )


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
