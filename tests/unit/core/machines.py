# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Short words for the tests of the plan: VMs, marks, policies and what a plan says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from vsphere_preemption.core import times
from vsphere_preemption.core.inventory import ManagedObject, PowerState, TaggedObjects, VirtualMachine
from vsphere_preemption.core.planning.plan import Plan, PlanLimits, plan_victims
from vsphere_preemption.core.policy.model import Amount, GroupBudget, Policy, Priority, Protection, Restore
from vsphere_preemption.core.reasons import LeftOut

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
MINE = "the-run-that-plans"


def a_vm(number: int, *tags: str, mib: int = 0, mhz: int = 0, up_minutes: float | None = None, **more: Any) -> Any:
    """vm-<number>, powered on. mib, mhz: what it is configured with. up_minutes: since it booted."""
    boot = None if up_minutes is None else NOW - timedelta(minutes=up_minutes)
    known = {"name": f"VM {number}", "power_state": PowerState.ON, "boot_time": boot, **more}
    ref = ManagedObject("VirtualMachine", f"vm-{number}")
    return VirtualMachine(ref, memory_mib=mib, cpu_mhz=mhz, tags=frozenset(tags), **known)


def a_mark(phase: str, minutes_ago: float, *history_minutes_ago: float, run: str = "another-run") -> str:
    """A mark of this phase; the history is given as minutes too, the oldest first."""
    wire: dict[str, Any] = {"phase": phase, "runID": run, "time": wire_time(minutes_ago)}
    if history_minutes_ago:
        wire["history"] = [wire_time(minutes) for minutes in history_minutes_ago]
    return json.dumps(wire)


def wire_time(minutes_ago: float) -> str:
    return times.to_wire(NOW - timedelta(minutes=minutes_ago))


def a_policy(
    *, groups: tuple[GroupBudget, ...] = (), priority: Priority | None = None, hold: float = 900.0, **amount: Any
) -> Policy:
    """hold: seconds after a restore. amount: fields of the policy's amount."""
    return Policy(
        protection=Protection(groups=groups),
        priority=priority or Priority(),
        amount=Amount(**amount),
        restore=Restore(hold_seconds=hold),
    )


def some_limits(*, max_vms: int = 100, **more: Any) -> PlanLimits:
    return PlanLimits(max_vms, MINE, NOW, 180, **more)


def a_plan(*machines: VirtualMachine, **limits: Any) -> Plan:
    return plan_victims(TaggedObjects(machines), some_limits(**limits))


def chosen(plan: Plan) -> list[int]:
    """The numbers of the victims, in their order."""
    return [int(victim.vm.value.removeprefix("vm-")) for victim in plan.victims]


def reasons(plan: Plan) -> dict[int, LeftOut]:
    """Why the others are left out, by their numbers."""
    return {int(spared.vm.value.removeprefix("vm-")): spared.reason for spared in plan.left_out}
