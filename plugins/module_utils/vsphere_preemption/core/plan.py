# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: which of the tagged VMs are stopped, and why each of the others is not.

One pure function of what vCenter said and of the limits of the operator. Check mode, dry run and the real run all call
it. Objects that cannot be stopped are left out first and never use up the cap.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .inventory import ManagedObject, PowerState, TaggedObjects, VirtualMachine
from .mark import read_mark
from .reasons import LeftOut

_BY_POWER_STATE = {
    PowerState.OFF: LeftOut.ALREADY_OFF,
    PowerState.SUSPENDED: LeftOut.SUSPENDED,
    PowerState.UNKNOWN: LeftOut.POWER_STATE_UNKNOWN,
}


@dataclass(frozen=True)
class Victim:
    """A VM that is to be stopped."""

    vm: ManagedObject
    name: str

    def as_wire(self) -> dict[str, Any]:
        return {"vm": self.vm.as_wire(), "name": self.name}

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Victim:
        return cls(ManagedObject.from_wire(wire["vm"]), wire["name"])


@dataclass(frozen=True)
class Spared:
    """A tagged object that is not to be stopped. name: empty where vCenter knows none."""

    vm: ManagedObject
    name: str
    reason: LeftOut

    def as_wire(self) -> dict[str, Any]:
        return {"vm": self.vm.as_wire(), "name": self.name, "reason": self.reason.value}

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Spared:
        return cls(ManagedObject.from_wire(wire["vm"]), wire["name"], LeftOut(wire["reason"]))


@dataclass(frozen=True)
class PlanLimits:
    """What bounds a plan.

    max_vms: at most so many victims.
    run_id: of the run that plans; its own pending marks are no claim of somebody else.
    now: when the inventory was read.
    lease_seconds: so long a pending mark of another run keeps its VM from us.
    """

    max_vms: int
    run_id: str
    now: datetime
    lease_seconds: float


@dataclass(frozen=True)
class Plan:
    """Victims in the order in which they are stopped, and all others, in the same order.

    left_out_count: how many are left out for each reason, also where the list itself was shortened.
    """

    victims: list[Victim] = field(default_factory=list)
    left_out: list[Spared] = field(default_factory=list)
    left_out_count: dict[str, int] = field(default_factory=dict)

    def as_wire(self) -> dict[str, Any]:
        return {
            "victims": [victim.as_wire() for victim in self.victims],
            "leftOut": [spared.as_wire() for spared in self.left_out],
            "leftOutCount": self.left_out_count,
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Plan:
        victims = [Victim.from_wire(victim) for victim in wire["victims"]]
        left_out = [Spared.from_wire(spared) for spared in wire["leftOut"]]
        return cls(victims, left_out, wire["leftOutCount"])

    def shortened(self, most: int) -> Plan:
        """The same plan, with at most so many of the left out by name: an inventory can outgrow a payload."""
        return replace(self, left_out=self.left_out[:most])


def plan_victims(tagged: TaggedObjects, limits: PlanLimits) -> Plan:
    """Choose the eligible VMs that are powered on, up to the cap, in the order of their references."""
    victims: list[Victim] = []
    left_out = list(_no_machines(tagged))
    for machine in sorted(tagged.machines, key=lambda machine: reference_order(machine.ref)):
        reason = why_not(machine, limits)
        if reason is None and len(victims) >= limits.max_vms:
            reason = LeftOut.OVER_CAP
        if reason is None:
            victims.append(Victim(machine.ref, machine.name))
        else:
            left_out.append(Spared(machine.ref, machine.name, reason))
    return Plan(victims, left_out, _count_by_reason(left_out))


def why_not(machine: VirtualMachine, limits: PlanLimits) -> LeftOut | None:
    """The first reason for which this VM may not be stopped, None where it may."""
    if machine.template:
        return LeftOut.TEMPLATE
    if not machine.connected:
        return LeftOut.UNREACHABLE
    if machine.power_state is not PowerState.ON:
        return _BY_POWER_STATE[machine.power_state]
    mark = read_mark(machine.mark)
    if mark and mark.claims(run_id=limits.run_id, now=limits.now, lease_seconds=limits.lease_seconds):
        return LeftOut.CLAIMED
    return None


def _count_by_reason(left_out: list[Spared]) -> dict[str, int]:
    return dict(sorted(Counter(spared.reason.value for spared in left_out).items()))


def reference_order(ref: ManagedObject) -> tuple[str, int, str]:
    """vm-9 comes before vm-10."""
    number = re.search(r"\d+$", ref.value)
    return (ref.type, int(number.group()) if number else 0, ref.value)


def _no_machines(tagged: TaggedObjects) -> Iterator[Spared]:
    for refs, reason in ((tagged.gone, LeftOut.GONE), (tagged.others, LeftOut.NOT_A_VM)):
        for ref in sorted(refs, key=reference_order):
            yield Spared(ref, "", reason)
