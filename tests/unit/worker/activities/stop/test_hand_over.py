# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stop that another worker goes on with: the first one lets go soon, and no guest is asked twice."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.errors import VCenterUnreachable
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.reasons import VictimReason
from vsphere_preemption.core.records.outcome import VictimStatus
from vsphere_preemption_worker.activities.stop.marks import Marks
from vsphere_preemption_worker.activities.stop.pipeline import wanted_state
from vsphere_preemption_worker.activities.stop.requested import ShutdownRequests, recall
from vsphere_preemption_worker.messages.run import StopInput

from ...fake_vcenter import SOMEBODY, US, Attempt, FakeClock, FakeVCenter, an_order, vm


@pytest.fixture
def vcenter() -> FakeVCenter:
    return FakeVCenter(FakeClock(), 1, 2)


def unreachable(_vm: ManagedObject) -> None:
    raise VCenterUnreachable("Cannot reach vCenter", why="the connection broke", next_step="Wait.")


def test_a_guest_that_an_earlier_attempt_asked_is_not_asked_again_and_gets_no_longer_grace_period(
    vcenter: FakeVCenter,
) -> None:
    vcenter.guest_obeys = False
    order, asked = an_order(vcenter, StopMethod.SOFT_THEN_HARD, grace_seconds=100), ShutdownRequests()

    def check_in() -> None:
        if vcenter.clock.seconds >= 60:
            raise InterruptedError("left to the next worker")

    with pytest.raises(InterruptedError):
        Attempt(vcenter, order, check_in=check_in, asked=asked).run()
    outcomes = Attempt(vcenter, order, asked=ShutdownRequests(asked.as_wire())).run()
    assert {outcome.reason for outcome in outcomes.values()} == {VictimReason.ESCALATED}
    assert vcenter.said("shut_down_guest") == ["vm-1", "vm-2"]
    assert vcenter.clock.seconds < 110


def die_after_asking(vcenter: FakeVCenter, order: StopInput) -> None:
    """An attempt that asks vm-1, and dies before its next heartbeat."""

    def dies(_vm: ManagedObject) -> None:
        raise InterruptedError("the worker died")

    vcenter.guest_obeys = False
    vcenter.after.update(dict.fromkeys(("shut_down_guest", "power_off", "suspend"), dies))
    with pytest.raises(InterruptedError):
        Attempt(vcenter, order).run()
    vcenter.after.clear()


def test_a_guest_is_not_asked_again_when_the_heartbeat_details_are_lost(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.SOFT_THEN_HARD, grace_seconds=100)
    die_after_asking(vcenter, order)
    vcenter.clock.pass_by(60)
    outcomes = Attempt(vcenter, order, again=True).run()
    assert {outcome.reason for outcome in outcomes.values()} == {VictimReason.ESCALATED}
    assert vcenter.said("shut_down_guest") == ["vm-1", "vm-2"]
    # Powered off when the grace period that began with the first attempt was over.
    assert outcomes["vm-1"].requested == "2026-11-24T10:01:40Z"


@pytest.mark.parametrize("reason", [VictimReason.PAUSED, VictimReason.CANCELLED])
@pytest.mark.parametrize("method", [StopMethod.SOFT, StopMethod.SOFT_THEN_HARD])
def test_a_guest_that_was_asked_before_a_decision_is_followed_to_its_end(
    vcenter: FakeVCenter, method: StopMethod, reason: VictimReason
) -> None:
    order = an_order(vcenter, method, grace_seconds=100)
    die_after_asking(vcenter, order)
    vcenter.clock.pass_by(5)

    def shuts_down() -> None:
        if vcenter.clock.seconds > 40:
            vcenter.goes_off(vm(1))

    outcomes = Attempt(vcenter, order, ending=lambda: reason, check_in=shuts_down, again=True).run()
    asked, other = outcomes["vm-1"], outcomes["vm-2"]
    assert (asked.outcome, asked.reason, asked.forced) == (VictimStatus.STOPPED, VictimReason.NONE, False)
    assert asked.requested == "2026-11-24T10:00:00Z"
    assert (other.outcome, other.reason, other.marked) == (VictimStatus.SPARED, reason, "")
    assert vcenter.said("power_off") == []


def test_a_guest_that_was_asked_and_is_still_on_is_not_recorded_as_spared(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.SOFT_THEN_HARD, grace_seconds=100)
    die_after_asking(vcenter, order)
    outcome = Attempt(vcenter, order, ending=lambda: VictimReason.PAUSED, again=True).run()["vm-1"]
    assert (outcome.outcome, outcome.reason) == (VictimStatus.FAILED, VictimReason.PAUSED)
    assert outcome.requested == "2026-11-24T10:00:00Z"
    assert vcenter.said("power_off") == []
    assert 100 <= vcenter.clock.seconds < 105


@pytest.mark.parametrize(("method", "forced"), [(StopMethod.HARD, True), (StopMethod.SUSPEND, False)])
def test_a_power_off_that_is_still_in_progress_is_followed_after_a_pause(
    vcenter: FakeVCenter, method: StopMethod, forced: bool
) -> None:
    order = an_order(vcenter, method)
    vcenter.machines[vm(1)] = replace(vcenter.machines[vm(1)], mark=Marks(order).pending(vm(1)))
    vcenter.ask(vm(1), US, method)

    def stops() -> None:
        if vcenter.clock.seconds > 20:
            vcenter.goes_off(vm(1), wanted_state(method))

    outcome = Attempt(vcenter, order, ending=lambda: VictimReason.PAUSED, check_in=stops, again=True).run()["vm-1"]
    assert (outcome.outcome, outcome.forced) == (VictimStatus.STOPPED, forced)
    assert vcenter.said("power_off") == vcenter.said("suspend") == []


def test_a_call_by_another_user_is_not_ours_to_follow(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.SOFT)
    vcenter.machines[vm(1)] = replace(vcenter.machines[vm(1)], mark=Marks(order).pending(vm(1)))
    vcenter.ask(vm(1), SOMEBODY, StopMethod.SOFT)
    outcome = Attempt(vcenter, order, ending=lambda: VictimReason.PAUSED, again=True).run()["vm-1"]
    assert (outcome.outcome, outcome.requested) == (VictimStatus.SPARED, "")


def test_what_an_earlier_run_asked_in_vain_is_asked_again(vcenter: FakeVCenter) -> None:
    """Its grace period is over; taken for a request of this run, it would let the VM be powered off at once."""
    vcenter.ask(vm(1), US, StopMethod.SOFT)
    vcenter.clock.pass_by(300)
    order = replace(an_order(vcenter, StopMethod.SOFT), marked="2026-11-24T10:05:00Z")
    vcenter.machines[vm(1)] = replace(vcenter.machines[vm(1)], mark=Marks(order).pending(vm(1)))
    Attempt(vcenter, order, again=True).run()
    assert "vm-1" in vcenter.said("shut_down_guest")


def test_a_mark_keeps_its_history_in_a_later_attempt(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.SOFT)
    earlier = json.dumps({"phase": "preempted", "runID": "before", "time": "2026-11-24T05:00:00Z"})
    vcenter.machines[vm(1)] = replace(vcenter.machines[vm(1)], mark=earlier)
    die_after_asking(vcenter, order)
    marks = Marks(order)
    recall(vcenter, order, marks, ShutdownRequests(), vcenter.clock.now())
    assert json.loads(marks.pending(vm(1)))["history"] == ["2026-11-24T05:00:00Z"]


@pytest.mark.parametrize("call", ["mark", "shut_down_guest"])
def test_a_worker_that_shuts_down_does_not_go_on_trying(vcenter: FakeVCenter, call: str) -> None:
    vcenter.before[call] = unreachable

    def check_in() -> None:
        if vcenter.said(call):
            raise InterruptedError("left to the next worker")

    with pytest.raises(InterruptedError):
        Attempt(vcenter, an_order(vcenter, StopMethod.SOFT), check_in=check_in).run()
    assert len(vcenter.said(call)) == 1
