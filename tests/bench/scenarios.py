# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: so many VMs, such tasks, such a vCenter."""

from __future__ import annotations

from dataclasses import dataclass

CALLS_AT_ONCE = 5
CALLS_THAT_CANNOT_BE_SPARED = 2


@dataclass(frozen=True)
class Scenario:
    """One measured situation. key: its name on the command line.

    machines: VMs that carry the tag and run; the cap is lifted so that all are stopped.
    task_ms: how long a power-off task takes. call_ms: added to each vCenter call by a proxy; 0 measures without it.
    other_tags: tags in vCenter that have nothing to do with preemption.
    """

    key: str
    name: str
    machines: int
    task_ms: int
    call_ms: int = 0
    other_tags: int = 0

    @property
    def bound_seconds(self) -> float:
        """No worker can be faster: mark and stop for each VM, five calls at once, and one task."""
        calls = self.machines * CALLS_THAT_CANNOT_BE_SPARED * self.call_ms / 1000
        return calls / min(CALLS_AT_ONCE, self.machines) + self.task_ms / 1000


SCENARIOS = (
    Scenario("fast-10", "10 VMs, no delays", 10, task_ms=0),
    Scenario("fast-100", "100 VMs, no delays", 100, task_ms=0),
    Scenario("fast-1000", "1,000 VMs, no delays", 1000, task_ms=0),
    Scenario("tasks-10", "10 VMs, 2 s tasks", 10, task_ms=2000),
    Scenario("tasks-100", "100 VMs, 2 s tasks", 100, task_ms=2000),
    Scenario("tasks-1000", "1,000 VMs, 2 s tasks", 1000, task_ms=2000),
    Scenario("real-10", "10 VMs, real profile", 10, task_ms=200, call_ms=20),
    Scenario("real-10-tags", "10 VMs, real profile, 200 other tags", 10, task_ms=200, call_ms=20, other_tags=200),
    Scenario("real-1000", "1,000 VMs, real profile", 1000, task_ms=200, call_ms=20),
)

# Beside the scenarios, on the command line.
START_UP, PLAN = "start", "plan"

# The most that can be asked of one inventory: this many tagged VMs, of which one is stopped.
PLANNED_MACHINES = 10_000
