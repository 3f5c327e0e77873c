# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How modules show a plan: as a result for playbooks, and as a difference for people."""

from __future__ import annotations

from typing import Any

import pytest

from ._collection import imported

planning = imported("plugins.module_utils._modules.plan")
shown = imported("plugins.module_utils.vsphere_preemption.core.planning.decision")
diffs = imported("plugins.module_utils._modules.plan")
core_plan = imported("plugins.module_utils.vsphere_preemption.core.planning.plan")
core_policy = imported("plugins.module_utils.vsphere_preemption.core.policy.model")
decisions = imported("plugins.module_utils.vsphere_preemption.core.planning.decision")
requests = imported("plugins.module_utils.vsphere_preemption.core.requests.request")
reasons = imported("plugins.module_utils.vsphere_preemption.core.reasons")
inventory = imported("plugins.module_utils.vsphere_preemption.core.inventory")


def vm(number: int) -> Any:
    return inventory.ManagedObject("VirtualMachine", f"vm-{number}")


def a_plan(*, victims: int = 2, left_out: int = 1, **given: Any) -> Any:
    return core_plan.Plan(
        victims=[core_plan.Victim(vm(n), f"web-{n}", 1024, 500, "prio/low") for n in range(victims)],
        left_out=[core_plan.LeftOutVm(vm(100 + n), f"db-{n}", reasons.LeftOut.OVER_CAP) for n in range(left_out)],
        left_out_count={"over_cap": left_out} if left_out else {},
        **given,
    )


def a_result(plan: Any, *, policy: Any = None, criticality: str = "HIGH", **given: Any) -> dict[str, Any]:
    """What `preemption_plan` would show."""
    request = requests.read_request({"tag": "t", "criticality": criticality})
    decision = decisions.Decision(policy or core_policy.Policy(), plan=plan, **given)
    result: dict[str, Any] = shown.decision_as_result(decision, request, core_policy.PolicySet())
    return result


def test_a_plan_is_shown_with_plain_references_ranks_and_nothing_left_away() -> None:
    plan = a_plan(victims=1, freed_memory_mib=1024, freed_cpu_mhz=500, target=core_plan.Needed(2048, None))
    victim = {"rank": 1, "vm": "vm-0", "name": "web-0", "priority": "prio/low", "memory_mib": 1024, "cpu_mhz": 500}
    assert shown.plan_as_result(plan) == {
        "victims": [victim],
        "left_out": [{"vm": "vm-100", "name": "db-0", "reason": "over_cap"}],
        "left_out_count": {"over_cap": 1},
        "freed": {"memory_mib": 1024, "cpu_mhz": 500},
        "target": {"memory_mib": 2048, "cpu_mhz": None},
        "shortfall": False,
    }
    assert shown.plan_as_result(core_plan.Plan())["target"] is None


def test_the_difference_has_a_line_for_each_victim_and_the_reasons_of_the_others() -> None:
    diff = diffs.plan_diff(a_result(a_plan()))
    assert diff["before"] == "1. web-0 (vm-0): on\n2. web-1 (vm-1): on\n"
    assert diff["after"] == (
        "1. web-0 (vm-0): off (hard), frees 1024 MiB and 500 MHz, prio/low\n"
        "2. web-1 (vm-1): off (hard), frees 1024 MiB and 500 MHz, prio/low\n"
        "left out: over_cap 1\n"
        "  over_cap  db-0 (vm-100)\n"
    )


def test_a_name_cannot_forge_a_line_and_a_long_list_is_cut() -> None:
    plan = a_plan(victims=1, left_out=250)
    plan.victims[0] = core_plan.Victim(vm(0), "web\n2. db (vm-9): on\x1b[31m")
    lines = diffs.plan_diff(a_result(plan))["after"].splitlines()
    assert lines[0].startswith("1. web\\n2. db (vm-9): on\\x1b[31m (vm-0): off")
    assert (len(lines), lines[-1]) == (1 + 1 + diffs.LEFT_OUT_SHOWN + 1, "  and 150 more")


def test_whoever_suspends_says_so() -> None:
    suspend = core_policy.Action(core_policy.StopMethod.SUSPEND)
    result = a_result(a_plan(), policy=core_policy.Policy(actions=core_policy.Actions(high=suspend)))
    assert "1. web-0 (vm-0): suspended, frees" in diffs.plan_diff(result)["after"]


@pytest.mark.parametrize(
    ("given", "stops"),
    [
        ({"plan": a_plan()}, True),
        ({"plan": a_plan(victims=0)}, False),
        ({"plan": a_plan(), "policy": core_policy.Policy(mode=core_policy.Mode.DRY_RUN)}, False),
        ({"plan": a_plan(), "policy": core_policy.Policy(mode=core_policy.Mode.APPROVE)}, True),
        ({"plan": core_plan.Plan(), "refusal": reasons.RunReason.OUTSIDE_WINDOWS, "message": "not now"}, False),
        ({"plan": a_plan(shortfall=True)}, True),
        (
            {
                "plan": a_plan(victims=0, shortfall=True),
                "policy": core_policy.Policy(amount=core_policy.Amount(on_shortfall=core_policy.OnShortfall.ABORT)),
            },
            False,
        ),
    ],
)
def test_only_a_plan_that_would_be_carried_out_stops_a_vm(given: dict[str, Any], stops: bool) -> None:
    assert planning.would_stop(a_result(**given)) is stops


def test_a_target_out_of_reach_refuses_where_the_policy_says_so() -> None:
    amount = core_policy.Amount(on_shortfall=core_policy.OnShortfall.ABORT)
    refused = a_result(a_plan(victims=0, shortfall=True), policy=core_policy.Policy(amount=amount))
    assert (refused["refused"], refused["reason"]) == (True, "target_out_of_reach")
    best_effort = a_result(a_plan(shortfall=True))
    assert (best_effort["refused"], best_effort["reason"], best_effort["shortfall"]) == (False, "", True)


def test_a_mark_of_another_run_counts_for_as_long_as_in_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = []

    def decide(request: object, policies: object, vcenter: object, moment: Any) -> Any:
        moments.append(moment)
        return decisions.Decision(core_policy.Policy())

    monkeypatch.setattr(planning, "decide", decide)
    monkeypatch.setattr(planning, "with_vcenter", lambda params, look: look(None))
    request = requests.read_request({"tag": "t", "criticality": "HIGH"})
    policy = {"version": 1, "policies": [{"name": "p", "actions": {"LOW": {"method": "soft", "grace": "10m"}}}]}
    planning.planned({"policy": policy, "policy_path": None}, request)
    assert moments[0].lease_seconds == 660.0
