# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: who is chosen, who is not, and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsphere_preemption.core.inventory import ManagedObject, PowerState, TaggedObjects, VirtualMachine
from vsphere_preemption.core.planning.plan import LeftOutVm, Plan, PlanLimits, plan_victims
from vsphere_preemption.core.reasons import LeftOut

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
PENDING_ELSEWHERE = json.dumps({"phase": "pending", "runID": "other", "time": "2026-11-24T09:59:50Z"})


def a_vm(number: int, **given_as: object) -> VirtualMachine:
    known: dict[str, object] = {"name": f"VM {number}", "power_state": PowerState.ON, **given_as}
    return VirtualMachine(ManagedObject("VirtualMachine", f"vm-{number}"), **known)  # type: ignore[arg-type]


def plan(*machines: VirtualMachine, max_vms: int = 10, **others: tuple[ManagedObject, ...]) -> Plan:
    limits = PlanLimits(max_vms=max_vms, run_id="mine", now=NOW, lease_seconds=180)
    return plan_victims(TaggedObjects(tuple(machines), **others), limits)


def chosen(made: Plan) -> list[str]:
    return [victim.vm.value for victim in made.victims]


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        (a_vm(1, template=True, power_state=PowerState.OFF), LeftOut.TEMPLATE),
        (a_vm(1, connected=False), LeftOut.UNREACHABLE),
        (a_vm(1, power_state=PowerState.OFF), LeftOut.ALREADY_OFF),
        (a_vm(1, power_state=PowerState.SUSPENDED), LeftOut.SUSPENDED),
        (a_vm(1, power_state=PowerState.UNKNOWN), LeftOut.POWER_STATE_UNKNOWN),
        (a_vm(1, mark=PENDING_ELSEWHERE), LeftOut.CLAIMED),
    ],
    ids=lambda value: value.value if isinstance(value, LeftOut) else "",
)
def test_a_vm_that_cannot_be_stopped_is_left_out_with_its_reason(machine: VirtualMachine, reason: LeftOut) -> None:
    made = plan(machine)
    assert made.victims == []
    assert [spared.reason for spared in made.left_out] == [reason]


def test_objects_that_are_no_vms_or_gone_are_left_out_with_a_reason() -> None:
    host, gone = ManagedObject("HostSystem", "host-1"), ManagedObject("VirtualMachine", "vm-9")
    made = plan(a_vm(1), others=(host,), gone=(gone,))
    assert chosen(made) == ["vm-1"]
    assert {spared.vm: spared.reason for spared in made.left_out} == {host: LeftOut.NOT_A_VM, gone: LeftOut.GONE}


def test_those_left_out_never_use_up_the_cap() -> None:
    off = [a_vm(number, power_state=PowerState.OFF) for number in range(1, 11)]
    on = [a_vm(number) for number in range(11, 31)]
    made = plan(*off, *on)
    assert chosen(made) == [f"vm-{number}" for number in range(11, 21)]
    assert made.left_out_count == {"already_off": 10, "over_cap": 10}


@given(st.permutations([a_vm(number) for number in (1, 2, 9, 10, 11, 100)]))
def test_the_order_does_not_depend_on_the_order_of_vcenter(machines: list[VirtualMachine]) -> None:
    assert chosen(plan(*machines, max_vms=4)) == ["vm-1", "vm-2", "vm-9", "vm-10"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(PowerState), st.booleans(), st.booleans(), st.sampled_from([None, PENDING_ELSEWHERE])
        ),
        max_size=40,
    ),
    st.integers(min_value=0, max_value=12),
)
def test_every_object_is_either_chosen_or_left_out_and_the_cap_holds(
    machines: list[tuple[PowerState, bool, bool, str | None]], max_vms: int
) -> None:
    inventory = [
        a_vm(number, power_state=power, connected=connected, template=template, mark=mark)
        for number, (power, connected, template, mark) in enumerate(machines)
    ]
    made = plan(*inventory, max_vms=max_vms)
    named = chosen(made) + [spared.vm.value for spared in made.left_out]
    assert sorted(named) == sorted(machine.ref.value for machine in inventory)
    eligible = {m.ref.value for m in inventory if m.power_state is PowerState.ON and m.connected and not m.template}
    assert set(chosen(made)) <= eligible
    assert len(made.victims) <= max_vms


def test_a_shortened_plan_still_counts_everybody() -> None:
    made = plan(*[a_vm(number, power_state=PowerState.OFF) for number in range(50)]).shortened(3)
    assert len(made["leftOut"]) == 3
    assert made["leftOutCount"] == {"already_off": 50}


def test_an_approved_plan_keeps_the_reasons_of_the_plan_that_was_approved() -> None:
    vms = [ManagedObject("VirtualMachine", f"vm-{number}") for number in range(4)]
    asked = Plan([], [LeftOutVm(vms[0], "db", LeftOut.PROTECTED_NAME), LeftOutVm(vms[1], "web", LeftOut.OVER_CAP)])
    again = [
        LeftOutVm(vms[0], "db", LeftOut.NOT_REQUESTED),
        LeftOutVm(vms[1], "web", LeftOut.ALREADY_OFF),
        LeftOutVm(vms[2], "new", LeftOut.NOT_REQUESTED),
    ]
    # More than are named: the list of a large inventory is shortened.
    plan = Plan([], again, {"already_off": 1, "not_requested": 5}).approved_from(asked)
    assert [entry.reason for entry in plan.left_out] == [
        LeftOut.PROTECTED_NAME,
        LeftOut.ALREADY_OFF,
        LeftOut.NOT_REQUESTED,
    ]
    assert plan.left_out_count == {"already_off": 1, "not_requested": 4, "protected_by_name": 1}
