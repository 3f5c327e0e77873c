# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopping victims: mark before kill, soft stays soft, nothing twice, and nothing claimed that we did not do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace

import pytest

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.errors import (
    PreemptionError,
    VCenterFault,
    VCenterObjectGone,
    VCenterPermissionDenied,
    VCenterUnreachable,
)
from vsphere_preemption.core.inventory import ManagedObject, PowerState
from vsphere_preemption.core.policy.model import Policy, Protection
from vsphere_preemption.core.reasons import VictimReason
from vsphere_preemption.core.records.outcome import VictimStatus
from vsphere_preemption.core.sending import Confirm
from vsphere_preemption_worker.activities.stop.marks import Marks
from vsphere_preemption_worker.activities.stop.requested import ShutdownRequests
from vsphere_preemption_worker.activities.support.claims import Claims
from vsphere_preemption_worker.messages.run import StopInput

from ...fake_vcenter import SOMEBODY, Attempt, FakeClock, FakeVCenter, an_order, vm

UNREACHABLE = VCenterUnreachable("Cannot reach vCenter", why="the connection broke", next_step="Wait.")


def a_fault(name: str, *, retryable: bool) -> VCenterFault:
    return VCenterFault("vCenter refused", why=name, next_step="Look at it.", retryable=retryable, fault=name)


def raising(error: PreemptionError, times: int = 1000) -> Callable[[ManagedObject], None]:
    left = [times]

    def problem(ref: ManagedObject) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise error

    return problem


def protected_by(order: StopInput, *tags: str) -> StopInput:
    return replace(order, wire_policy=asdict(Policy(protection=Protection(tags=tags))))


@pytest.fixture
def vcenter() -> FakeVCenter:
    return FakeVCenter(FakeClock(), 1, 2)


def test_every_mark_is_written_before_its_vm_is_touched(vcenter: FakeVCenter) -> None:
    outcomes = Attempt(vcenter, an_order(vcenter, StopMethod.HARD)).run()
    assert {end.outcome for end in outcomes.values()} == {VictimStatus.STOPPED}
    for name in ("vm-1", "vm-2"):
        assert vcenter.calls.index(("mark", name)) < vcenter.calls.index(("power_off", name))


def test_a_run_without_trouble_makes_two_calls_for_each_vm_and_one_look_for_all(vcenter: FakeVCenter) -> None:
    Attempt(vcenter, an_order(vcenter, StopMethod.HARD)).run()
    assert len(vcenter.calls) == 2 * 2 + 1


@pytest.mark.parametrize("method", [StopMethod.HARD, StopMethod.SOFT_THEN_HARD, StopMethod.SUSPEND])
def test_a_protection_that_is_lost_after_planning_stops_nobody(vcenter: FakeVCenter, method: StopMethod) -> None:
    vcenter.lost = {"safety/never"}
    attempt = Attempt(vcenter, protected_by(an_order(vcenter, method), "safety/never"))
    ends = {(end.outcome, end.reason, end.message) for end in attempt.run().values()}
    assert ends == {(VictimStatus.SPARED, VictimReason.NO_LONGER_ELIGIBLE, "protection_not_found")}
    assert {name for name, _vm in vcenter.calls} == {"recheck"}


def test_a_protection_that_is_lost_in_the_grace_period_powers_nobody_off(vcenter: FakeVCenter) -> None:
    vcenter.guest_obeys = False
    vcenter.after["shut_down_guest"] = lambda ref: vcenter.lost.add("safety/never")
    attempt = Attempt(vcenter, protected_by(an_order(vcenter, StopMethod.SOFT_THEN_HARD), "safety/never"))
    ends = {(end.outcome, end.message) for end in attempt.run().values()}
    assert ends == {(VictimStatus.SPARED, "protection_not_found")}
    assert vcenter.said("power_off") == []


def test_a_protection_that_is_there_costs_no_vm_its_stop(vcenter: FakeVCenter) -> None:
    vcenter.lost = {"other"}
    attempt = Attempt(vcenter, protected_by(an_order(vcenter, StopMethod.HARD), "safety/never"))
    assert {end.outcome for end in attempt.run().values()} == {VictimStatus.STOPPED}


def test_a_vm_that_cannot_be_marked_is_not_stopped(vcenter: FakeVCenter) -> None:
    vcenter.before["mark"] = raising(a_fault("SystemError", retryable=False))
    outcomes = Attempt(vcenter, an_order(vcenter, StopMethod.HARD)).run()
    assert {end.reason for end in outcomes.values()} == {VictimReason.MARK_FAILED}
    assert vcenter.said("power_off") == []


def test_a_mark_that_fails_twice_is_written_the_third_time(vcenter: FakeVCenter) -> None:
    vcenter.before["mark"] = raising(a_fault("SystemError", retryable=False), times=2)
    outcomes = Attempt(vcenter, an_order(vcenter, StopMethod.HARD)).run()
    assert {end.outcome for end in outcomes.values()} == {VictimStatus.STOPPED}


def test_soft_never_powers_off_even_when_the_guest_ignores_it(vcenter: FakeVCenter) -> None:
    vcenter.guest_obeys = False
    outcomes = Attempt(vcenter, an_order(vcenter, StopMethod.SOFT)).run()
    assert {(end.outcome, end.reason) for end in outcomes.values()} == {
        (VictimStatus.FAILED, VictimReason.GUEST_IGNORED)
    }
    assert vcenter.said("power_off") == []
    assert vcenter.clock.seconds >= 120


def test_soft_then_hard_powers_off_only_when_the_grace_period_is_over(vcenter: FakeVCenter) -> None:
    vcenter.guest_obeys = False
    at: list[float] = []
    vcenter.before["power_off"] = lambda _: at.append(vcenter.clock.seconds)
    outcomes = Attempt(vcenter, an_order(vcenter, StopMethod.SOFT_THEN_HARD)).run()
    assert {(end.outcome, end.reason) for end in outcomes.values()} == {(VictimStatus.STOPPED, VictimReason.ESCALATED)}
    assert all(end.forced for end in outcomes.values())
    assert min(at) >= 120


def test_a_guest_that_obeys_is_never_powered_off(vcenter: FakeVCenter) -> None:
    outcomes = Attempt(vcenter, an_order(vcenter, StopMethod.SOFT_THEN_HARD)).run()
    assert {end.outcome for end in outcomes.values()} == {VictimStatus.STOPPED}
    assert not any(end.forced for end in outcomes.values())
    assert vcenter.said("power_off") == []


def test_a_vm_may_be_suspended_instead(vcenter: FakeVCenter) -> None:
    outcomes = Attempt(vcenter, an_order(vcenter, StopMethod.SUSPEND)).run()
    assert {(end.outcome, end.forced) for end in outcomes.values()} == {(VictimStatus.STOPPED, False)}
    assert vcenter.said("suspend") == ["vm-1", "vm-2"]
    assert {machine.power_state for machine in vcenter.machines.values()} == {PowerState.SUSPENDED}


@pytest.mark.parametrize(
    ("method", "end", "powered_off"),
    [
        pytest.param(StopMethod.SOFT_THEN_HARD, VictimStatus.STOPPED, ["vm-1", "vm-2"], id="soft_then_hard"),
        pytest.param(StopMethod.SOFT, VictimStatus.FAILED, [], id="soft"),
    ],
)
def test_without_tools_there_is_no_grace_period_to_wait_for(
    vcenter: FakeVCenter, method: StopMethod, end: VictimStatus, powered_off: list[str]
) -> None:
    vcenter.before["shut_down_guest"] = raising(a_fault("ToolsUnavailable", retryable=False))
    outcomes = Attempt(vcenter, an_order(vcenter, method)).run()
    assert {outcome.outcome for outcome in outcomes.values()} == {end}
    assert vcenter.said("power_off") == powered_off
    assert vcenter.clock.seconds < 1


def test_a_vm_that_lost_the_tag_after_planning_is_left_alone(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.HARD)
    del vcenter.machines[vm(1)]
    outcomes = Attempt(vcenter, order).run()
    assert (outcomes["vm-1"].outcome, outcomes["vm-1"].reason) == (VictimStatus.SPARED, VictimReason.TAG_REMOVED)
    assert ("mark", "vm-1") not in vcenter.calls


def test_a_vm_that_loses_the_tag_while_marks_are_written_is_not_stopped(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.HARD)

    def slow_mark(ref: ManagedObject) -> None:
        vcenter.clock.pass_by(5)

    vcenter.before["mark"] = slow_mark
    original = vcenter.write_mark

    def write_and_untag(ref: ManagedObject, value: str, confirm: Confirm | None = None) -> None:
        original(ref, value, confirm)
        vcenter.machines.pop(ref)

    vcenter.write_mark = write_and_untag  # type: ignore[method-assign]
    outcomes = Attempt(vcenter, order).run()
    assert {(end.outcome, bool(end.marked)) for end in outcomes.values()} == {(VictimStatus.SPARED, True)}
    assert vcenter.said("power_off") == []


def test_a_vm_that_somebody_switched_off_is_not_ours(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.HARD)
    vcenter.switch_off(vm(1), SOMEBODY)
    outcomes = Attempt(vcenter, order).run()
    assert (outcomes["vm-1"].outcome, outcomes["vm-1"].reason) == (VictimStatus.SPARED, VictimReason.ALREADY_OFF)


@pytest.mark.parametrize("method", list(StopMethod))
def test_a_vm_that_somebody_switches_off_after_we_asked_is_not_claimed(
    vcenter: FakeVCenter, method: StopMethod
) -> None:
    for call in ("power_off", "shut_down_guest", "suspend"):
        vcenter.after[call] = lambda ref: vcenter.switch_off(ref, SOMEBODY)
    outcomes = Attempt(vcenter, an_order(vcenter, method)).run()
    assert {(end.outcome, end.reason) for end in outcomes.values()} == {(VictimStatus.SPARED, VictimReason.ALREADY_OFF)}


def test_a_power_off_whose_answer_was_lost_is_recognised_as_ours(vcenter: FakeVCenter) -> None:
    vcenter.after["power_off"] = raising(UNREACHABLE)
    outcomes = Attempt(vcenter, an_order(vcenter, StopMethod.HARD)).run()
    assert {end.outcome for end in outcomes.values()} == {VictimStatus.STOPPED}
    assert vcenter.said("power_off") == ["vm-1", "vm-2"]


def test_a_second_attempt_finds_what_the_first_did_and_repeats_nothing(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.HARD)
    Attempt(vcenter, order).run()
    done = list(vcenter.calls)
    outcomes = Attempt(vcenter, order).run()
    assert {(end.outcome, end.marked) for end in outcomes.values()} == {(VictimStatus.STOPPED, order.marked)}
    assert [call for call in vcenter.calls[len(done) :] if call[0] != "recheck"] == []


def test_a_vm_marked_by_a_dead_attempt_but_switched_off_by_somebody_is_not_claimed(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.HARD)
    Attempt(vcenter, order).run()
    vcenter.stopped_by[vm(1)] = SOMEBODY
    outcomes = Attempt(vcenter, order).run()
    assert (outcomes["vm-1"].outcome, outcomes["vm-1"].reason) == (VictimStatus.SPARED, VictimReason.ALREADY_OFF)


def test_a_pending_mark_that_is_there_already_is_not_written_again(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.HARD)
    Attempt(vcenter, order).run()
    for ref, machine in list(vcenter.machines.items()):
        vcenter.machines[ref] = replace(machine, power_state=PowerState.ON)
    Attempt(vcenter, order).run()
    assert vcenter.said("mark") == ["vm-1", "vm-2"]
    assert vcenter.said("power_off") == ["vm-1", "vm-2"] * 2


def test_a_vm_of_another_run_is_left_to_it(vcenter: FakeVCenter) -> None:
    claims = Claims()
    claims.take(vm(1), "run-2")
    outcomes = Attempt(vcenter, an_order(vcenter, StopMethod.HARD), claims).run()
    assert (outcomes["vm-1"].outcome, outcomes["vm-1"].reason) == (VictimStatus.SPARED, VictimReason.CLAIMED)
    assert vcenter.said("power_off") == ["vm-2"]


def test_a_young_mark_of_another_worker_keeps_its_vm(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.HARD)
    foreign = json.dumps({"phase": "pending", "runID": "elsewhere", "time": "2026-11-24T09:59:55Z"})
    vcenter.machines[vm(2)] = replace(vcenter.machines[vm(2)], mark=foreign)
    outcomes = Attempt(vcenter, order).run()
    assert outcomes["vm-2"].reason is VictimReason.CLAIMED
    assert ("mark", "vm-2") not in vcenter.calls


@pytest.mark.parametrize(
    ("error", "end", "reason"),
    [
        (a_fault("MethodDisabled", retryable=False), VictimStatus.FAILED, VictimReason.STOP_REFUSED),
        (a_fault("TaskInProgress", retryable=True), VictimStatus.FAILED, VictimReason.STOP_REFUSED),
        (
            VCenterPermissionDenied("Denied", why="no privilege", next_step="Grant it."),
            VictimStatus.FAILED,
            VictimReason.STOP_REFUSED,
        ),
        (VCenterObjectGone("Gone", why="deleted", next_step="Nothing."), VictimStatus.SPARED, VictimReason.VM_DELETED),
    ],
    ids=["disabled", "busy for ever", "no privilege", "deleted"],
)
def test_a_vm_that_cannot_be_stopped_is_on_record_and_holds_up_nobody(
    vcenter: FakeVCenter, error: PreemptionError, end: VictimStatus, reason: VictimReason
) -> None:
    def only_the_first(ref: ManagedObject) -> None:
        if ref == vm(1):
            raise error

    vcenter.before["power_off"] = only_the_first
    outcomes = Attempt(vcenter, an_order(vcenter, StopMethod.HARD)).run()
    assert (outcomes["vm-1"].outcome, outcomes["vm-1"].reason) == (end, reason)
    assert outcomes["vm-2"].outcome is VictimStatus.STOPPED


def test_an_outage_is_left_to_temporal(vcenter: FakeVCenter) -> None:
    vcenter.before["mark"] = raising(UNREACHABLE)
    with pytest.raises(VCenterUnreachable):
        Attempt(vcenter, an_order(vcenter, StopMethod.HARD)).run()


def test_after_a_cancellation_nothing_more_is_begun(vcenter: FakeVCenter) -> None:
    outcomes = Attempt(vcenter, an_order(vcenter, StopMethod.HARD), ending=lambda: VictimReason.CANCELLED).run()
    assert {(end.outcome, end.reason) for end in outcomes.values()} == {(VictimStatus.SPARED, VictimReason.CANCELLED)}
    assert {name for name, _about in vcenter.calls} == {"recheck"}


def test_a_pause_between_the_mark_and_the_stop_is_seen(vcenter: FakeVCenter) -> None:
    def paused() -> VictimReason | None:
        return VictimReason.PAUSED if vcenter.said("mark") else None

    order = an_order(vcenter, StopMethod.HARD)
    outcomes = Attempt(vcenter, order, ending=paused).run()
    assert outcomes["vm-1"].reason is VictimReason.PAUSED
    assert outcomes["vm-1"].marked == order.marked
    assert vcenter.said("power_off") == []


def test_a_pause_after_a_lost_answer_leaves_no_mark_pending(vcenter: FakeVCenter) -> None:
    """vCenter may have taken it: the outcome says that it is to be settled."""
    paused: list[VictimReason] = []

    def lose_the_answer(ref: ManagedObject) -> None:
        paused.append(VictimReason.PAUSED)
        raise VCenterUnreachable("Cannot write the mark", why="it hung up", next_step="Try again.")

    order = an_order(vcenter, StopMethod.HARD)
    vcenter.before["mark"] = lose_the_answer
    outcomes = Attempt(vcenter, order, ending=lambda: next(iter(paused), None)).run()
    assert {(end.outcome, end.reason) for end in outcomes.values()} == {(VictimStatus.SPARED, VictimReason.PAUSED)}
    assert outcomes["vm-1"].marked == order.marked
    assert vcenter.said("power_off") == []


def test_a_later_attempt_that_finds_preemption_paused_settles_the_marks_of_the_earlier_one(
    vcenter: FakeVCenter,
) -> None:
    order = an_order(vcenter, StopMethod.HARD)
    vcenter.machines[vm(1)] = replace(vcenter.machines[vm(1)], mark=Marks(order).pending(vm(1)))
    outcomes = Attempt(vcenter, order, ending=lambda: VictimReason.PAUSED).run()
    assert (outcomes["vm-1"].outcome, outcomes["vm-1"].marked) == (VictimStatus.SPARED, order.marked)
    assert outcomes["vm-2"].marked == ""


def test_a_later_attempt_that_is_paused_still_follows_the_guests_that_were_asked(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.SOFT, grace_seconds=120)
    asked = ShutdownRequests({"vm-1": order.marked})
    vcenter.guest_obeys = False
    outcomes = Attempt(vcenter, order, ending=lambda: VictimReason.PAUSED, asked=asked).run()
    assert (outcomes["vm-1"].outcome, outcomes["vm-1"].reason) == (VictimStatus.FAILED, VictimReason.PAUSED)
    assert outcomes["vm-1"].requested == order.marked
    assert vcenter.said("shut_down_guest") == []


def test_a_cancellation_in_the_grace_period_escalates_nothing_and_the_guests_are_followed(vcenter: FakeVCenter) -> None:
    vcenter.guest_obeys = False
    order = an_order(vcenter, StopMethod.SOFT_THEN_HARD)
    outcomes = Attempt(
        vcenter, order, ending=lambda: VictimReason.CANCELLED if vcenter.clock.seconds > 5 else None
    ).run()
    assert {(end.outcome, end.reason) for end in outcomes.values()} == {(VictimStatus.FAILED, VictimReason.CANCELLED)}
    assert vcenter.said("power_off") == []
    assert 120 <= vcenter.clock.seconds < 125


def test_a_vm_that_is_deleted_while_it_goes_down_is_on_record(vcenter: FakeVCenter) -> None:
    def is_deleted(ref: ManagedObject) -> None:
        del vcenter.machines[ref]

    vcenter.guest_obeys = False
    vcenter.after["shut_down_guest"] = is_deleted
    outcomes = Attempt(vcenter, an_order(vcenter, StopMethod.SOFT)).run()
    assert {end.reason for end in outcomes.values()} == {VictimReason.VM_DELETED}
