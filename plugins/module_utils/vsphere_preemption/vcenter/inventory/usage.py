# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The usage of hosts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...core.inventory import ManagedObject, Usage
from ..transport.soap import Soap
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
