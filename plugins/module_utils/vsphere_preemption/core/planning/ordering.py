# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which eligible VMs are stopped.

1. The priority: the position of the VM's tag in the policy's list.
2. VMs that would break a budget that is not strict come last among those of the same priority (see `selection`,
   because that depends on the VMs selected before).
3. The best fit: the VM that alone comes closest to the target; of those that reach it, the one that frees the least
   beyond it.
4. The newest boot first, since it loses the least work; unknown boot times last.
5. The number of the MoRef.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..inventory import ManagedObject, VirtualMachine
from ..policy.model import Priority
from .limits import PlanLimits
from .target import Needed, Resources, freed_by


@dataclass(frozen=True)
class Candidate:
    """A VM that may be stopped. rank: the lower, the sooner. priority: its tag in the policy's category, if any."""

    machine: VirtualMachine
    rank: int
    priority: str
    frees: Resources


def in_order(machines: Iterable[VirtualMachine], limits: PlanLimits, needed: Needed | None) -> list[Candidate]:
    """The machines, given in the order of their references, in the order in which they are stopped."""
    measure, priority = limits.policy.amount.measure, limits.policy.priority
    candidates = [Candidate(one, *rank_of(one, priority), freed_by(one, measure)) for one in machines]
    return sorted(candidates, key=lambda candidate: _key(candidate, needed))


def rank_of(machine: VirtualMachine, priority: Priority) -> tuple[int, str]:
    """The rank and the tag that determines it; of several such tags, the one that protects most decides."""
    if priority.category:
        for place, value in reversed(list(enumerate(priority.values))):
            if f"{priority.category}/{value}" in machine.tags:
                return place, value
    return (len(priority.values) if priority.unranked == "last" else -1), ""


def reference_order(ref: ManagedObject) -> tuple[str, int, str]:
    """vm-9 comes before vm-10."""
    number = re.search(r"\d+$", ref.value)
    return (ref.type, int(number.group()) if number else 0, ref.value)


def _key(candidate: Candidate, needed: Needed | None) -> tuple[int, tuple[int, int], float]:
    """Without the reference: sorting is stable."""
    boot = candidate.machine.boot_time
    fit = needed.fit(candidate.frees) if needed else (0, 0)
    return candidate.rank, fit, -boot.timestamp() if boot else math.inf
