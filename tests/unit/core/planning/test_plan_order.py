# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which VMs go: one small row for each thing that can decide it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations

import pytest

from vsphere_preemption.core.inventory import VirtualMachine
from vsphere_preemption.core.policy.model import GroupBudget, Priority, Target

from ..machines import a_plan, a_policy, a_vm, chosen

VALUES = ("spare", "batch", "web")
FIRST = Priority("Rank", VALUES)
LAST = Priority("Rank", VALUES, unranked="last")
SOFT = (GroupBudget("App", keep=1, strict=False),)


@dataclass(frozen=True)
class Row:
    """what: the sentence. wanted: the victims, in their order. Without a target all go, so all of the order is seen."""

    what: str
    machines: list[VirtualMachine]
    wanted: list[int]
    priority: Priority = field(default_factory=Priority)
    groups: tuple[GroupBudget, ...] = ()
    target: Target = field(default_factory=Target)
    max_vms: int = 100


PRIORITY = [
    Row("the first value goes first", [a_vm(1, "Rank/web"), a_vm(2, "Rank/spare")], [2, 1], FIRST),
    Row("unranked VMs go first", [a_vm(1, "Rank/spare"), a_vm(2)], [2, 1], FIRST),
    Row("unranked VMs go last where the policy says so", [a_vm(1), a_vm(2, "Rank/web")], [2, 1], LAST),
    Row("another value is no rank", [a_vm(1, "Rank/spare"), a_vm(2, "Rank/odd")], [2, 1], FIRST),
    Row("a tag of another category is no rank", [a_vm(1, "Rank/spare"), a_vm(2, "Role/web")], [2, 1], FIRST),
    Row(
        "of two ranks the protective one wins",
        [a_vm(1, "Rank/web", "Rank/spare"), a_vm(2, "Rank/batch")],
        [2, 1],
        FIRST,
    ),
    Row("without a category tags do not matter", [a_vm(1, "Rank/web"), a_vm(2, "Rank/spare")], [1, 2]),
    Row(
        "priority before boot", [a_vm(1, "Rank/web", up_minutes=1), a_vm(2, "Rank/batch", up_minutes=9)], [2, 1], FIRST
    ),
]

BUDGETS = [
    Row("who breaks a soft budget goes last", [a_vm(1, "App/a"), a_vm(2)], [2, 1], groups=SOFT),
    Row(
        "of a group only the last ones break it", [a_vm(1, "App/a"), a_vm(2, "App/a"), a_vm(3)], [1, 3, 2], groups=SOFT
    ),
    Row(
        "priority before soft budgets",
        [a_vm(1, "Rank/spare", "App/a"), a_vm(2, "Rank/web")],
        [1, 2],
        FIRST,
        SOFT,
    ),
    Row(
        "soft budgets before boot",
        [a_vm(1, "App/a", up_minutes=1), a_vm(2, up_minutes=9)],
        [2, 1],
        groups=SOFT,
    ),
    Row(
        "one soft budget of two is enough",
        [a_vm(1, "App/a", attributes={"team": "x"}), a_vm(2, "App/a"), a_vm(3)],
        [2, 3, 1],
        groups=(*SOFT, GroupBudget(attribute="team", keep=1, strict=False)),
    ),
]

FIT = [
    Row("who leaves less open goes first", [a_vm(1, mib=1), a_vm(2, mib=3)], [2, 1], target=Target(4)),
    Row(
        "of those that cover it, the smallest", [a_vm(1, mib=9), a_vm(2, mib=5), a_vm(3, mib=4)], [2], target=Target(5)
    ),
    Row("who covers it before who does not", [a_vm(1, mib=4), a_vm(2, mib=90)], [2], target=Target(5)),
    Row("CPU counts alike", [a_vm(1, mhz=9), a_vm(2, mhz=5), a_vm(3, mhz=4)], [2], target=Target(cpu_mhz=5)),
    Row(
        "both parts count as shares of what is needed",
        [a_vm(1, mib=3000, mhz=90), a_vm(2, mib=5000, mhz=10), a_vm(3, mib=8000, mhz=50)],
        [3, 1],
        target=Target(8000, 100),
    ),
    Row(
        "a part that is met already does not matter",
        [a_vm(1, mib=4, mhz=1), a_vm(2, mib=5, mhz=900)],
        [2],
        target=Target(5, 0),
    ),
    Row(
        "priority before fit",
        [a_vm(1, "Rank/web", mib=5), a_vm(2, "Rank/batch", mib=3), a_vm(3, "Rank/spare", mib=2)],
        [3, 2],
        FIRST,
        target=Target(5),
    ),
    Row(
        "soft budgets before fit",
        [a_vm(1, "App/a", mib=5), a_vm(2, mib=3), a_vm(3, mib=2)],
        [2, 3],
        groups=SOFT,
        target=Target(5),
    ),
    Row("fit before boot", [a_vm(1, mib=3, up_minutes=1), a_vm(2, mib=4, up_minutes=9)], [2, 1], target=Target(7)),
    Row("without a target sizes do not matter", [a_vm(1, mib=1), a_vm(2, mib=9)], [1, 2]),
]

BOOT = [
    Row("the newest boot goes first", [a_vm(1, up_minutes=9), a_vm(2, up_minutes=1)], [2, 1]),
    Row("an unknown boot goes last", [a_vm(1), a_vm(2, up_minutes=9999)], [2, 1]),
    Row("boot before reference", [a_vm(1, up_minutes=2), a_vm(2, up_minutes=2), a_vm(3, up_minutes=1)], [3, 1, 2]),
    Row("references count as numbers", [a_vm(10), a_vm(9)], [9, 10]),
    Row("the cap cuts the end off", [a_vm(1, up_minutes=9), a_vm(2, up_minutes=1)], [2], max_vms=1),
]


@pytest.mark.parametrize("row", [*PRIORITY, *BUDGETS, *FIT, *BOOT], ids=lambda row: row.what)
def test_the_order(row: Row) -> None:
    policy = a_policy(groups=row.groups, priority=row.priority)
    for machines in permutations(row.machines):
        plan = a_plan(*machines, policy=policy, target=row.target, max_vms=row.max_vms)
        assert chosen(plan) == row.wanted


def test_a_victim_names_the_tag_that_gave_it_its_place() -> None:
    plan = a_plan(a_vm(1, "Rank/web"), a_vm(2, "Rank/odd"), policy=a_policy(priority=FIRST))
    assert [(victim.name, victim.priority) for victim in plan.victims] == [("VM 2", ""), ("VM 1", "web")]
