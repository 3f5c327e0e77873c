# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: which of the tagged VMs are stopped, and why each of the others is not.

A pure function of the inventory, the policy and the request. Check mode, dry run and the real run all call it. Each
step is a file of `planning`: which VMs may be stopped (`eligibility`), in which order (`ordering`), and how many
(`selection`, with `target` and `budgets`). Objects that cannot be stopped are left out first and never use up a limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from ..bounded import NAMED_BYTES, bounded
from ..codec import Wired
from ..inventory import ManagedObject, TaggedObjects, VirtualMachine
from ..mark import read_mark
from ..reasons import LeftOut
from .eligibility import why_ineligible, why_not
from .limits import GroupCounts, PlanLimits
from .ordering import Candidate, in_order, reference_order
from .selection import Selection, hour_left
from .target import Needed, needed_for

__all__ = ["LeftOutVm", "Needed", "Plan", "PlanLimits", "Victim", "plan_victims", "reference_order", "why_not"]


@dataclass(frozen=True)
class Victim(Wired):
    """A VM to stop.

    memory_mib, cpu_mhz: what that frees; 0 if not known. priority: the tag that determines its position, if any.
    """

    wire_names: ClassVar = {"memory_mib": "memoryMib", "cpu_mhz": "cpuMhz"}
    wire_omitted = ("memory_mib", "cpu_mhz", "priority")

    vm: ManagedObject
    name: str
    memory_mib: int = 0
    cpu_mhz: int = 0
    priority: str = ""


@dataclass(frozen=True)
class LeftOutVm(Wired):
    """A tagged object that is not selected. name: empty if vCenter reports none."""

    vm: ManagedObject
    name: str
    reason: LeftOut


@dataclass(frozen=True)
class Plan(Wired):
    """Victims in the order in which they are stopped.

    left_out: first objects that are not VMs or cannot be stopped, by reference; then eligible VMs, in victim order.
    left_out_count: number left out, by reason, even if the list itself was shortened.
    freed_memory_mib, freed_cpu_mhz: total of all victims. target: capacity to free; None without a target.
    shortfall: the victims free less than that.
    """

    wire_names: ClassVar = {
        "left_out": "leftOut",
        "left_out_count": "leftOutCount",
        "freed_memory_mib": "freedMemoryMib",
        "freed_cpu_mhz": "freedCpuMhz",
    }
    wire_omitted = ("freed_memory_mib", "freed_cpu_mhz", "target", "shortfall")

    victims: list[Victim] = field(default_factory=list)
    left_out: list[LeftOutVm] = field(default_factory=list)
    left_out_count: dict[str, int] = field(default_factory=dict)
    freed_memory_mib: int = 0
    freed_cpu_mhz: int = 0
    target: Needed | None = None
    shortfall: bool = False

    def amount(self) -> dict[str, Any]:
        """The freed capacity and the target; empty if neither was requested."""
        return self.as_wire(*self.wire_omitted)

    def shortened(self, most: int) -> dict[str, Any]:
        """The plan in the wire format, with up to `most` entries in left_out: an inventory can outgrow a payload."""
        wire = replace(self, left_out=self.left_out[:most]).as_wire()
        return {**wire, "victims": bounded(wire["victims"]), "leftOut": bounded(wire["leftOut"], NAMED_BYTES)}

    def approved_from(self, asked: Plan) -> Plan:
        """The same plan, which was made for the approved victims of another; other VMs keep their reason from there."""
        before = {entry.vm: entry for entry in asked.left_out}
        given = [
            before.get(entry.vm, entry) if entry.reason is LeftOut.NOT_REQUESTED else entry for entry in self.left_out
        ]
        changed = Counter(new.reason.value for new, old in zip(given, self.left_out, strict=True) if new is not old)
        count = Counter(self.left_out_count) + changed - Counter({LeftOut.NOT_REQUESTED.value: changed.total()})
        return replace(self, left_out=given, left_out_count=dict(sorted(count.items())))


def plan_victims(tagged: TaggedObjects, limits: PlanLimits) -> Plan:
    """Select among the eligible VMs: in order, until the target is met, within all limits and budgets."""
    seen = [(machine, read_mark(machine.mark)) for machine in _by_reference(tagged.machines)]
    eligible: list[VirtualMachine] = []
    left_out = list(_no_machines(tagged))
    for machine, mark in seen:
        reason = why_ineligible(machine, mark, limits)
        if reason is None:
            eligible.append(machine)
        else:
            left_out.append(LeftOutVm(machine.ref, machine.name, reason))
    needed = needed_for(limits.target, limits.usage)
    candidates = in_order(eligible, limits, needed)
    left_in_hour = hour_left((mark for _machine, mark in seen), limits)
    selection = Selection(needed, GroupCounts(seen, limits), limits.max_vms, left_in_hour)
    selection.choose(candidates, limits.policy.amount.on_shortfall)
    return _plan(selection, candidates, left_out)


def _plan(selection: Selection, candidates: Sequence[Candidate], left_out: list[LeftOutVm]) -> Plan:
    why = selection.why
    machines = [candidate.machine for candidate in candidates if candidate.machine.ref in why]
    left_out = left_out + [LeftOutVm(machine.ref, machine.name, why[machine.ref]) for machine in machines]
    counted = Counter(entry.reason.value for entry in left_out)
    return Plan(
        victims=[_victim(candidate) for candidate in selection.chosen],
        left_out=left_out,
        left_out_count=dict(sorted(counted.items())),
        freed_memory_mib=selection.freed.memory_mib,
        freed_cpu_mhz=selection.freed.cpu_mhz,
        target=selection.needed,
        shortfall=selection.shortfall,
    )


def _victim(candidate: Candidate) -> Victim:
    machine, frees = candidate.machine, candidate.frees
    return Victim(machine.ref, machine.name, frees.memory_mib, frees.cpu_mhz, candidate.priority)


def _by_reference(machines: Sequence[VirtualMachine]) -> list[VirtualMachine]:
    return sorted(machines, key=lambda machine: reference_order(machine.ref))


def _no_machines(tagged: TaggedObjects) -> Iterator[LeftOutVm]:
    for refs, reason in ((tagged.gone, LeftOut.GONE), (tagged.others, LeftOut.NOT_A_VM)):
        for ref in sorted(refs, key=reference_order):
            yield LeftOutVm(ref, "", reason)
