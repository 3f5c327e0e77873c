# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What vCenter says about the objects that carry a tag, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

VIRTUAL_MACHINE = "VirtualMachine"


@dataclass(frozen=True, order=True)
class ManagedObject:
    """A managed object reference: `type` such as VirtualMachine, `value` such as vm-42."""

    type: str
    value: str

    def as_wire(self) -> dict[str, str]:
        """The reference as the prototype and govmomi write it."""
        return {"Type": self.type, "Value": self.value}

    @classmethod
    def from_wire(cls, wire: Mapping[str, str]) -> ManagedObject:
        """The reference in what `as_wire` wrote."""
        return cls(wire["Type"], wire["Value"])

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"


class PowerState(StrEnum):
    """vim.VirtualMachine.PowerState; `unknown` where vCenter gives none."""

    ON = "poweredOn"
    OFF = "poweredOff"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class VirtualMachine:
    """One VM as it was at the moment of a bulk read.

    connected: vim.VirtualMachine.ConnectionState is `connected`, so vCenter can act on it.
    mark: value of our custom attribute, None where it was never set.
    """

    ref: ManagedObject
    name: str
    power_state: PowerState
    connected: bool = True
    template: bool = False
    mark: str | None = None


@dataclass(frozen=True)
class TaggedObjects:
    """All objects that carry one tag.

    gone: references that the tag still names although the object does not exist any more.
    others: tagged objects that are no virtual machines.
    """

    machines: tuple[VirtualMachine, ...]
    others: tuple[ManagedObject, ...] = ()
    gone: tuple[ManagedObject, ...] = ()
