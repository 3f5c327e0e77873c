# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that have a tag, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from .codec import Wired
from .contract import StopMethod

VIRTUAL_MACHINE = "VirtualMachine"


@dataclass(frozen=True, order=True)
class ManagedObject(Wired):
    """A managed object reference: `type` such as VirtualMachine, `value` such as vm-42.

    On the wire as the prototype and govmomi write it.
    """

    wire_names: ClassVar = {"type": "Type", "value": "Value"}

    type: str
    value: str

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"


class PowerState(StrEnum):
    """vim.VirtualMachine.PowerState; `unknown` if vCenter reports none."""

    ON = "poweredOn"
    OFF = "poweredOff"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class PowerChanges:
    """Changes of VMs whose power state changes.

    off: VMs that have reached the power state that the watch waits for, with the time when their task succeeded, by
    vCenter's clock, or None if only the power state is known. gone: VMs that were deleted.
    failed: why their task failed, as the name of the fault and vCenter's text.
    """

    off: Mapping[ManagedObject, datetime | None] = field(default_factory=dict)
    gone: frozenset[ManagedObject] = frozenset()
    failed: Mapping[ManagedObject, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.off or self.gone or self.failed)


@dataclass(frozen=True)
class LastStop:
    """The last call that stopped a VM or is stopping it, according to vCenter. seconds_ago: by vCenter's clock."""

    user: str
    method: StopMethod
    seconds_ago: float


@dataclass(frozen=True)
class VirtualMachine:
    """One VM at the time of a bulk read. Properties that were not read have their defaults.

    connected: vim.VirtualMachine.ConnectionState is `connected`, so vCenter can act on it.
    mark: value of our custom attribute, None where it was never set.
    host, pool, folder: where it is; None if vCenter reports none.
    agent: another solution manages it (vCLS, ESX Agent Manager). ft_secondary: it is a shadow of a fault-tolerant VM.
    question: it has a pending question. in_maintenance: its host is in maintenance mode.
    boot_time: when it was powered on. memory_mib, cpu_mhz: what it is configured with, in MiB and MHz.
    memory_used_mib, cpu_used_mhz: current usage on its host; 0 if vCenter reports none.
    tags: as `category/name`. attributes: custom attributes by name.
    lost_protections: tags that the policy uses for protection and that no longer exist.
    """

    ref: ManagedObject
    name: str
    power_state: PowerState
    connected: bool = True
    template: bool = False
    mark: str | None = None
    host: ManagedObject | None = None
    pool: ManagedObject | None = None
    folder: ManagedObject | None = None
    agent: bool = False
    ft_secondary: bool = False
    question: bool = False
    in_maintenance: bool = False
    boot_time: datetime | None = None
    memory_mib: int = 0
    cpu_mhz: int = 0
    memory_used_mib: int = 0
    cpu_used_mhz: int = 0
    tags: frozenset[str] = frozenset()
    lost_protections: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Area:
    """A part of the inventory, resolved to objects. A VM is inside when its host, resource pool or folder is named."""

    hosts: frozenset[ManagedObject] = frozenset()
    pools: frozenset[ManagedObject] = frozenset()
    folders: frozenset[ManagedObject] = frozenset()

    def holds(self, machine: VirtualMachine) -> bool:
        return machine.host in self.hosts or machine.pool in self.pools or machine.folder in self.folders

    def as_wire(self) -> list[list[str]]:
        """References as text, in a fixed order."""
        return [sorted(map(str, refs)) for refs in (self.hosts, self.pools, self.folders)]

    @classmethod
    def from_wire(cls, wire: Sequence[Sequence[str]]) -> Area:
        return cls(*(frozenset(ManagedObject(*text.split(":", 1)) for text in refs) for refs in wire))


@dataclass(frozen=True)
class Scope:
    """Where VMs may be stopped: inside each of these areas; all of vCenter if there are none."""

    areas: tuple[Area, ...] = ()

    def holds(self, machine: VirtualMachine) -> bool:
        return all(area.holds(machine) for area in self.areas)

    def as_wire(self) -> list[list[list[str]]]:
        return [area.as_wire() for area in self.areas]

    @classmethod
    def from_wire(cls, wire: Sequence[Sequence[Sequence[str]]] | None) -> Scope:
        return cls(tuple(Area.from_wire(area) for area in wire or ()))


@dataclass(frozen=True)
class Usage:
    """How much of the hosts in scope is used. Capacity and use in MiB and MHz."""

    memory_mib: int
    memory_used_mib: int
    cpu_mhz: int
    cpu_used_mhz: int


@dataclass(frozen=True)
class TaggedObjects:
    """All objects that have one tag.

    gone: references that are still tagged although the object no longer exists.
    others: tagged objects that are not virtual machines.
    """

    machines: tuple[VirtualMachine, ...]
    others: tuple[ManagedObject, ...] = ()
    gone: tuple[ManagedObject, ...] = ()
