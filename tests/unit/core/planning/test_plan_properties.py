# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of every plan, whatever the inventory, the policy and the request."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vsphere_preemption.core.inventory import (
    Area,
    ManagedObject,
    PowerState,
    Scope,
    TaggedObjects,
    Usage,
    VirtualMachine,
)
from vsphere_preemption.core.planning.plan import Plan, PlanLimits, plan_victims, why_not
from vsphere_preemption.core.policy.model import (
    Amount,
    GroupBudget,
    Measure,
    OnShortfall,
    Policy,
    Priority,
    Protection,
    Target,
)

from ..machines import MINE, NOW, a_mark

HOSTS = [ManagedObject("HostSystem", f"host-{number}") for number in (1, 2)]
TAGS = ["App/a", "App/b", "Rank/spare", "Rank/web", "Rank/odd", "Class/protected", "Class/other"]
SIZES = st.integers(0, 6)
MARKS = st.none() | st.builds(
    a_mark,
    st.sampled_from(["pending", "preempted", "failed", "restored"]),
    st.sampled_from([-1, 1, 30, 90, 2000]),
    st.sampled_from([100, 50, 2000]),
    run=st.sampled_from([MINE, "another-run"]),
)
FLAGS = ("template", "agent", "ft_secondary", "question", "in_maintenance")


@st.composite
def machines(draw: st.DrawFn) -> tuple[VirtualMachine, ...]:
    """Up to twelve VMs; most of them have no flag, so that enough are left to choose from."""
    numbers = draw(st.lists(st.integers(1, 30), unique=True, max_size=12))
    return tuple(draw(a_machine(number)) for number in numbers)


@st.composite
def a_machine(draw: st.DrawFn, number: int) -> VirtualMachine:
    odd = draw(st.sampled_from([*FLAGS, "", "", "", "", "", "", "", "", "", ""]))
    more: dict[str, Any] = {odd: True} if odd else {}
    return VirtualMachine(
        ManagedObject("VirtualMachine", f"vm-{number}"),
        draw(st.sampled_from(["db-1", "web-1", "dc-1"])),
        draw(st.sampled_from([PowerState.ON, PowerState.ON, PowerState.ON, PowerState.OFF, PowerState.SUSPENDED])),
        connected=draw(st.sampled_from([True, True, True, False])),
        mark=draw(MARKS),
        host=draw(st.sampled_from(HOSTS)),
        boot_time=draw(st.none() | st.sampled_from([NOW - timedelta(minutes=minutes) for minutes in (1, 20, 99)])),
        memory_mib=draw(SIZES),
        cpu_mhz=draw(SIZES),
        memory_used_mib=draw(SIZES),
        cpu_used_mhz=draw(SIZES),
        tags=frozenset(draw(st.sets(st.sampled_from(TAGS), max_size=4))),
        attributes=draw(st.sampled_from([{}, {"team": "x"}, {"team": "y"}, {"team": ""}])),
        **more,
    )


TAGGED = st.builds(
    TaggedObjects,
    machines(),
    others=st.sets(st.sampled_from(HOSTS)).map(tuple),
    gone=st.sets(st.integers(31, 33).map(lambda number: ManagedObject("VirtualMachine", f"vm-{number}"))).map(tuple),
)
BUDGETS = st.builds(
    lambda by, keep, share, strict: GroupBudget(**by, keep=keep, max_off_percent=share, strict=strict),
    st.sampled_from([{"category": "App"}, {"attribute": "team"}]),
    st.none() | st.integers(0, 3),
    st.none() | st.sampled_from([0.0, 25.0, 33.3, 50.0, 100.0]),
    st.booleans(),
)
AMOUNTS = st.none() | st.integers(0, 20)
SHARES = st.none() | st.floats(0, 100, allow_nan=False)
LIMITS = st.builds(
    PlanLimits,
    max_vms=st.integers(0, 12),
    run_id=st.just(MINE),
    now=st.just(NOW),
    lease_seconds=st.just(180.0),
    policy=st.builds(
        Policy,
        protection=st.builds(
            Protection,
            tags=st.sampled_from([(), ("protected",), ("Class/other",)]),
            names=st.sampled_from([(), ("DC-*",)]),
            vms=st.sampled_from([(), ("vm-1", "vm-2")]),
            min_uptime_seconds=st.sampled_from([0.0, 600.0]),
            groups=st.lists(BUDGETS, max_size=3).map(tuple),
        ),
        priority=st.builds(
            Priority, st.sampled_from(["", "Rank"]), st.just(("spare", "web")), st.sampled_from(["first", "last"])
        ),
        amount=st.builds(
            Amount,
            per_hour=AMOUNTS,
            per_vm_per_day=st.none() | st.integers(1, 3),
            on_shortfall=st.sampled_from(OnShortfall),
            measure=st.sampled_from(Measure),
        ),
    ),
    scope=st.sampled_from([Scope(), Scope((Area(hosts=frozenset(HOSTS[:1])),))]),
    target=st.just(Target()) | st.builds(Target, AMOUNTS, AMOUNTS, SHARES, SHARES),
    usage=st.none() | st.builds(Usage, st.just(100), st.integers(0, 100), st.just(100), st.integers(0, 100)),
    only=st.sampled_from([frozenset(), frozenset({"db-1", "vm-3"})]),
)


@given(TAGGED, LIMITS, st.randoms(use_true_random=False))
def test_the_order_in_which_vcenter_answers_changes_nothing(
    tagged: TaggedObjects, limits: PlanLimits, chance: Any
) -> None:
    other = TaggedObjects(
        *(tuple(chance.sample(part, len(part))) for part in (tagged.machines, tagged.others, tagged.gone))
    )
    assert plan_victims(other, limits) == plan_victims(tagged, limits)


@given(TAGGED, LIMITS)
def test_every_object_is_chosen_or_left_out_exactly_once(tagged: TaggedObjects, limits: PlanLimits) -> None:
    plan = plan_victims(tagged, limits)
    named = [victim.vm for victim in plan.victims] + [spared.vm for spared in plan.left_out]
    assert sorted(named) == sorted([machine.ref for machine in tagged.machines] + [*tagged.others, *tagged.gone])
    assert sum(plan.left_out_count.values()) == len(plan.left_out)


@given(TAGGED, LIMITS)
def test_only_what_may_be_stopped_is_chosen_and_all_else_keeps_its_own_reason(
    tagged: TaggedObjects, limits: PlanLimits
) -> None:
    plan = plan_victims(tagged, limits)
    left_out = {spared.vm: spared.reason for spared in plan.left_out}
    for machine in tagged.machines:
        reason = why_not(machine, limits)
        assert reason is None or left_out[machine.ref] is reason


@given(TAGGED, LIMITS)
def test_all_caps_hold_whatever_the_target(tagged: TaggedObjects, limits: PlanLimits) -> None:
    victims = plan_victims(tagged, limits).victims
    assert len(victims) <= limits.max_vms
    per_hour = limits.policy.amount.per_hour
    if victims and per_hour is not None:
        assert len(victims) + sum(_hits_in_the_last_hour(machine) for machine in tagged.machines) <= per_hour


def _hits_in_the_last_hour(machine: VirtualMachine) -> int:
    wire = json.loads(machine.mark or "{}")
    own = [wire["time"]] if wire.get("phase") in ("pending", "preempted") and wire["runID"] != MINE else []
    # Both texts are of the same form, so they compare as times do.
    return sum(time > "2026-11-24T09:00:00Z" for time in [*own, *wire.get("history", [])])


@given(TAGGED, LIMITS)
def test_no_victim_could_be_left_out(tagged: TaggedObjects, limits: PlanLimits) -> None:
    plan = plan_victims(tagged, limits)
    if plan.target is None:
        return
    memory, cpu = plan.target.memory_mib or 0, plan.target.cpu_mhz or 0
    met = plan.freed_memory_mib >= memory and plan.freed_cpu_mhz >= cpu
    assert plan.shortfall is not met
    for victim in plan.victims:
        less_memory, less_cpu = plan.freed_memory_mib - victim.memory_mib, plan.freed_cpu_mhz - victim.cpu_mhz
        assert less_memory < memory or less_cpu < cpu


@given(TAGGED, LIMITS)
def test_a_strict_budget_is_never_overdrawn(tagged: TaggedObjects, limits: PlanLimits) -> None:
    gone = {victim.vm for victim in plan_victims(tagged, limits).victims}
    members = [machine for machine in tagged.machines if not machine.template]
    for budget in limits.policy.protection.groups:
        for wanted in ("App/a", "App/b", "x", "y"):
            group = [one for one in members if wanted in (one.tags if budget.category else one.attributes.values())]
            newly_gone = [one for one in group if one.ref in gone and not _pending(one)]
            if not budget.strict or not newly_gone:
                continue
            on = [
                one for one in group if one.ref not in gone and one.power_state is PowerState.ON and not _pending(one)
            ]
            assert len(on) >= (budget.keep or 0)
            share = 100.0 if budget.max_off_percent is None else budget.max_off_percent
            assert (len(group) - len(on)) / len(group) * 100 <= share + 1e-9


def _pending(machine: VirtualMachine) -> bool:
    """Another run is about to stop it, so it counts as off."""
    wire = json.loads(machine.mark or "{}")
    theirs = wire and wire["runID"] != MINE and wire["time"] > "2026-11-24T09:57:00Z"
    return bool(theirs and wire["phase"] == "pending")


@given(TAGGED, LIMITS)
def test_a_plan_is_the_same_after_the_wire(tagged: TaggedObjects, limits: PlanLimits) -> None:
    plan = plan_victims(tagged, limits)
    assert Plan.from_wire(json.loads(json.dumps(plan.as_wire()))) == plan
