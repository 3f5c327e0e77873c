# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for a request, made here from vCenter and a policy: as a result, and as a difference. Private to this
collection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ..vsphere_preemption.core.contract import StopMethod
from ..vsphere_preemption.core.names import printable
from ..vsphere_preemption.core.planning.decision import DecisionContext, decide, decision_as_result
from ..vsphere_preemption.core.policy.model import Mode
from ..vsphere_preemption.core.requests.request import PreemptionRequest
from .request import policies_of
from .vcenter import with_vcenter

# Who wants to see all of them finds them in the result.
LEFT_OUT_SHOWN = 100


def planned(params: Mapping[str, Any], request: PreemptionRequest) -> dict[str, Any]:
    """What a worker would decide now. Nothing is changed, and Temporal is not contacted.

    params: with the options of `policy_options` and `vcenter_options`. Raises InvalidPolicy, InvalidSetting,
    VCenterError.
    """
    policies = policies_of(params)
    context = DecisionContext(datetime.now(UTC), lease_seconds=policies.lease_seconds, explain=True)
    decision = with_vcenter(params, lambda vcenter: decide(request, policies, vcenter, context))
    return decision_as_result(decision, request, policies)


def would_stop(plan: Mapping[str, Any]) -> bool:
    """Whether a run with this plan would stop a VM, assuming approval if the policy requires it."""
    return bool(plan["victims"]) and not plan["refused"] and plan["policy"]["mode"] != Mode.DRY_RUN.value


def plan_diff(plan: Mapping[str, Any]) -> dict[str, str]:
    """The diff that Ansible shows, for a plan from `planned`."""
    before = [f"{_name(victim)}: on" for victim in plan["victims"]]
    return {
        "before_header": "VMs with the tag now",
        "after_header": f"VMs after a run under the policy {plan['policy']['name']}",
        "before": _text(before),
        "after": _text([*_after(plan), *_left_out(plan)]),
    }


def _after(plan: Mapping[str, Any]) -> Iterator[str]:
    if plan["refused"]:
        yield f"no VM is stopped ({plan['reason']}): {plan['message']}"
    suspended = plan["method"] == StopMethod.SUSPEND.value
    state = "suspended" if suspended else f"off ({plan['method']})"
    for victim in plan["victims"]:
        priority = f", {victim['priority']}" if victim["priority"] else ""
        frees = f"frees {victim['memory_mib']} MiB and {victim['cpu_mhz']} MHz"
        yield f"{_name(victim)}: {state}, {frees}{priority}"


def _left_out(plan: Mapping[str, Any]) -> Iterator[str]:
    if not plan["left_out"]:
        return
    counts = ", ".join(f"{reason} {count}" for reason, count in plan["left_out_count"].items())
    yield f"left out: {counts}"
    shown = plan["left_out"][:LEFT_OUT_SHOWN]
    width = max(len(entry["reason"]) for entry in shown)
    for entry in shown:
        yield f"  {entry['reason']:<{width}}  {entry['name']} ({entry['vm']})"
    if more := len(plan["left_out"]) - len(shown):
        yield f"  and {more} more"


def _name(victim: Mapping[str, Any]) -> str:
    return f"{victim['rank']}. {victim['name']} ({victim['vm']})"


def _text(lines: list[str]) -> str:
    return "".join(f"{printable(line)}\n" for line in lines)
