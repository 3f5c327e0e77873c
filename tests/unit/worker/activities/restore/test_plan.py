# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a restore of one preemption: marks and Temporal say whether there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from vsphere_preemption.core.errors import TemporalUnreachable, WorkflowNotFound
from vsphere_preemption.core.policy.model import Policy, PolicySet, Restore
from vsphere_preemption_worker.activities.restore.activities import PlanRestore
from vsphere_preemption_worker.messages.restore import RestoreInput, RestorePlanInput, RestorePlanResult

from ...fake_restore import RestoringVCenter, a_mark
from ...fake_vcenter import FakeClock, vm

POLICIES = PolicySet(policies={"only": Policy(name="only", restore=Restore(automatic=True))}, default="only")


def planned(is_known: Callable[[str, str], bool], *, phase: str = "preempted", **given: Any) -> RestorePlanResult:
    """The plan for two VMs that the run `r1` has stopped; `is_known` is what Temporal answers."""
    clock = FakeClock()
    vcenter = RestoringVCenter(clock, 1, 2)
    vcenter.machines = {ref: replace(machine, mark=a_mark(phase=phase)) for ref, machine in vcenter.machines.items()}
    planning = PlanRestore(vcenter, lambda: POLICIES, lambda: "", is_known, clock.now)
    order = RestorePlanInput(RestoreInput("wf", "preemptible", force=True, **given))
    result: RestorePlanResult = ActivityEnvironment().run(planning.plan, order)
    return result


def never_asked(preemption_id: str, workflow_id: str) -> bool:
    raise AssertionError(f"Temporal was asked for {preemption_id}")


def unknown(preemption_id: str, workflow_id: str) -> bool:
    assert workflow_id == "wf"
    return False


@pytest.mark.parametrize("given", [{}, {"run_id": "r1"}])
def test_marks_alone_are_enough(given: dict[str, Any]) -> None:
    result = planned(never_asked, **given)
    assert [back.vm for back in result.returns] == [vm(2), vm(1)]
    assert not result.refusal


def test_a_mark_names_its_run_whatever_became_of_the_vm() -> None:
    result = planned(never_asked, phase="restored", run_id="r1")
    assert (result.returns, result.refusal) == ([], "")


def test_a_run_that_stopped_nothing_is_known_to_temporal() -> None:
    result = planned(lambda preemption_id, workflow_id: (preemption_id, workflow_id) == ("r2", "wf"), run_id="r2")
    assert (result.returns, result.refusal) == ([], "")
    assert result.kept["byReason"] == {"another_run": 2}


def test_what_neither_has_is_refused_with_the_reason() -> None:
    result = planned(unknown, run_id="r2")
    assert (result.refusal, result.returns) == ("preemption_not_found", [])
    assert result.message == (
        "r2 matches no workflow execution, and no VM with the tag preemptible has a mark that names it."
    )

    def another(preemption_id: str, workflow_id: str) -> bool:
        raise WorkflowNotFound("Cannot find", why=f"{preemption_id} is something else", next_step="Use another.")

    assert planned(another, run_id="r2").message == "r2 is something else."


def test_an_automatic_restore_belongs_to_its_run_and_is_not_asked_about() -> None:
    assert not planned(never_asked, run_id="r2", wait_for_green=True).refusal


def test_while_temporal_is_away_nothing_is_concluded() -> None:
    def away(preemption_id: str, workflow_id: str) -> bool:
        raise TemporalUnreachable("Cannot look", why="it is away", next_step="Wait.")

    with pytest.raises(ApplicationError, match="it is away") as raised:
        planned(away, run_id="r2")
    assert not raised.value.non_retryable
