# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One batch that is given back: the last look, what an earlier attempt did, answers that get lost, and room."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from vsphere_preemption.core import times
from vsphere_preemption.core.errors import (
    VCenterFault,
    VCenterObjectGone,
    VCenterPermissionDenied,
    VCenterUnreachable,
)
from vsphere_preemption.core.inventory import ManagedObject, Usage, VirtualMachine
from vsphere_preemption.vcenter.transport.faults import SessionLost
from vsphere_preemption_worker.activities.restore.batch import TASK_SECONDS

from ...fake_restore import ALARM, STOPPED, Attempt, RestoringVCenter, a_mark
from ...fake_vcenter import SOMEBODY, START, US, FakeClock, vm

Machines = Mapping[ManagedObject, VirtualMachine]


@pytest.fixture
def vcenter() -> RestoringVCenter:
    return RestoringVCenter(FakeClock(), 1, 2)


RESTORED = ("restored", "")


def test_vms_are_powered_on_and_their_marks_say_so(vcenter: RestoringVCenter) -> None:
    attempt = Attempt(vcenter)
    assert attempt.run() == {1: RESTORED, 2: RESTORED}
    assert vcenter.said("power_on") == ["vm-1", "vm-2"]
    mark = json.loads(vcenter.machines[vm(1)].mark or "")
    assert (mark["phase"], mark["preempted"], mark["reason"]) == ("restored", False, "drill")
    assert mark["history"] == [times.to_wire(STOPPED)]
    assert mark["time"] == attempt.machines[0].started


def test_a_vm_that_somebody_took_over_since_the_plan_is_not_touched(vcenter: RestoringVCenter) -> None:
    vcenter.switch_off(vm(1), SOMEBODY)
    vcenter.switch_on(vm(2), SOMEBODY)
    assert Attempt(vcenter).run() == {1: ("kept", "changed_since"), 2: ("kept", "is_on")}
    assert vcenter.said("power_on") == vcenter.said("mark") == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"phase": "pending", "time": times.to_wire(START), "runID": "r2"}, "claimed_by_another_run"),
        pytest.param({"phase": "preempted", "time": times.to_wire(START), "runID": "r2"}, "another_run"),
        pytest.param({"phase": "preempted", "time": times.to_wire(START)}, "changed_since"),
        pytest.param({"phase": "restored"}, "not_preempted_by_us"),
    ],
)
def test_a_mark_that_changed_since_the_plan_keeps_its_vm_off(
    vcenter: RestoringVCenter, changes: dict[str, Any], reason: str
) -> None:
    vcenter.machines[vm(1)] = replace(vcenter.machines[vm(1)], mark=a_mark(**changes))
    assert Attempt(vcenter).run() == {1: ("kept", reason), 2: RESTORED}


def test_a_vm_that_is_gone_or_lost_the_tag_is_left_out(vcenter: RestoringVCenter) -> None:
    attempt = Attempt(vcenter)

    def only_the_other(tag: str, refs: Sequence[ManagedObject], **wanted: object) -> Machines:
        return vcenter.read([vm(2)])

    vcenter.recheck = only_the_other  # type: ignore[method-assign]
    assert attempt.run() == {1: ("kept", "tag_removed_or_vm_gone"), 2: RESTORED}


def test_another_attempt_finds_what_the_first_one_did(vcenter: RestoringVCenter) -> None:
    """The first worker died: it had powered on vm-1 and marked it, and powered on vm-2."""
    vcenter.switch_on(vm(1), US)
    vcenter.machines[vm(1)] = replace(
        vcenter.machines[vm(1)], mark=a_mark(phase="restored", time="2026-11-24T09:59:59Z")
    )
    vcenter.switch_on(vm(2), US)
    attempt = Attempt(vcenter, again=True)
    assert attempt.run() == {1: RESTORED, 2: RESTORED}
    assert attempt.machines[0].started == "2026-11-24T09:59:59Z"
    assert vcenter.said("power_on") == []
    assert vcenter.said("mark") == ["vm-2"]


def test_what_a_restore_at_the_same_time_gave_back_is_not_counted_twice(vcenter: RestoringVCenter) -> None:
    vcenter.switch_on(vm(1), US)
    vcenter.machines[vm(1)] = replace(vcenter.machines[vm(1)], mark=a_mark(phase="restored"))
    assert Attempt(vcenter).run() == {1: ("kept", "is_on"), 2: RESTORED}


def test_pressure_keeps_the_rest_off_but_what_is_on_because_of_us_is_settled(vcenter: RestoringVCenter) -> None:
    vcenter.switch_on(vm(1), US)
    vcenter.colour = "yellow"
    attempt = Attempt(vcenter, ALARM, again=True)
    assert attempt.run() == {1: RESTORED, 2: ("kept", "pressure")}
    assert attempt.ending == "pressure"
    assert vcenter.said("power_on") == []
    assert vcenter.phase(1) == "restored"


@pytest.mark.parametrize("usage", [Usage(10_000, 8_001, 100, 10), Usage(10_000, 1_000, 100, 81), Usage(0, 0, 0, 0)])
def test_a_full_host_or_one_that_tells_nothing_ends_the_restore(vcenter: RestoringVCenter, usage: Usage) -> None:
    vcenter.host_usage = usage
    attempt = Attempt(vcenter)
    assert set(attempt.run().values()) == {("kept", "pressure")}
    assert attempt.ending == "pressure"
    assert "host-1" in attempt.machines[0].message


def test_a_vm_for_which_there_is_no_room_stays_off_and_the_restore_goes_on(vcenter: RestoringVCenter) -> None:
    vcenter.host_usage = Usage(10_000, 6_500, 100, 10)
    attempt = Attempt(vcenter)
    assert attempt.run() == {1: RESTORED, 2: ("kept", "no_room")}
    assert attempt.ending == ""


def test_a_pause_keeps_all_off(vcenter: RestoringVCenter) -> None:
    attempt = Attempt(vcenter, paused=lambda: True)
    assert set(attempt.run().values()) == {("kept", "paused")}
    assert attempt.ending == "paused"
    assert vcenter.said("power_on") == []


def test_a_pause_while_a_power_on_waits_to_be_sent_keeps_this_vm_and_the_rest_off(vcenter: RestoringVCenter) -> None:
    paused: list[ManagedObject] = []
    attempt = Attempt(vcenter, paused=lambda: bool(paused))
    vcenter.waiting["power_on"] = lambda ref: paused.append(ref) if vcenter.said("power_on") else None
    assert attempt.run() == {1: RESTORED, 2: ("kept", "paused")}
    assert (attempt.ending, attempt.machines[1].message) == ("paused", "ada")
    assert vcenter.said("power_on") == ["vm-1"]


def test_a_power_on_whose_session_is_lost_is_made_again(vcenter: RestoringVCenter) -> None:
    lost = [SessionLost("Cannot power on", why="vCenter ended our session", next_step="Retry.")]

    def lose(ref: ManagedObject) -> None:
        while lost:
            raise lost.pop()

    vcenter.before["power_on"] = lose
    assert Attempt(vcenter).run() == {1: RESTORED, 2: RESTORED}
    assert vcenter.said("power_on") == ["vm-1", "vm-1", "vm-2"]


def test_a_vm_that_a_run_of_this_worker_holds_is_left_to_it(vcenter: RestoringVCenter) -> None:
    attempt = Attempt(vcenter)
    attempt.claims.take(vm(1), "r2")
    assert attempt.run() == {1: ("kept", "claimed_by_another_run"), 2: RESTORED}


def test_a_vm_that_another_restore_has_powered_on_and_not_yet_marked_is_not_counted_twice(
    vcenter: RestoringVCenter,
) -> None:
    attempt = Attempt(vcenter)
    attempt.claims.take(vm(1), "wf/restore/2")
    vcenter.switch_on(vm(1), US)
    assert attempt.run() == {1: ("kept", "claimed_by_another_run"), 2: RESTORED}
    assert vcenter.phase(1) == "preempted"


def test_a_vm_is_claimed_before_it_is_looked_at(vcenter: RestoringVCenter, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = Attempt(vcenter)
    held: list[bool] = []

    def look(refs: Sequence[ManagedObject]) -> Machines:
        held.append(not attempt.claims.take(vm(1), "wf/restore/2"))
        return {ref: vcenter.machines[ref] for ref in refs}

    monkeypatch.setattr(vcenter, "read", look)
    attempt.run()
    assert held == [True]


def test_a_call_whose_answer_was_lost_is_looked_up_and_not_repeated(vcenter: RestoringVCenter) -> None:
    vcenter.after["power_on"] = raising(unreachable())
    assert Attempt(vcenter).run() == {1: RESTORED, 2: RESTORED}
    assert vcenter.said("power_on") == ["vm-1", "vm-2"]


def test_where_vcenter_stays_away_the_error_is_left_to_temporal(vcenter: RestoringVCenter) -> None:
    vcenter.before["power_on"] = raising(unreachable())
    with pytest.raises(VCenterUnreachable):
        Attempt(vcenter).run()


def test_a_refusal_fails_its_vm_only(vcenter: RestoringVCenter) -> None:
    denied = VCenterPermissionDenied("Cannot power on", why="no privilege", next_step="Grant it.")
    vcenter.before["power_on"] = raising(denied, only=vm(1))
    attempt = Attempt(vcenter)
    assert attempt.run() == {1: ("failed", "power_on_refused"), 2: RESTORED}
    assert "no privilege" in attempt.machines[0].message
    assert vcenter.phase(1) == "preempted"


def test_somebody_else_was_faster(vcenter: RestoringVCenter) -> None:
    """vCenter refuses to power on what is on already."""

    def ada_is_faster(ref: ManagedObject) -> None:
        vcenter.switch_on(ref, SOMEBODY)
        raise VCenterFault("Cannot power on", why="it is on", next_step="-", fault="InvalidPowerState")

    vcenter.before["power_on"] = ada_is_faster
    assert set(Attempt(vcenter).run().values()) == {("kept", "is_on")}
    assert vcenter.said("mark") == []


def test_a_task_that_fails_or_never_ends_fails_its_vm(vcenter: RestoringVCenter) -> None:
    vcenter.failing_tasks[vm(1)] = "InsufficientResourcesFault: no memory"
    vcenter.slow = True
    attempt = Attempt(vcenter)
    assert attempt.run() == {1: ("failed", "power_on_task_failed"), 2: ("failed", "power_on_timeout")}
    assert vcenter.clock.seconds >= TASK_SECONDS
    assert "no memory" in attempt.machines[0].message


def test_a_vm_that_is_deleted_meanwhile_is_no_failure(vcenter: RestoringVCenter) -> None:
    def delete(ref: ManagedObject) -> None:
        if ref == vm(1):
            raise VCenterObjectGone("Cannot power on", why="it is gone", next_step="-")
        vcenter.machines.pop(ref)
        raise unreachable()

    vcenter.before["power_on"] = delete
    assert Attempt(vcenter).run() == {1: ("kept", "gone"), 2: ("kept", "gone")}


def test_a_mark_that_cannot_be_written_is_on_record(vcenter: RestoringVCenter) -> None:
    denied = VCenterPermissionDenied("Cannot write the mark", why="no privilege", next_step="Grant it.")
    vcenter.before["mark"] = raising(denied, only=vm(1))
    assert Attempt(vcenter).run() == {1: ("restored", "mark_not_written"), 2: RESTORED}


def unreachable() -> VCenterUnreachable:
    return VCenterUnreachable("Cannot reach vCenter", why="no answer", next_step="Wait.")


def raising(error: Exception, only: ManagedObject | None = None) -> Any:
    def problem(ref: ManagedObject) -> None:
        if only in (None, ref):
            raise error

    return problem
