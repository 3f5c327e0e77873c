# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VMs as values, read in bulk.

Only leaf properties are requested; whole structures such as `config` cost ten times as much. The base read contains
what decides whether a VM may be stopped, since it is repeated immediately before each stop; the full read contains what
is needed to select among VMs.

The first page of VMs includes the definitions of the custom attributes, so the mark is found without another call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core.inventory import VIRTUAL_MACHINE, ManagedObject, PowerState, VirtualMachine
from ..transport.gate import in_parallel
from ..transport.soap import Soap, SoapSession
from ..transport.soap_codec import Paths, Query
from .marks import FIELDS, MarkAttribute
from .properties import OBJECTS_PER_CALL, Properties, read_properties, reference

NAME = "name"
POWER_STATE = "runtime.powerState"
CONNECTION_STATE = "runtime.connectionState"
TEMPLATE = "config.template"
CUSTOM_VALUE = "customValue"
HOST, POOL, FOLDER = "runtime.host", "resourcePool", "parent"
MANAGED_BY = "config.managedBy"
FT_ROLE = "config.ftInfo.role"
QUESTION = "runtime.question.id"
# The same as runtime.bootTime, which the simulator lacks.
BOOT_TIME = "summary.runtime.bootTime"
MEMORY, CPUS = "config.hardware.memoryMB", "config.hardware.numCPU"
MEMORY_USED, CPU_USED = "summary.quickStats.hostMemoryUsage", "summary.quickStats.overallCpuUsage"

IN_MAINTENANCE = "runtime.inMaintenanceMode"
CPU_SPEED = "summary.hardware.cpuMhz"

_ALWAYS = (NAME, POWER_STATE, CONNECTION_STATE, TEMPLATE, CUSTOM_VALUE, MANAGED_BY, FT_ROLE, QUESTION)
_PLACE = (HOST, POOL, FOLDER)
_SIZE = (MEMORY, CPUS, MEMORY_USED, CPU_USED)
HOSTS: Paths = {"HostSystem": (IN_MAINTENANCE, CPU_SPEED)}

# Agents of hosts and clusters belong to the ESX Agent Manager, and with them vCLS until vSphere 8.0 U2. Since 8.0 U3
# vCLS is a part of vCenter itself (Broadcom's knowledge base, article 370219).
AGENT_MANAGER = "com.vmware.vim.eam"
EMBEDDED_VCLS = ("VirtualCenter", "vcls-entity")
FT_PRIMARY = 1

WHAT = "Cannot read the VMs"

Found = Mapping[ManagedObject, Properties]
Machines = dict[ManagedObject, VirtualMachine]


def paths_of(*, full: bool, placed: bool, sized: bool) -> Paths:
    """The properties to read of each VM. A thousand references cost the simulator 50 ms, as do a thousand sizes."""
    place = _PLACE if placed else (HOST,) if full else ()
    return {VIRTUAL_MACHINE: (*_ALWAYS, *place, *((BOOT_TIME,) if full else ()), *(_SIZE if full and sized else ()))}


@dataclass(frozen=True)
class Definitions:
    """The custom attributes of a vCenter. mark_key: of ours, None if it does not exist. names: of all, by key."""

    mark_key: int | None = None
    names: Mapping[int, str] = field(default_factory=dict)


def power_state(properties: Properties) -> PowerState:
    """The power state of a VM; unknown if vCenter reports none or an unknown one."""
    try:
        return PowerState(str(properties.get(POWER_STATE)))
    except ValueError:
        return PowerState.UNKNOWN


def base_machine(ref: ManagedObject, properties: Properties, definitions: Definitions) -> VirtualMachine:
    """A VM from a base read."""
    return VirtualMachine(**_base(ref, properties, dict(_custom_values(properties)), definitions))


def full_machine(
    ref: ManagedObject, properties: Properties, definitions: Definitions, host: Properties
) -> VirtualMachine:
    """A VM from a full read. host: the properties of its host, as far as they are known."""
    values, names = dict(_custom_values(properties)), definitions.names
    return VirtualMachine(
        **_base(ref, properties, values, definitions),
        in_maintenance=bool(host.get(IN_MAINTENANCE, False)),
        boot_time=properties.get(BOOT_TIME),
        memory_mib=properties.get(MEMORY, 0),
        cpu_mhz=properties.get(CPUS, 0) * host.get(CPU_SPEED, 0),
        memory_used_mib=properties.get(MEMORY_USED, 0),
        cpu_used_mhz=properties.get(CPU_USED, 0),
        # vCenter treats an attribute that was emptied like one that was never set.
        attributes={names[key]: value for key, value in values.items() if key in names and value},
    )


def _base(
    ref: ManagedObject, properties: Properties, custom: Mapping[int, str], definitions: Definitions
) -> dict[str, Any]:
    return {
        "ref": ref,
        "name": str(properties.get(NAME, ref.value)),
        "power_state": power_state(properties),
        "connected": properties.get(CONNECTION_STATE) == "connected",
        "template": bool(properties.get(TEMPLATE, False)),
        "mark": custom.get(definitions.mark_key) if definitions.mark_key is not None else None,
        "host": properties.get(HOST),
        "pool": properties.get(POOL),
        "folder": properties.get(FOLDER),
        "agent": is_agent(properties.get(MANAGED_BY)),
        "ft_secondary": properties.get(FT_ROLE, FT_PRIMARY) > FT_PRIMARY,
        "question": QUESTION in properties,
    }


def is_agent(managed_by: Mapping[str, str] | None) -> bool:
    """Another solution manages the VM: ESX Agent Manager, or vCLS."""
    if not managed_by:
        return False
    key, kind = managed_by.get("extensionKey"), managed_by.get("type")
    return key == AGENT_MANAGER or (key, kind) == EMBEDDED_VCLS


def _custom_values(properties: Properties) -> Iterable[tuple[int, str]]:
    for entry in properties.get(CUSTOM_VALUE) or ():
        yield int(entry["key"]), str(entry.get("value", ""))


class Inventory:
    """The VMs of one vCenter."""

    def __init__(self, soap: Soap, attribute: MarkAttribute) -> None:
        self._soap = soap
        self._attribute = attribute
        self._known_hosts: frozenset[ManagedObject] = frozenset()

    def read(
        self,
        refs: Iterable[ManagedObject],
        on_progress: Callable[[], None] = lambda: None,
        *,
        full: bool = False,
        placed: bool = True,
        sized: bool = True,
    ) -> Machines:
        """The current state of the VMs among the references; those that do not exist are omitted.

        full: also what is needed to select among them: boot time, custom attributes, and the state of their hosts.
        placed: where they are. sized: their size and usage, in a full read.
        """
        wanted = list(dict.fromkeys(ref for ref in refs if ref.type == VIRTUAL_MACHINE))
        paths = paths_of(full=full, placed=placed, sized=sized)
        if not full:
            definitions, found = self._pages(wanted, paths, on_progress)
            return {ref: base_machine(ref, properties, definitions) for ref, properties in found.items()}
        # Most hosts are those of the previous read; they are read in parallel, and only new ones after that.
        known = self._known_hosts
        (definitions, found), hosts = in_parallel(
            lambda: self._pages(wanted, paths, on_progress), lambda: self._hosts(known)
        )
        self._known_hosts = frozenset(properties[HOST] for properties in found.values() if HOST in properties)
        hosts = {**hosts, **self._hosts(self._known_hosts - known)}
        return {
            ref: full_machine(ref, properties, definitions, hosts.get(properties.get(HOST, ref), {}))
            for ref, properties in found.items()
        }

    def _pages(
        self, wanted: Sequence[ManagedObject], paths: Paths, on_progress: Callable[[], None]
    ) -> tuple[Definitions, Found]:
        """The properties of the VMs, page by page."""
        definitions = Definitions()
        found: dict[ManagedObject, Properties] = {}
        for start in range(0, len(wanted), OBJECTS_PER_CALL):
            page = wanted[start : start + OBJECTS_PER_CALL]
            if start == 0:
                definitions, first = self._with_definitions(page, paths)
                found.update(first)
            else:
                found.update(self._properties(page, paths))
            on_progress()
        return definitions, found

    def _hosts(self, hosts: frozenset[ManagedObject]) -> dict[ManagedObject, Properties]:
        """The hosts of the VMs. Traversing from each VM to its host within the same call costs the simulator 30 ms more
        for a thousand VMs; reading the few hosts separately takes half a millisecond."""
        refs = sorted(hosts)
        found: dict[ManagedObject, Properties] = {}
        for start in range(0, len(refs), OBJECTS_PER_CALL):
            found.update(self._properties(refs[start : start + OBJECTS_PER_CALL], HOSTS))
        return found

    def _with_definitions(self, refs: Sequence[ManagedObject], paths: Paths) -> tuple[Definitions, Found]:
        """The properties of the VMs, and the existing custom attributes."""

        def work(session: SoapSession) -> tuple[Definitions, Found]:
            manager = reference(session.content.customFieldsManager)
            found = read_properties(session, Query([*refs, manager], {**paths, **FIELDS}), WHAT)
            fields = found.pop(manager, {}).get("field") or ()
            key = self._attribute.learn(session, fields)
            return Definitions(key, {int(field["key"]): field["name"] for field in fields}), found

        return self._soap.attempt(work)

    def _properties(self, refs: Sequence[ManagedObject], paths: Paths) -> Found:
        return self._soap.attempt(lambda session: read_properties(session, Query(refs, paths), WHAT))
