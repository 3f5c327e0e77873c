# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits that several runs share, with runs that do not know of one another."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import pytest

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.policy.model import Amount, GroupBudget, Policy, Protection
from vsphere_preemption.core.reasons import VictimReason
from vsphere_preemption.core.records.outcome import VictimOutcome, VictimStatus
from vsphere_preemption_worker.activities.stop.marks import Marks
from vsphere_preemption_worker.activities.stop.pipeline import Pipeline, StopContext
from vsphere_preemption_worker.activities.stop.shared_limits import SharedLimits
from vsphere_preemption_worker.activities.support.claims import Claims
from vsphere_preemption_worker.messages.run import StopInput

from ...fake_vcenter import FakeClock, FakeGate, FakeVCenter, an_order, vm

THREE_AN_HOUR = Policy(amount=Amount(per_hour=3))
KEEP_TWO = Policy(protection=Protection(groups=(GroupBudget(category="app", keep=2),)))


@pytest.fixture
def vcenter() -> FakeVCenter:
    return FakeVCenter(FakeClock(), 1, 2, 3, 4, 5)


def an_order_of(
    vcenter: FakeVCenter, policy: Policy, run_id: str = "run-1", victims: slice = slice(None), first: int = 0
) -> StopInput:
    order = an_order(vcenter, StopMethod.HARD, run_id=run_id)
    return replace(order, wire_policy=asdict(policy), wire_victims=order.wire_victims[victims], first=first)


def reserve(
    vcenter: FakeVCenter, order: StopInput, *, between: Callable[[], None] = lambda: None
) -> dict[str, VictimOutcome]:
    """What must not be stopped. between: happens after the first look and before the marks, in another worker."""
    clock = vcenter.clock
    context = StopContext(now=clock.now, gate=FakeGate(), clock=clock, pause=clock.pass_by)
    pipeline = Pipeline(vcenter, order, claims=Claims(), marks=Marks(order), context=context)
    looked = vcenter.tagged

    def look_once(tag: str, **wanted: bool) -> object:
        seen = looked(tag, **wanted)
        vcenter.tagged = looked  # type: ignore[method-assign]
        between()
        return seen

    vcenter.tagged = look_once  # type: ignore[assignment,method-assign]
    with ThreadPoolExecutor(1) as threads:
        ended = SharedLimits(vcenter, clock.now).reserve(order, pipeline, threads)
    return {outcome.vm.value: outcome for outcome in ended}


def marked(vcenter: FakeVCenter, run_id: str = "run-1") -> list[str]:
    machines = vcenter.machines.items()
    return [ref.value for ref, machine in machines if machine.mark and f'"runID":"{run_id}"' in machine.mark]


def test_without_a_shared_limit_nothing_is_asked_and_nothing_marked(vcenter: FakeVCenter) -> None:
    assert reserve(vcenter, an_order_of(vcenter, Policy())) == {}
    assert vcenter.calls == []


def test_no_more_are_marked_than_the_hour_bears(vcenter: FakeVCenter) -> None:
    refused = reserve(vcenter, an_order_of(vcenter, THREE_AN_HOUR))
    assert marked(vcenter) == ["vm-1", "vm-2", "vm-3"]
    assert {name: outcome.reason for name, outcome in refused.items()} == dict.fromkeys(
        ("vm-4", "vm-5"), VictimReason.OVER_BUDGET
    )


def test_what_another_run_has_marked_before_counts(vcenter: FakeVCenter) -> None:
    reserve(vcenter, an_order_of(vcenter, THREE_AN_HOUR, "other", slice(0, 2)))
    reserve(vcenter, an_order_of(vcenter, THREE_AN_HOUR, "run-1", slice(2, None)))
    assert marked(vcenter) == ["vm-3"]


def test_a_run_that_meets_another_one_in_the_act_gives_its_own_up(vcenter: FakeVCenter) -> None:
    """Another worker marks between our look and our marks: we have marked too many, and must not stop them."""

    def another_worker() -> None:
        for number in (4, 5):
            other = an_order_of(vcenter, THREE_AN_HOUR, "other")
            vcenter.write_mark(vm(number), Marks(other).pending(vm(number)))

    ours = an_order_of(vcenter, THREE_AN_HOUR, "run-1", slice(0, 3))
    refused = reserve(vcenter, ours, between=another_worker)
    assert len(marked(vcenter)) == 3
    assert [outcome.reason for outcome in refused.values()] == [VictimReason.OVER_BUDGET] * 2
    assert all(outcome.marked and outcome.outcome is VictimStatus.SPARED for outcome in refused.values())


def test_earlier_waves_of_the_same_run_count_as_well(vcenter: FakeVCenter) -> None:
    refused = reserve(vcenter, an_order_of(vcenter, THREE_AN_HOUR, victims=slice(2, None), first=2))
    assert len(refused) == 2


def test_a_second_attempt_refuses_nobody_whom_the_first_has_marked(vcenter: FakeVCenter) -> None:
    order = an_order_of(vcenter, THREE_AN_HOUR, victims=slice(0, 3))
    assert reserve(vcenter, order) == {}
    assert reserve(vcenter, order) == {}


def test_the_budget_of_a_group_holds_for_runs_that_do_not_know_of_one_another(vcenter: FakeVCenter) -> None:
    for ref, machine in list(vcenter.machines.items()):
        vcenter.machines[ref] = replace(machine, tags=frozenset({"app/web"}))
    reserve(vcenter, an_order_of(vcenter, KEEP_TWO, "other", slice(0, 2)))
    refused = reserve(vcenter, an_order_of(vcenter, KEEP_TWO, "run-1", slice(2, None)))
    assert (len(marked(vcenter, "other")), len(marked(vcenter))) == (2, 1)
    assert {outcome.message for outcome in refused.values()} == {"group_budget"}


@pytest.mark.parametrize("group", [GroupBudget(category="app", keep=1), GroupBudget(attribute="App", keep=1)])
def test_a_group_that_nobody_can_tell_any_more_stops_nobody(vcenter: FakeVCenter, group: GroupBudget) -> None:
    vcenter.lost = {group.name}
    refused = reserve(vcenter, an_order_of(vcenter, Policy(protection=Protection(groups=(group,)))))
    assert {outcome.message for outcome in refused.values()} == {"protection_not_found"}
    assert (len(refused), marked(vcenter)) == (5, [])


def test_a_victim_that_turned_out_to_be_gone_is_no_matter_of_budgets(vcenter: FakeVCenter) -> None:
    order = an_order_of(vcenter, THREE_AN_HOUR, victims=slice(0, 2))
    del vcenter.machines[ManagedObject("VirtualMachine", "vm-1")]
    assert {name: outcome.reason for name, outcome in reserve(vcenter, order).items()} == {
        "vm-1": VictimReason.TAG_REMOVED
    }
