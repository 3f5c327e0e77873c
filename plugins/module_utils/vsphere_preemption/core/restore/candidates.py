# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring VMs: which of them, in which order, and whether there is capacity for them.

A VM may only be restored while it is off because of a preemption. Its mark shows that we stopped it, and vCenter's
event log shows that its power state has not been changed since. A user who powered it on and off again has taken it
over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .. import times
from ..bounded import NAMED_BYTES, bounded
from ..contract import StopMethod
from ..inventory import ManagedObject, PowerState, Scope, TaggedObjects, Usage, VirtualMachine
from ..mark import MarkFound, MarkPhase, read_mark
from ..names import spellings
from ..policy.model import Restore
from ..workflow_ids import is_child
from .record import NotRestored, NotRestoredVm, RestoreCandidate


@dataclass(frozen=True)
class RestorePlan:
    """give_back: in the order in which they are powered on. held_seconds: until the last `hold_time` ends."""

    give_back: tuple[RestoreCandidate, ...] = ()
    kept: tuple[NotRestoredVm, ...] = ()
    held_seconds: float = 0.0

    def kept_as_wire(self, most: int) -> dict[str, Any]:
        """The number kept by reason, and the first `most` of them by name."""
        counted = Counter(left.reason.value for left in self.kept)
        named = bounded([left.as_wire() for left in self.kept[:most]], NAMED_BYTES)
        return {"byReason": dict(sorted(counted.items())), "vms": named}


@dataclass(frozen=True)
class RestoreLimits:
    """The limits of a restore.

    hold_seconds: a VM that was stopped more recently stays off, unless `force`. only: names or MoRefs; empty: all.
    run_id, workflow_id: VMs that this run stopped, or a run of this workflow; empty: any.
    lease_seconds: how long a pending mark is valid.
    done: VMs whose outcome is known. most: maximum number of VMs.
    """

    now: datetime
    hold_seconds: float
    force: bool = False
    only: frozenset[str] = frozenset()
    run_id: str = ""
    workflow_id: str = ""
    scope: Scope = field(default_factory=Scope)
    lease_seconds: float = 180.0
    done: frozenset[ManagedObject] = frozenset()
    most: int = 2000


def plan_restore(
    tagged: TaggedObjects, stoppers: Mapping[ManagedObject, str], us: str, limits: RestoreLimits
) -> RestorePlan:
    """Which VMs are restored, the last one stopped first, and why every other tagged object is not.

    stoppers: the user who last stopped each of `vms_to_look_up`, according to vCenter; us: our user name there.
    """
    kept = [NotRestoredVm(ref, "", NotRestored.NOT_A_VM) for ref in tagged.others]
    kept += [NotRestoredVm(ref, "", NotRestored.GONE) for ref in tagged.gone]
    ours: list[tuple[VirtualMachine, MarkFound]] = []
    for machine in _not_done(tagged, limits):
        reason = (
            why_not_restored(machine, limits)
            or _why_not_stopped_by_us(machine, stoppers, us)
            or _too_soon(machine, limits)
        )
        mark = read_mark(machine.mark)
        if reason or mark is None:
            kept.append(NotRestoredVm(machine.ref, machine.name, reason or NotRestored.NOT_PREEMPTED))
        else:
            ours.append((machine, mark))
    ours.sort(key=_place, reverse=True)
    kept += [NotRestoredVm(machine.ref, machine.name, NotRestored.OVER_CAP) for machine, _mark in ours[limits.most :]]
    give_back = tuple(_candidate(machine, mark) for machine, mark in ours[: limits.most])
    return RestorePlan(give_back, tuple(sorted(kept, key=lambda left: left.vm)), _held(tagged, kept, limits))


def vms_to_look_up(tagged: TaggedObjects, limits: RestoreLimits) -> dict[ManagedObject, datetime]:
    """The VMs for which vCenter must be queried for the user who last stopped them, with the times of their marks."""
    found = {}
    for machine in _not_done(tagged, limits):
        mark = read_mark(machine.mark)
        if not why_not_restored(machine, limits) and mark and mark.time:
            found[machine.ref] = mark.time
    return found


def is_marked(tagged: TaggedObjects, run_id: str) -> bool:
    """Whether the mark of a VM names this run, whatever became of the VM since."""
    marks = (read_mark(machine.mark) for machine in tagged.machines)
    return any(mark.run_id == run_id for mark in marks if mark)


def why_not_restored(machine: VirtualMachine, limits: RestoreLimits) -> NotRestored:
    """The first reason from the VM itself and its mark not to restore it; NONE if there is none."""
    mark = read_mark(machine.mark)
    if machine.template:
        return NotRestored.TEMPLATE
    if limits.only and not limits.only & {*spellings(machine.name), machine.ref.value}:
        return NotRestored.NOT_REQUESTED
    if not limits.scope.holds(machine):
        return NotRestored.OUT_OF_SCOPE
    if mark and mark.claims(run_id="", now=limits.now, lease_seconds=limits.lease_seconds):
        return NotRestored.CLAIMED
    if mark is None or mark.phase is not MarkPhase.PREEMPTED or mark.time is None:
        return NotRestored.NOT_PREEMPTED
    if limits.run_id and mark.run_id != limits.run_id:
        return NotRestored.ANOTHER_RUN
    if limits.workflow_id and not is_child(mark.run_id, limits.workflow_id):
        return NotRestored.ANOTHER_RUN
    return _why_it_cannot_be_on(machine, mark)


def _why_it_cannot_be_on(machine: VirtualMachine, mark: MarkFound) -> NotRestored:
    if not machine.connected:
        return NotRestored.UNREACHABLE
    if machine.power_state is PowerState.ON:
        return NotRestored.IS_ON
    if machine.power_state is not state_of(mark):
        return NotRestored.CHANGED
    return NotRestored.HOST_IN_MAINTENANCE if machine.in_maintenance else NotRestored.NONE


def state_of(mark: MarkFound) -> PowerState:
    """The power state in which we left the VM."""
    return PowerState.SUSPENDED if mark.method is StopMethod.SUSPEND else PowerState.OFF


def why_not_stopped_by_us(user: str | None, us: str) -> NotRestored:
    """Whether, according to vCenter, we stopped the VM last and it was not powered on since."""
    if user is None:
        return NotRestored.NO_EVIDENCE
    return NotRestored.NONE if user == us else NotRestored.CHANGED


def without_room(
    batch: Iterable[RestoreCandidate], hosts: Mapping[ManagedObject, ManagedObject | None], room: Room
) -> dict[ManagedObject, NotRestored]:
    """Why VMs of a batch no longer fit; VMs that are not in the result may be powered on.

    Each admitted VM counts with its configured memory, on its host.
    """
    added: dict[ManagedObject, int] = {}
    refused = {}
    for candidate in batch:
        host = hosts.get(candidate.vm)
        usage = room.usage.get(host) if host else None
        if host is None or usage is None or not room.has_for(usage, added.get(host, 0) + candidate.memory_mib):
            refused[candidate.vm] = NotRestored.NO_ROOM
        else:
            added[host] = added.get(host, 0) + candidate.memory_mib
    return refused


@dataclass(frozen=True)
class Room:
    """The usage of each host, and its limits."""

    usage: Mapping[ManagedObject, Usage]
    limits: Restore

    def pressure(self) -> str:
        """The host whose usage exceeds the limits, as a sentence; empty if there is none."""
        for host, usage in sorted(self.usage.items()):
            if not self.has_for(usage, 0):
                memory = _share(usage.memory_used_mib, usage.memory_mib)
                cpu = _share(usage.cpu_used_mhz, usage.cpu_mhz)
                return f"Host {host.value} uses {memory:.0f} % of its memory and {cpu:.0f} % of its CPU."
        return ""

    def has_for(self, usage: Usage, memory_mib: int) -> bool:
        memory = _share(usage.memory_used_mib + memory_mib, usage.memory_mib)
        cpu = _share(usage.cpu_used_mhz, usage.cpu_mhz)
        return memory <= self.limits.max_memory_percent and cpu <= self.limits.max_cpu_percent


def _share(part: int, whole: int) -> float:
    """In percent. A host that reports nothing counts as full."""
    return part * 100 / whole if whole > 0 else float("inf")


def _not_done(tagged: TaggedObjects, limits: RestoreLimits) -> list[VirtualMachine]:
    return [machine for machine in tagged.machines if machine.ref not in limits.done]


def _why_not_stopped_by_us(machine: VirtualMachine, stoppers: Mapping[ManagedObject, str], us: str) -> NotRestored:
    return why_not_stopped_by_us(stoppers.get(machine.ref), us)


def _too_soon(machine: VirtualMachine, limits: RestoreLimits) -> NotRestored:
    return NotRestored.HOLD_TIME if not limits.force and _hold_left(machine, limits) > 0 else NotRestored.NONE


def _hold_left(machine: VirtualMachine, limits: RestoreLimits) -> float:
    mark = read_mark(machine.mark)
    if mark is None or mark.time is None:
        return 0.0
    free = mark.time + timedelta(seconds=limits.hold_seconds)
    return (free - limits.now).total_seconds()


def _held(tagged: TaggedObjects, kept: Iterable[NotRestoredVm], limits: RestoreLimits) -> float:
    held = {left.vm for left in kept if left.reason is NotRestored.HOLD_TIME}
    return max((_hold_left(machine, limits) for machine in tagged.machines if machine.ref in held), default=0.0)


def _place(found: tuple[VirtualMachine, MarkFound]) -> tuple[datetime, int, ManagedObject]:
    machine, mark = found
    if mark.time is None:
        raise ValueError("a mark without a time has no position")
    return (mark.time, mark.position, machine.ref)


def _candidate(machine: VirtualMachine, mark: MarkFound) -> RestoreCandidate:
    preempted = times.to_wire(mark.time) if mark.time else ""
    suspended = machine.power_state is PowerState.SUSPENDED
    return RestoreCandidate(
        machine.ref, machine.name, mark.run_id, preempted, mark.position, machine.memory_mib, suspended
    )
