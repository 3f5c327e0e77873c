# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settling: in the end every mark of a run says what became of its VM, also when the stopping broke off."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.errors import VCenterFault
from vsphere_preemption.core.inventory import ManagedObject, PowerState
from vsphere_preemption.core.reasons import VictimReason
from vsphere_preemption.core.records.outcome import VictimOutcome, VictimStatus
from vsphere_preemption_worker.activities.settle import SettleMarks
from vsphere_preemption_worker.activities.stop.marks import Marks
from vsphere_preemption_worker.messages.run import SettleInput, StopInput, on_the_wire

from ..fake_vcenter import SOMEBODY, US, Attempt, FakeClock, FakeVCenter, an_order, vm

SETTLED = "2026-11-24T10:05:00Z"


@pytest.fixture
def vcenter() -> FakeVCenter:
    return FakeVCenter(FakeClock(), 1, 2)


def settle(vcenter: FakeVCenter, order: StopInput, known: list[VictimOutcome]) -> dict[str, VictimOutcome]:
    settling = SettleMarks(vcenter, vcenter.clock.now)
    result = ActivityEnvironment().run(settling.settle, SettleInput(order, on_the_wire(known), SETTLED))
    return {outcome.vm.value: outcome for outcome in result.outcomes}


def marks(vcenter: FakeVCenter) -> dict[str, tuple[str, bool]]:
    """Phase and `preempted` of each mark."""
    texts = {ref.value: machine.mark for ref, machine in vcenter.machines.items() if machine.mark}
    read = {name: json.loads(text) for name, text in texts.items()}
    return {name: (mark["phase"], mark["preempted"]) for name, mark in read.items()}


def mark_pending(vcenter: FakeVCenter, order: StopInput, ref: ManagedObject) -> None:
    vcenter.machines[ref] = replace(vcenter.machines[ref], mark=Marks(order).pending(ref))


def test_known_outcomes_are_written_into_the_marks(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.HARD)
    settle(vcenter, order, list(Attempt(vcenter, order).run().values()))
    assert marks(vcenter) == {"vm-1": ("preempted", True), "vm-2": ("preempted", True)}


def test_settling_twice_writes_nothing_the_second_time(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.HARD)
    known = list(Attempt(vcenter, order).run().values())
    settle(vcenter, order, known)
    written = len(vcenter.calls)
    settle(vcenter, order, known)
    assert len(vcenter.calls) == written


@pytest.mark.parametrize(
    ("stopped_by", "end", "reason", "phase"),
    [
        pytest.param(US, VictimStatus.STOPPED, VictimReason.NONE, ("preempted", True), id="by us"),
        pytest.param(SOMEBODY, VictimStatus.SPARED, VictimReason.ALREADY_OFF, ("failed", False), id="by somebody else"),
        pytest.param(None, VictimStatus.FAILED, VictimReason.OUTCOME_UNKNOWN, ("failed", False), id="by nobody"),
    ],
)
def test_a_victim_of_which_nothing_is_known_is_looked_up(
    vcenter: FakeVCenter,
    stopped_by: str | None,
    end: VictimStatus,
    reason: VictimReason,
    phase: tuple[str, bool],
) -> None:
    order = an_order(vcenter, StopMethod.HARD)
    mark_pending(vcenter, order, vm(1))
    if stopped_by:
        vcenter.switch_off(vm(1), stopped_by)
    outcomes = settle(vcenter, order, [])
    assert (outcomes["vm-1"].outcome, outcomes["vm-1"].reason) == (end, reason)
    assert marks(vcenter) == {"vm-1": phase}


def test_a_mark_that_says_preempted_already_is_believed_without_the_event_log(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.HARD)
    settle(vcenter, order, list(Attempt(vcenter, order).run().values()))
    vcenter.stopped_by.clear()
    outcomes = settle(vcenter, order, [])
    assert {outcome.outcome for outcome in outcomes.values()} == {VictimStatus.STOPPED}
    assert marks(vcenter) == {"vm-1": ("preempted", True), "vm-2": ("preempted", True)}


def test_a_victim_that_was_never_reached_gets_no_mark(vcenter: FakeVCenter) -> None:
    outcomes = settle(vcenter, an_order(vcenter, StopMethod.HARD), [])
    assert {outcome.reason for outcome in outcomes.values()} == {VictimReason.OUTCOME_UNKNOWN}
    assert marks(vcenter) == {}


def test_the_mark_of_a_later_run_is_left_alone(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.HARD)
    known = list(Attempt(vcenter, order).run().values())
    later = Marks(an_order(vcenter, StopMethod.HARD, run_id="later")).pending(vm(1))
    vcenter.machines[vm(1)] = replace(vcenter.machines[vm(1)], mark=later)
    settle(vcenter, order, known)
    assert vcenter.machines[vm(1)].mark == later


def test_a_deleted_vm_is_not_touched(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.HARD)
    known = list(Attempt(vcenter, order).run().values())
    del vcenter.machines[vm(1)]
    written = vcenter.said("mark").count("vm-1")
    settle(vcenter, order, known)
    assert vcenter.said("mark").count("vm-1") == written


def test_a_mark_that_cannot_be_settled_now_makes_temporal_try_again(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.HARD)
    known = list(Attempt(vcenter, order).run().values())

    def refuse(ref: ManagedObject) -> None:
        if ref == vm(1):
            raise VCenterFault("No", why="busy", next_step="Wait.")

    vcenter.before["mark"] = refuse
    with pytest.raises(ApplicationError) as failure:
        settle(vcenter, order, known)
    assert not failure.value.non_retryable
    assert marks(vcenter)["vm-2"] == ("preempted", True)
    assert vcenter.machines[vm(1)].power_state is PowerState.OFF


def ask_the_guest(vcenter: FakeVCenter, order: StopInput, *, off_after: float | None) -> None:
    """A worker that asked vm-1 and died; its guest goes off after so many seconds."""
    mark_pending(vcenter, order, vm(1))
    vcenter.ask(vm(1), US, StopMethod.SOFT)
    vcenter.clock.pass_by(1)
    goes_off = vcenter.clock.pass_by

    def pass_by(seconds: float) -> None:
        goes_off(seconds)
        if off_after is not None and vcenter.clock.seconds >= off_after:
            vcenter.goes_off(vm(1))

    vcenter.clock.pass_by = pass_by  # type: ignore[method-assign]


@pytest.mark.parametrize("method", [StopMethod.SOFT, StopMethod.SOFT_THEN_HARD])
def test_a_guest_that_was_asked_is_followed_until_it_is_off(vcenter: FakeVCenter, method: StopMethod) -> None:
    order = an_order(vcenter, method, grace_seconds=60)
    ask_the_guest(vcenter, order, off_after=30)
    outcome = settle(vcenter, order, [])["vm-1"]
    assert (outcome.outcome, outcome.reason, outcome.forced) == (VictimStatus.STOPPED, VictimReason.NONE, False)
    assert (outcome.requested, outcome.stopped) == ("2026-11-24T10:00:00Z", "2026-11-24T10:00:30Z")
    assert marks(vcenter) == {"vm-1": ("preempted", True)}
    assert settle(vcenter, order, [])["vm-1"].stopped == outcome.stopped


def test_a_guest_that_was_asked_and_stays_on_is_on_record_and_not_powered_off(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.SOFT_THEN_HARD, grace_seconds=60)
    ask_the_guest(vcenter, order, off_after=None)
    outcome = settle(vcenter, order, [])["vm-1"]
    assert (outcome.outcome, outcome.reason) == (VictimStatus.FAILED, VictimReason.GUEST_IGNORED)
    assert outcome.requested == "2026-11-24T10:00:00Z"
    assert marks(vcenter) == {"vm-1": ("failed", False)}
    assert (vcenter.said("power_off"), vcenter.clock.seconds) == ([], 60)


def test_a_power_off_that_was_escalated_is_recorded_as_one(vcenter: FakeVCenter) -> None:
    order = an_order(vcenter, StopMethod.SOFT_THEN_HARD)
    mark_pending(vcenter, order, vm(1))
    vcenter.switch_off(vm(1), US)
    assert settle(vcenter, order, [])["vm-1"].forced


def test_a_guest_that_an_earlier_run_asked_in_vain_is_not_waited_for(vcenter: FakeVCenter) -> None:
    vcenter.ask(vm(1), US, StopMethod.SOFT)
    vcenter.clock.pass_by(300)
    order = replace(an_order(vcenter, StopMethod.SOFT, grace_seconds=60), marked="2026-11-24T10:05:00Z")
    mark_pending(vcenter, order, vm(1))
    vcenter.clock.pass_by(2)
    assert settle(vcenter, order, [])["vm-1"].reason is VictimReason.OUTCOME_UNKNOWN
    assert vcenter.clock.seconds == 302
