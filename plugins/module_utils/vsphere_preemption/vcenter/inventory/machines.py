# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A VM as a value, from its properties.

Only leaf properties are requested; whole structures such as `config` cost ten times as much. The base read contains
what decides whether a VM may be stopped, since it is repeated immediately before each stop; the full read contains what
is needed to select among VMs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...core.inventory import VIRTUAL_MACHINE, ManagedObject, PowerState, VirtualMachine
from ..transport.requests import Paths
from .properties import Properties

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
