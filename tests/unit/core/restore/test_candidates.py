# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is given back, in which order, and why the others are not; and whether there is room for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from support.paths import CHECKOUT
from vsphere_preemption.core.inventory import (
    Area,
    ManagedObject,
    PowerState,
    Scope,
    TaggedObjects,
    Usage,
    VirtualMachine,
)
from vsphere_preemption.core.policy.model import Restore
from vsphere_preemption.core.restore.candidates import (
    RestoreLimits,
    RestorePlan,
    Room,
    is_marked,
    plan_restore,
    vms_to_look_up,
    without_room,
)
from vsphere_preemption.core.restore.record import (
    NotRestored,
    RestoreCandidate,
    RestoreReason,
    RestoreRecord,
    RestoreStatus,
    VmRestoreOutcome,
    VmRestoreStatus,
    conclude,
)

from ..machines import NOW, a_vm, wire_time

US, ADA = "preemption@vsphere.local", "ada@vsphere.local"
HOUR = 3600.0


def off(number: int, minutes_ago: float = 60, *, position: int = 0, **more: Any) -> VirtualMachine:
    """A VM that was preempted by the run `r1` so many minutes ago; `more` changes the mark, or the VM."""
    names = set(VirtualMachine.__dataclass_fields__)
    mark = {"phase": "preempted", "runID": "r1", "time": wire_time(minutes_ago), "order": position, "method": "hard"}
    mark |= {name: value for name, value in more.items() if name not in names}
    machine = a_vm(number, power_state=PowerState.OFF, mark=json.dumps(mark), mib=1024)
    changed: VirtualMachine = replace(machine, **{name: value for name, value in more.items() if name in names})
    return changed


def planned(
    *machines: VirtualMachine, stoppers: Mapping[ManagedObject, str] | None = None, **limits: Any
) -> RestorePlan:
    """With the hold time of an hour, everything stopped by us unless it is said otherwise."""
    by_us = {machine.ref: US for machine in machines}
    known = {"hold_seconds": HOUR, **limits}
    return plan_restore(
        TaggedObjects(machines), by_us if stoppers is None else stoppers, US, RestoreLimits(NOW, **known)
    )


def numbers(plan: RestorePlan) -> list[int]:
    return [int(back.vm.value.removeprefix("vm-")) for back in plan.give_back]


def reasons(plan: RestorePlan) -> dict[str, str]:
    return {left.vm.value: left.reason.value for left in plan.kept}


def ref(number: int) -> ManagedObject:
    return a_vm(number).ref  # type: ignore[no-any-return]


def test_the_last_one_stopped_comes_first_then_the_last_in_its_run_then_the_highest_reference() -> None:
    machines = [off(1, 90), off(2, 70), off(3, 80, position=1), off(4, 80, position=2), off(5, 90)]
    assert numbers(planned(*machines)) == [2, 4, 3, 5, 1]
    assert planned(*machines) == planned(*reversed(machines))


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        pytest.param(off(1, template=True), NotRestored.TEMPLATE, id="template"),
        pytest.param(a_vm(1, power_state=PowerState.OFF), NotRestored.NOT_PREEMPTED, id="no mark"),
        pytest.param(off(1, phase="failed"), NotRestored.NOT_PREEMPTED, id="the mark says that we did not stop it"),
        pytest.param(off(1, phase="restored"), NotRestored.NOT_PREEMPTED, id="given back, and off again"),
        pytest.param(off(1, time=None), NotRestored.NOT_PREEMPTED, id="a mark of the prototype"),
        pytest.param(off(1, 1, phase="pending"), NotRestored.CLAIMED, id="another run is about to stop it"),
        pytest.param(off(1, 60, phase="pending"), NotRestored.NOT_PREEMPTED, id="a run died over it"),
        pytest.param(off(1, connected=False), NotRestored.UNREACHABLE, id="disconnected"),
        pytest.param(off(1, power_state=PowerState.ON), NotRestored.IS_ON, id="on"),
        pytest.param(
            off(1, power_state=PowerState.SUSPENDED), NotRestored.CHANGED, id="suspended, but we powered it off"
        ),
        pytest.param(off(1, method="suspend"), NotRestored.CHANGED, id="off, but we suspended it"),
        pytest.param(off(1, power_state=PowerState.UNKNOWN), NotRestored.CHANGED, id="nobody knows its state"),
        pytest.param(off(1, in_maintenance=True), NotRestored.HOST_IN_MAINTENANCE, id="its host is in maintenance"),
        pytest.param(off(1, 59), NotRestored.HOLD_TIME, id="stopped a moment too late"),
    ],
)
def test_what_is_not_given_back_has_its_reason(machine: VirtualMachine, reason: NotRestored) -> None:
    plan = planned(machine)
    assert numbers(plan) == []
    assert reasons(plan) == {"vm-1": reason.value}


def test_a_suspended_vm_that_we_suspended_is_given_back() -> None:
    plan = planned(off(1, method="suspend", power_state=PowerState.SUSPENDED))
    assert [(back.suspended, back.memory_mib, back.run_id) for back in plan.give_back] == [(True, 1024, "r1")]


@pytest.mark.parametrize(
    ("stoppers", "reason"),
    [({ref(1): ADA}, NotRestored.CHANGED), ({}, NotRestored.NO_EVIDENCE), ({ref(2): US}, NotRestored.NO_EVIDENCE)],
)
def test_only_what_vcenter_says_we_stopped_last_is_given_back(
    stoppers: dict[ManagedObject, str], reason: NotRestored
) -> None:
    for force in (False, True):
        assert reasons(planned(off(1), stoppers=stoppers, force=force)) == {"vm-1": reason.value}


def test_the_hold_time_runs_from_the_mark_and_force_ignores_it() -> None:
    machines = (off(1, 60), off(2, 40), off(3, 59.5))
    plan = planned(*machines)
    assert numbers(plan) == [1]
    assert plan.held_seconds == 20 * 60
    forced = planned(*machines, force=True)
    assert (numbers(forced), forced.held_seconds) == ([2, 3, 1], 0)


def test_a_vm_that_somebody_took_over_is_not_waited_for() -> None:
    plan = planned(off(1, 10), stoppers={ref(1): ADA})
    assert (reasons(plan), plan.held_seconds) == ({"vm-1": "changed_since"}, 0)


def test_a_restore_may_be_for_some_vms_one_run_or_one_place_only() -> None:
    here, there = ManagedObject("HostSystem", "host-1"), ManagedObject("HostSystem", "host-2")
    machines = (off(1, host=here), off(2, host=there), off(3, host=here, runID="r2"))
    scope = Scope((Area(hosts=frozenset({here})),))
    assert reasons(planned(*machines, only=frozenset({"VM 1", "vm-3"}))) == {"vm-2": "not_requested"}
    assert reasons(planned(*machines, run_id="r1")) == {"vm-3": "another_run"}
    assert reasons(planned(*machines, scope=scope)) == {"vm-2": "out_of_scope"}


def test_a_run_is_marked_while_a_mark_names_it_whatever_its_phase() -> None:
    tagged = TaggedObjects((off(1, runID="r1", phase="restored"), a_vm(2), off(3, runID="r3")))
    assert [is_marked(tagged, run) for run in ("r1", "r2", "r3", "")] == [True, False, True, False]


def test_a_restore_may_be_for_what_one_workflow_stopped() -> None:
    machines = (off(1, runID="alarm/a/1"), off(2, runID="alarm/ab/1"), off(3, runID="alarm/a"))
    assert reasons(planned(*machines, workflow_id="alarm/a")) == {"vm-2": "another_run", "vm-3": "another_run"}


def test_what_has_an_outcome_is_not_planned_again_and_the_cap_takes_the_first_ones() -> None:
    machines = (off(1, 90), off(2, 80), off(3, 70))
    assert numbers(planned(*machines, done=frozenset({ref(3)}))) == [2, 1]
    capped = planned(*machines, most=1)
    assert (numbers(capped), reasons(capped)) == ([3], {"vm-1": "over_cap", "vm-2": "over_cap"})


def test_other_tagged_objects_are_named_too_and_the_list_is_bounded() -> None:
    tagged = TaggedObjects((off(1, 10),), (ManagedObject("HostSystem", "host-9"),), (ref(7),))
    plan = plan_restore(tagged, {ref(1): US}, US, RestoreLimits(NOW, HOUR))
    kept = plan.kept_as_wire(most=2)
    assert kept["byReason"] == {"gone": 1, "hold_time": 1, "not_a_vm": 1}
    assert [left["vm"]["Value"] for left in kept["vms"]] == ["host-9", "vm-1"]


def test_the_event_log_is_asked_only_about_vms_for_which_it_matters() -> None:
    tagged = TaggedObjects((off(1, 10), off(2, power_state=PowerState.ON), off(3, phase="restored"), a_vm(4)))
    assert list(vms_to_look_up(tagged, RestoreLimits(NOW, HOUR))) == [ref(1)]


ROOMY = Restore(max_memory_percent=80, max_cpu_percent=50)
HOST, OTHER = ManagedObject("HostSystem", "host-1"), ManagedObject("HostSystem", "host-2")


def back(number: int, memory_mib: int = 1000) -> RestoreCandidate:
    return RestoreCandidate(ref(number), f"VM {number}", "r1", wire_time(60), memory_mib=memory_mib)


def test_vms_are_admitted_while_their_host_has_room_for_all_of_their_memory() -> None:
    room = Room({HOST: Usage(10_000, 6_000, 100, 10), OTHER: Usage(10_000, 7_500, 100, 10)}, ROOMY)
    hosts = {ref(1): HOST, ref(2): HOST, ref(3): HOST, ref(4): OTHER, ref(5): OTHER, ref(6): None}
    batch = [back(1), back(2), back(3), back(4), back(5, 500), back(6)]
    assert room.pressure() == ""
    assert set(without_room(batch, hosts, room)) == {ref(3), ref(4), ref(6)}


@pytest.mark.parametrize(
    ("usage", "is_pressure"),
    [
        (Usage(10_000, 8_000, 100, 50), False),
        (Usage(10_000, 8_001, 100, 10), True),
        (Usage(10_000, 1_000, 100, 51), True),
        (Usage(0, 0, 100, 10), True),
        (Usage(10_000, 1_000, 0, 0), True),
    ],
)
def test_a_host_over_the_limits_or_one_that_tells_nothing_is_pressure(usage: Usage, is_pressure: bool) -> None:
    assert bool(Room({HOST: usage}, ROOMY).pressure()) is is_pressure


def became(number: int, outcome: VmRestoreStatus, reason: NotRestored = NotRestored.NONE) -> VmRestoreOutcome:
    return VmRestoreOutcome.of(back(number), outcome, reason)


@pytest.mark.parametrize(
    ("machines", "expected"),
    [
        ([], (RestoreStatus.DONE, RestoreReason.NOTHING_TO_RESTORE)),
        ([became(1, VmRestoreStatus.RESTORED)], (RestoreStatus.DONE, RestoreReason.NONE)),
        (
            [became(1, VmRestoreStatus.RESTORED, NotRestored.MARK_FAILED)],
            (RestoreStatus.PARTIAL, RestoreReason.MARKS_NOT_WRITTEN),
        ),
        (
            [became(1, VmRestoreStatus.RESTORED), became(2, VmRestoreStatus.KEPT, NotRestored.PRESSURE)],
            (RestoreStatus.PARTIAL, RestoreReason.PRESSURE),
        ),
        ([became(2, VmRestoreStatus.KEPT, NotRestored.PRESSURE)], (RestoreStatus.SKIPPED, RestoreReason.PRESSURE)),
        ([became(2, VmRestoreStatus.KEPT, NotRestored.NO_ROOM)], (RestoreStatus.SKIPPED, RestoreReason.NO_ROOM)),
        (
            [became(1, VmRestoreStatus.RESTORED), became(2, VmRestoreStatus.KEPT, NotRestored.IS_ON)],
            (RestoreStatus.PARTIAL, RestoreReason.SOME_KEPT),
        ),
        (
            [
                became(1, VmRestoreStatus.FAILED, NotRestored.REFUSED),
                became(2, VmRestoreStatus.KEPT, NotRestored.IS_ON),
            ],
            (RestoreStatus.FAILED, RestoreReason.ALL_FAILED),
        ),
        (
            [became(1, VmRestoreStatus.RESTORED), became(2, VmRestoreStatus.FAILED, NotRestored.TASK_FAILED)],
            (RestoreStatus.PARTIAL, RestoreReason.SOME_FAILED),
        ),
    ],
)
def test_the_outcome_follows_from_those_of_the_vms(
    machines: list[VmRestoreOutcome], expected: tuple[RestoreStatus, RestoreReason]
) -> None:
    assert conclude(machines) == expected


def test_values_survive_the_way_over_the_wire() -> None:
    outcome = VmRestoreOutcome.of(back(1), VmRestoreStatus.RESTORED, started=wire_time(0))
    assert VmRestoreOutcome.from_wire(json.loads(json.dumps(outcome.as_wire()))) == outcome
    assert RestoreCandidate.from_wire(json.loads(json.dumps(back(1).as_wire()))) == back(1)


def test_a_record_of_two_thousand_vms_fits_into_one_payload() -> None:
    """Temporal takes two megabytes."""
    record = RestoreRecord("r" * 200, "w" * 100, "preemptible", "", wire_time(0))
    name = "n" * 80
    many = [replace(became(n, VmRestoreStatus.RESTORED), name=name, run_id="r" * 60) for n in range(2000)]
    record.take(many)
    plan = planned(*(replace(a_vm(n), name=name) for n in range(5000)))
    record.kept = plan.kept_as_wire(2000)
    assert len(json.dumps(record.as_wire())) < 1_600_000


@pytest.mark.parametrize("code", [*NotRestored, *RestoreReason, *RestoreStatus])
def test_every_code_is_explained_in_the_documentation(code: str) -> None:
    assert not code or f"`{code}`" in (CHECKOUT / "docs" / "restore.md").read_text()
