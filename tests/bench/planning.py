# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m bench.planning`: how long the plan itself takes, for 10,000 VMs with every rule of the policy on.

Pure function time: nothing is asked of vCenter or Temporal. Ends with 1 where the median is above the bound.
"""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime, timedelta
from statistics import median

from vsphere_preemption.core import times
from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.inventory import (
    Area,
    ManagedObject,
    PowerState,
    Scope,
    TaggedObjects,
    Usage,
    VirtualMachine,
)
from vsphere_preemption.core.mark import Mark, MarkPhase, RunIdentity
from vsphere_preemption.core.planning.plan import Plan, PlanLimits, plan_victims
from vsphere_preemption.core.policy.model import Amount, GroupBudget, Policy, Priority, Protection, Target
from vsphere_preemption.core.requests.request import read_request

MACHINES = 10_000
ROUNDS = 9
BOUND_SECONDS = 1.0
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
HOSTS = [ManagedObject("HostSystem", f"host-{number}") for number in range(64)]

POLICY = Policy(
    protection=Protection(
        tags=("protected", "Role/database"),
        names=("*-dc-*", "vcls*", "backup-??"),
        vms=tuple(f"vm-{number}" for number in range(0, MACHINES, 500)),
        min_uptime_seconds=600,
        groups=(GroupBudget("App", keep=2), GroupBudget(attribute="team", max_off_percent=60, strict=False)),
    ),
    priority=Priority("Rank", ("spare", "batch", "web", "api"), unranked="last"),
    amount=Amount(max_vms=2000, per_hour=8000, per_vm_per_day=3),
)


def main() -> int:
    """Measure, and print the time of one plan."""
    tagged, limits = inventory(random.Random(5)), every_limit()
    took, plan = [], Plan()
    for _round in range(ROUNDS):
        began = time.process_time()
        plan = plan_victims(tagged, limits)
        took.append(time.process_time() - began)
    print(f"{MACHINES} VMs, every rule on: median {median(took):.2f} s of CPU time, longest {max(took):.2f} s")
    print(
        f"{len(plan.victims)} victims, {len(plan.left_out_count)} reasons, load of the machine {os.getloadavg()[0]:.1f}"
    )
    return 0 if median(took) <= BOUND_SECONDS else 1


def every_limit() -> PlanLimits:
    """A target in both dimensions, a scope of three quarters of the hosts, and the policy above."""
    return PlanLimits(
        max_vms=POLICY.amount.max_vms,
        run_id="run-that-plans",
        now=NOW,
        lease_seconds=180,
        policy=POLICY,
        scope=Scope((Area(hosts=frozenset(HOSTS[:48])), Area(hosts=frozenset(HOSTS)))),
        target=Target(memory_mib=1_000_000, until_cpu_percent=60),
        usage=Usage(64_000_000, 60_000_000, 10_000_000, 7_500_000),
        only=frozenset(f"vm-{number}" for number in range(MACHINES)),
    )


def inventory(chance: random.Random) -> TaggedObjects:
    """VMs of all kinds; three quarters carry a mark of the usual length."""
    event = {
        "id": "1",
        "source": "https://vc.example/sdk",
        "type": "AlarmStatusChangedEvent",
        "data": {"Text": "x" * 400},
    }
    request = read_request({"tag": "preemptible", "criticality": "HIGH", "event": event})
    identity = RunIdentity("preemption", times.to_wire(NOW), "preemption/another", request)
    return TaggedObjects(tuple(_machine(number, identity, chance) for number in range(MACHINES)))


def _machine(number: int, run: RunIdentity, chance: random.Random) -> VirtualMachine:
    phases = [MarkPhase.PREEMPTED] * 3 + [MarkPhase.RESTORED, MarkPhase.FAILED, MarkPhase.PENDING]
    history = tuple(times.to_wire(NOW - timedelta(hours=hours)) for hours in (20, 10))
    moment = times.to_wire(NOW - timedelta(minutes=chance.randrange(1, 600)))
    mark = Mark(run, chance.choice(phases), StopMethod.HARD, True, moment, history=history[: chance.randrange(3)])
    tags = {f"App/app-{number % 700}", f"Rank/{chance.choice(['spare', 'batch', 'web', 'api', 'odd'])}", "Preempt/yes"}
    if chance.random() < 0.05:
        tags.add(chance.choice(["Class/protected", "Role/database"]))
    return VirtualMachine(
        ManagedObject("VirtualMachine", f"vm-{number}"),
        f"{chance.choice(['web', 'ci', 'eu-dc', 'batch'])}-dc-{number}" if chance.random() < 0.02 else f"ci-{number}",
        PowerState.ON if chance.random() < 0.95 else PowerState.OFF,
        mark=mark.as_text() if chance.random() < 0.75 else None,
        host=HOSTS[number % len(HOSTS)],
        boot_time=NOW - timedelta(minutes=chance.randrange(1, 50_000)),
        memory_mib=4096,
        cpu_mhz=4000,
        memory_used_mib=chance.randrange(100, 4096),
        cpu_used_mhz=chance.randrange(10, 4000),
        tags=frozenset(tags),
        attributes={"team": f"team-{number % 40}"},
    )


if __name__ == "__main__":
    raise SystemExit(main())
