# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All small inventories: up to five VMs of nine kinds, each under several targets and rules.

Whatever the plan does, it is held against rules that are written down here once more, in another way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import pytest

from vsphere_preemption.core.inventory import PowerState, TaggedObjects, VirtualMachine
from vsphere_preemption.core.planning.plan import Plan, PlanLimits, plan_victims
from vsphere_preemption.core.policy.model import Amount, GroupBudget, Policy, Protection, Target
from vsphere_preemption.core.reasons import LeftOut

from ..machines import a_mark, a_vm, some_limits

IN_GROUP, PROTECTED = "App/a", "Class/protected"


@dataclass(frozen=True)
class Kind:
    """mark: the VM was stopped 50 minutes ago, and given back 20 minutes ago."""

    mib: int
    mhz: int
    tags: tuple[str, ...] = ()
    on: bool = True
    hit: bool = False

    @property
    def eligible(self) -> bool:
        return self.on and PROTECTED not in self.tags

    def machine(self, number: int) -> VirtualMachine:
        more: dict[str, Any] = {"mark": a_mark("restored", 20, 50)} if self.hit else {}
        power = PowerState.ON if self.on else PowerState.OFF
        vm: VirtualMachine = a_vm(number, *self.tags, mib=self.mib, mhz=self.mhz, power_state=power, **more)
        return vm


KINDS = (
    Kind(1, 2),
    Kind(2, 1),
    Kind(4, 0),
    Kind(1, 2, (IN_GROUP,)),
    Kind(2, 1, (IN_GROUP,)),
    Kind(4, 4, (IN_GROUP,)),
    Kind(4, 4, (IN_GROUP, PROTECTED)),
    Kind(4, 4, (IN_GROUP,), on=False),
    Kind(2, 2, hit=True),
)
TARGETS = (Target(), Target(3), Target(7), Target(4, 3), Target(cpu_mhz=2))
Inventory = tuple[Kind, ...]


@dataclass(frozen=True)
class Rules:
    """What bounds the plan; the budget is always for the group above."""

    max_vms: int = 5
    per_hour: int | None = None
    keep: int | None = None
    max_off_percent: float | None = None
    strict: bool = True

    def limits(self, target: Target) -> PlanLimits:
        budget = GroupBudget("App", keep=self.keep, max_off_percent=self.max_off_percent, strict=self.strict)
        bounded = self.keep is not None or self.max_off_percent is not None
        protection = Protection(tags=("protected",), groups=(budget,) if bounded else ())
        policy = Policy(protection=protection, amount=Amount(per_hour=self.per_hour))
        return some_limits(max_vms=self.max_vms, policy=policy, target=target)


RULES = {
    "no limit": Rules(),
    "two at most": Rules(max_vms=2),
    "two in an hour": Rules(per_hour=2),
    "keep one": Rules(keep=1),
    "half off, three at most": Rules(max_vms=3, max_off_percent=50),
    "rather keep one, three in an hour": Rules(per_hour=3, keep=1, strict=False),
}


def inventories() -> Iterator[Inventory]:
    """All of them, each with its VMs in two orders, since the reference decides between equals."""
    for size in range(6):
        for kinds in combinations_with_replacement(KINDS, size):
            yield kinds
            if len(set(kinds)) > 1:
                yield kinds[::-1]


def broken(kinds: Inventory, rules: Rules, target: Target, plan: Plan) -> Iterator[str]:
    """What the plan breaks, one sentence each."""
    victims = [kinds[int(victim.vm.value.removeprefix("vm-"))] for victim in plan.victims]
    if not all(victim.eligible for victim in victims):
        yield "I1: a protected VM, or one that is off, was chosen"
    if victims and not _caps_hold(kinds, rules, victims):
        yield "I5: a cap or a budget was broken"
    if any(_covers(victims[:place] + victims[place + 1 :], target) for place in range(len(victims))):
        yield "I16: a victim is not needed"
    covered = _covers(victims, target) or target == Target()
    if plan.shortfall is covered:
        yield "the plan does not know whether it meets the target"
    refused = {spared.reason for spared in plan.left_out}
    limited = refused & {LeftOut.OVER_CAP, LeftOut.HOUR_CAP, LeftOut.GROUP_BUDGET}
    if not covered and not limited and _covers([kind for kind in kinds if kind.eligible], target):
        yield "the target was missed although nothing forbade to meet it"
    if target == Target() and not limited and len(victims) < sum(kind.eligible for kind in kinds):
        yield "a VM was left out without a target and without a limit"


def _covers(victims: list[Kind], target: Target) -> bool:
    """Whether there is a target and these VMs meet it."""
    memory, cpu = sum(victim.mib for victim in victims), sum(victim.mhz for victim in victims)
    return target != Target() and memory >= (target.memory_mib or 0) and cpu >= (target.cpu_mhz or 0)


def _caps_hold(kinds: Inventory, rules: Rules, victims: list[Kind]) -> bool:
    earlier = sum(kind.hit for kind in kinds)
    if len(victims) > rules.max_vms or (rules.per_hour is not None and len(victims) + earlier > rules.per_hour):
        return False
    members = [kind for kind in kinds if IN_GROUP in kind.tags]
    going = sum(IN_GROUP in victim.tags for victim in victims)
    if not rules.strict or not going:
        return True
    on = sum(member.on for member in members) - going
    share_off = (len(members) - on) / len(members) * 100
    return on >= (rules.keep or 0) and share_off <= (100 if rules.max_off_percent is None else rules.max_off_percent)


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES.keys())
def test_no_small_inventory_breaks_a_rule(rules: Rules) -> None:
    limits = {target: rules.limits(target) for target in TARGETS}
    for kinds in inventories():
        tagged = TaggedObjects(tuple(kind.machine(number) for number, kind in enumerate(kinds)))
        for target in TARGETS:
            plan = plan_victims(tagged, limits[target])
            assert list(broken(kinds, rules, target, plan)) == [], (kinds, target)
