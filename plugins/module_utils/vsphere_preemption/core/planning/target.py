# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much capacity to free, and what one VM contributes to it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..codec import Wired
from ..inventory import Usage, VirtualMachine
from ..policy.model import Measure, Target


@dataclass(frozen=True)
class Resources:
    """Memory in MiB and CPU in MHz."""

    memory_mib: int = 0
    cpu_mhz: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(self.memory_mib + other.memory_mib, self.cpu_mhz + other.cpu_mhz)

    def __sub__(self, other: Resources) -> Resources:
        return Resources(self.memory_mib - other.memory_mib, self.cpu_mhz - other.cpu_mhz)


def freed_by(machine: VirtualMachine, measure: Measure) -> Resources:
    """What stopping this VM frees; if its consumption is not known, its configured size."""
    if measure is Measure.CONFIGURED:
        return Resources(machine.memory_mib, machine.cpu_mhz)
    return Resources(machine.memory_used_mib or machine.memory_mib, machine.cpu_used_mhz or machine.cpu_mhz)


@dataclass(frozen=True)
class Needed(Wired):
    """The target as amounts: MiB and MHz to free. None: this part is not limited. 0: it is already met."""

    wire_names: ClassVar = {"memory_mib": "memoryMib", "cpu_mhz": "cpuMhz"}

    memory_mib: int | None = None
    cpu_mhz: int | None = None

    def met_by(self, freed: Resources) -> bool:
        return all(gain >= need for need, gain in self._parts(freed))

    def helped_by(self, more: Resources, freed: Resources) -> bool:
        """Whether `more` contributes to any part that is not met yet."""
        memory = self.memory_mib is not None and freed.memory_mib < self.memory_mib and more.memory_mib > 0
        cpu = self.cpu_mhz is not None and freed.cpu_mhz < self.cpu_mhz and more.cpu_mhz > 0
        return memory or cpu

    def fit(self, freed: Resources) -> tuple[int, int]:
        """How well this alone fits, smaller is better: what it leaves open, then what it frees in excess.

        Both parts count as shares of what is needed. They are brought to one denominator, so no rounding decides.
        """
        parts = [(need, gain) for need, gain in self._parts(freed) if need > 0]
        whole = math.prod(need for need, _gain in parts)
        left_open = sum(max(0, need - gain) * (whole // need) for need, gain in parts)
        in_excess = sum(max(0, gain - need) * (whole // need) for need, gain in parts)
        return left_open, in_excess

    def _parts(self, freed: Resources) -> Iterator[tuple[int, int]]:
        if self.memory_mib is not None:
            yield self.memory_mib, freed.memory_mib
        if self.cpu_mhz is not None:
            yield self.cpu_mhz, freed.cpu_mhz


def needed_for(target: Target, usage: Usage | None) -> Needed | None:
    """The target as amounts; None if no part of it is known."""
    memory = [] if target.memory_mib is None else [target.memory_mib]
    cpu = [] if target.cpu_mhz is None else [target.cpu_mhz]
    if usage is not None and target.until_memory_percent is not None:
        memory.append(_above(usage.memory_used_mib, usage.memory_mib, target.until_memory_percent))
    if usage is not None and target.until_cpu_percent is not None:
        cpu.append(_above(usage.cpu_used_mhz, usage.cpu_mhz, target.until_cpu_percent))
    if not memory and not cpu:
        return None
    return Needed(max(memory, default=None), max(cpu, default=None))


def _above(used: int, capacity: int, percent: float) -> int:
    """By how much the use passes this share of the capacity."""
    return max(0, math.ceil(used - capacity * percent / 100))
