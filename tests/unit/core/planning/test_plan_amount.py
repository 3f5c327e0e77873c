# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many VMs go: targets, caps, group budgets, and the reason of each one that stays."""

from __future__ import annotations

from typing import Any

import pytest

from vsphere_preemption.core.inventory import PowerState, Usage, VirtualMachine
from vsphere_preemption.core.planning.plan import Needed, Plan, Victim
from vsphere_preemption.core.policy.model import GroupBudget, Measure, OnShortfall, Priority, Target
from vsphere_preemption.core.reasons import LeftOut

from ..machines import MINE, a_mark, a_plan, a_policy, a_vm, chosen, reasons

KEEP_ONE = GroupBudget("App", keep=1)
HALF_OFF = GroupBudget("App", max_off_percent=50)


def of_app(number: int, **more: Any) -> VirtualMachine:
    vm: VirtualMachine = a_vm(number, "App/a", **more)
    return vm


def test_the_plan_stops_as_soon_as_the_target_is_met() -> None:
    plan = a_plan(*[a_vm(number, mib=4, mhz=number) for number in (1, 2, 3, 4)], target=Target(memory_mib=8))
    assert chosen(plan) == [1, 2]
    assert reasons(plan) == {3: LeftOut.NOT_NEEDED, 4: LeftOut.NOT_NEEDED}
    assert (plan.freed_memory_mib, plan.freed_cpu_mhz, plan.shortfall) == (8, 3, False)
    assert plan.target == Needed(memory_mib=8)


def test_whoever_is_not_needed_in_the_end_is_put_back() -> None:
    """vm-2 fits best, then vm-1; only vm-3 closes the last gap of the CPU, and with it vm-1 is not needed any more."""
    machines = [a_vm(1, mib=5), a_vm(2, mib=4, mhz=9), a_vm(3, mib=1, mhz=1)]
    plan = a_plan(*machines, target=Target(5, 10))
    assert chosen(plan) == [2, 3]
    assert reasons(plan) == {1: LeftOut.NOT_NEEDED}
    assert (plan.freed_memory_mib, plan.freed_cpu_mhz) == (5, 10)


def test_of_two_that_could_be_put_back_the_one_that_was_chosen_last_stays_on() -> None:
    order = Priority("Rank", ("a", "b", "c"))
    machines = [a_vm(1, "Rank/a", mib=2), a_vm(2, "Rank/b", mib=2), a_vm(3, "Rank/c", mib=3)]
    assert chosen(a_plan(*machines, policy=a_policy(priority=order), target=Target(5))) == [1, 3]


def test_a_vm_that_frees_nothing_of_what_is_missing_uses_up_no_cap() -> None:
    plan = a_plan(a_vm(1, mhz=50), a_vm(2, mib=50), target=Target(memory_mib=50), max_vms=1)
    assert chosen(plan) == [2]
    assert reasons(plan) == {1: LeftOut.NOT_NEEDED}


@pytest.mark.parametrize(
    ("target", "usage", "wanted", "needed"),
    [
        pytest.param(Target(until_memory_percent=80), Usage(100, 90, 50, 50), [1], Needed(10, None), id="memory"),
        pytest.param(Target(until_cpu_percent=50), Usage(100, 90, 40, 50), [1, 2], Needed(None, 30), id="CPU"),
        pytest.param(Target(5, None, 80), Usage(100, 99, 1, 1), [1, 2], Needed(19, None), id="the greater part counts"),
        pytest.param(Target(until_memory_percent=33.3), Usage(10, 4, 1, 1), [1], Needed(1, None), id="rounded up"),
        pytest.param(Target(until_memory_percent=80), Usage(100, 80, 1, 1), [], Needed(0, None), id="met already"),
        pytest.param(Target(None, 20, 80), None, [1, 2], Needed(None, 20), id="no usage, other part"),
        pytest.param(Target(until_memory_percent=80), None, [1, 2, 3], None, id="no usage, no other part"),
    ],
)
def test_percentages_become_amounts(
    target: Target, usage: Usage | None, wanted: list[int], needed: Needed | None
) -> None:
    machines = [a_vm(number, mib=10, mhz=15) for number in (1, 2, 3)]
    plan = a_plan(*machines, target=target, usage=usage)
    assert chosen(plan) == wanted
    assert plan.target == needed


@pytest.mark.parametrize(
    ("measure", "machine", "frees"),
    [
        (Measure.CONSUMED, a_vm(1, mib=10, mhz=20, memory_used_mib=3, cpu_used_mhz=4), (3, 4)),
        (Measure.CONSUMED, a_vm(1, mib=10, mhz=20, memory_used_mib=3), (3, 20)),
        (Measure.CONSUMED, a_vm(1, mib=10, mhz=20, cpu_used_mhz=4), (10, 4)),
        (Measure.CONFIGURED, a_vm(1, mib=10, mhz=20, memory_used_mib=3, cpu_used_mhz=4), (10, 20)),
    ],
)
def test_a_vm_counts_for_what_the_policy_measures(
    measure: Measure, machine: VirtualMachine, frees: tuple[int, int]
) -> None:
    plan = a_plan(machine, policy=a_policy(measure=measure))
    assert plan.victims == [Victim(machine.ref, machine.name, *frees)]
    assert (plan.freed_memory_mib, plan.freed_cpu_mhz) == frees


def test_a_target_out_of_reach_takes_what_there_is() -> None:
    plan = a_plan(a_vm(1, mib=4), a_vm(2, mib=4, power_state=PowerState.OFF), target=Target(8))
    assert chosen(plan) == [1]
    assert plan.shortfall


def test_a_target_out_of_reach_takes_nobody_where_the_policy_says_abort() -> None:
    policy = a_policy(on_shortfall=OnShortfall.ABORT)
    machines = [a_vm(1, mib=4), a_vm(2, mib=3), a_vm(3, mib=2), a_vm(4, connected=False)]
    plan = a_plan(*machines, policy=policy, target=Target(8), max_vms=2)
    assert plan.victims == []
    short, capped = LeftOut.SHORTFALL, LeftOut.OVER_CAP
    assert reasons(plan) == {1: short, 2: short, 3: capped, 4: LeftOut.UNREACHABLE}
    assert (plan.freed_memory_mib, plan.shortfall, plan.target) == (0, True, Needed(8))


def test_abort_does_not_matter_where_the_target_is_met_or_missing() -> None:
    policy = a_policy(on_shortfall=OnShortfall.ABORT)
    assert chosen(a_plan(a_vm(1, mib=8), policy=policy, target=Target(8))) == [1]
    assert chosen(a_plan(a_vm(1, mib=8), policy=policy)) == [1]


@pytest.mark.parametrize(
    ("earlier", "left"),
    [
        pytest.param([], 3, id="nobody went"),
        pytest.param([a_mark("preempted", 59)], 2, id="one went"),
        pytest.param([a_mark("preempted", 60)], 3, id="an hour ago"),
        pytest.param([a_mark("pending", 1)], 2, id="another run is at work"),
        pytest.param([a_mark("pending", 1, run=MINE)], 3, id="this run is at work"),
        pytest.param([a_mark("failed", 1)], 3, id="one did not go"),
        pytest.param([a_mark("failed", 1, 50)], 2, id="one went, and did not the next time"),
        pytest.param([a_mark("restored", 1, 50)], 2, id="one went and came back"),
        pytest.param([a_mark("preempted", 1, 200, 20)], 1, id="one went twice"),
        pytest.param([a_mark("preempted", 1), a_mark("preempted", 2), a_mark("preempted", 3, 4)], 0, id="too many"),
    ],
)
def test_the_hourly_cap_counts_the_marks_of_all_other_runs(earlier: list[str], left: int) -> None:
    gone = [a_vm(90 + place, mark=mark, power_state=PowerState.OFF) for place, mark in enumerate(earlier)]
    plan = a_plan(*[a_vm(number) for number in (1, 2, 3, 4)], *gone, policy=a_policy(per_hour=3))
    assert chosen(plan) == [1, 2, 3, 4][:left]
    assert {reason for number, reason in reasons(plan).items() if number < 90} == {LeftOut.HOUR_CAP}


def test_the_lower_of_both_caps_gives_the_reason() -> None:
    machines = [a_vm(1), a_vm(2)]
    assert reasons(a_plan(*machines, policy=a_policy(per_hour=1), max_vms=1)) == {2: LeftOut.OVER_CAP}
    assert reasons(a_plan(*machines, policy=a_policy(per_hour=1), max_vms=2)) == {2: LeftOut.HOUR_CAP}


OFF, CLAIMED = {"power_state": PowerState.OFF}, {"mark": a_mark("pending", 1)}


@pytest.mark.parametrize(
    ("budget", "machines", "wanted"),
    [
        pytest.param(KEEP_ONE, [of_app(1), of_app(2), of_app(3)], [1, 2], id="keep one of three"),
        pytest.param(KEEP_ONE, [of_app(1)], [], id="the only one stays"),
        pytest.param(KEEP_ONE, [of_app(1), of_app(2, **OFF)], [], id="one is off already"),
        pytest.param(KEEP_ONE, [of_app(1), of_app(2, **CLAIMED)], [], id="one is about to go"),
        pytest.param(KEEP_ONE, [of_app(1), of_app(2, connected=False)], [], id="one is out of reach"),
        pytest.param(KEEP_ONE, [of_app(1), of_app(2, template=True)], [], id="a template is no member"),
        pytest.param(KEEP_ONE, [of_app(1), of_app(2, agent=True)], [1], id="one that stays anyway counts"),
        pytest.param(KEEP_ONE, [of_app(1), of_app(2, mark=a_mark("pending", 9))], [1], id="a dead run does not count"),
        pytest.param(
            KEEP_ONE,
            [of_app(1), of_app(2, mark=a_mark("pending", 1, run=MINE))],
            [1],
            id="our own is still on",
        ),
        pytest.param(KEEP_ONE, [a_vm(1, "App/a"), a_vm(2, "App/b"), a_vm(3)], [3], id="groups and no group"),
        pytest.param(KEEP_ONE, [a_vm(1, "App/a", "App/b"), a_vm(2, "App/a")], [2], id="in two groups, one forbids"),
        pytest.param(HALF_OFF, [of_app(number) for number in (1, 2, 3, 4, 5)], [1, 2], id="half of five"),
        pytest.param(HALF_OFF, [of_app(1), of_app(2), of_app(3, **OFF), of_app(4)], [1], id="half, one is off"),
        pytest.param(HALF_OFF, [of_app(1), of_app(2, template=True)], [], id="half of one"),
    ],
)
def test_a_strict_group_budget_is_never_broken(
    budget: GroupBudget, machines: list[VirtualMachine], wanted: list[int]
) -> None:
    plan = a_plan(*machines, policy=a_policy(groups=(budget,)))
    assert chosen(plan) == wanted


def test_whom_a_strict_group_budget_saves_has_that_reason() -> None:
    plan = a_plan(of_app(1), of_app(2), of_app(3, **OFF), policy=a_policy(groups=(KEEP_ONE,)))
    assert reasons(plan) == {2: LeftOut.GROUP_BUDGET, 3: LeftOut.ALREADY_OFF}


def test_a_group_may_be_those_with_the_same_attribute() -> None:
    budget = GroupBudget(attribute="team", keep=1)
    teams = {1: {"team": "x"}, 2: {"team": "x"}, 3: {"team": "y"}, 4: {"team": ""}, 5: {}}
    plan = a_plan(*[a_vm(n, attributes=team) for n, team in teams.items()], policy=a_policy(groups=(budget,)))
    assert chosen(plan) == [1, 4, 5]


def test_a_budget_that_is_not_strict_is_broken_where_the_target_needs_it() -> None:
    policy = a_policy(groups=(GroupBudget("App", keep=1, strict=False),))
    machines = [of_app(1, mib=4), a_vm(2, mib=4), a_vm(3, mib=1)]
    assert chosen(a_plan(*machines, policy=policy, target=Target(5))) == [2, 3]
    assert chosen(a_plan(*machines, policy=policy, target=Target(6))) == [2, 1]


def test_what_a_strict_budget_refuses_leaves_room_for_others() -> None:
    plan = a_plan(of_app(1, mib=9), a_vm(2, mib=3), policy=a_policy(groups=(KEEP_ONE,)), target=Target(3), max_vms=1)
    assert chosen(plan) == [2]


def test_a_plan_survives_the_wire_with_all_that_it_knows() -> None:
    plan = a_plan(a_vm(1, mib=4, mhz=2), a_vm(2), a_vm(3, connected=False), target=Target(8, 1))
    assert plan.shortfall
    assert Plan.from_wire(plan.as_wire()) == plan


def test_a_plan_of_an_older_worker_can_be_read() -> None:
    vm = {"vm": {"Type": "VirtualMachine", "Value": "vm-1"}, "name": "VM 1"}
    plan = Plan.from_wire({"victims": [vm], "leftOut": [], "leftOutCount": {}})
    assert plan == Plan([Victim(a_vm(1).ref, "VM 1")])
    assert plan.as_wire() == {"victims": [vm], "leftOut": [], "leftOutCount": {}}
