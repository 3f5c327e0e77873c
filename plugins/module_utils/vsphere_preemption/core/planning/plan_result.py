# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan in the format of the modules and the command line.

The wire format of a plan is for workflows; this format is for playbooks: keys in snake case, MoRefs as plain text for
the option `vms`, and all parts always present.
"""

from __future__ import annotations

from typing import Any

from ..policy.model import OnShortfall, PolicySet
from ..reasons import RunReason
from ..requests.request import PreemptionRequest
from .decision import Decision
from .plan import Plan


def plan_as_result(plan: Plan) -> dict[str, Any]:
    """The victims in order, the objects left out and why, the freed capacity, and the target."""
    return {
        "victims": [
            {
                "rank": rank,
                "vm": victim.vm.value,
                "name": victim.name,
                "priority": victim.priority,
                "memory_mib": victim.memory_mib,
                "cpu_mhz": victim.cpu_mhz,
            }
            for rank, victim in enumerate(plan.victims, 1)
        ],
        "left_out": [
            {"vm": entry.vm.value, "name": entry.name, "reason": entry.reason.value} for entry in plan.left_out
        ],
        "left_out_count": plan.left_out_count,
        "freed": {"memory_mib": plan.freed_memory_mib, "cpu_mhz": plan.freed_cpu_mhz},
        "target": plan.target and {"memory_mib": plan.target.memory_mib, "cpu_mhz": plan.target.cpu_mhz},
        "shortfall": plan.shortfall,
    }


def decision_as_result(decision: Decision, request: PreemptionRequest, policies: PolicySet) -> dict[str, Any]:
    """The decision as a result for users and playbooks."""
    policy, action = decision.policy, decision.action_for(request)
    reason, message = _refusal(decision)
    return {
        "policy": {"name": policy.name, "digest": policies.digest, "mode": policy.mode.value},
        "refused": reason is not RunReason.NONE,
        "reason": reason.value,
        "message": message,
        **plan_as_result(decision.plan),
        "method": action.method.value,
        "grace_seconds": action.grace_seconds,
    }


def _refusal(decision: Decision) -> tuple[RunReason, str]:
    """Why the request is rejected, regardless of any approval."""
    aborts = decision.policy.amount.on_shortfall is OnShortfall.ABORT
    if decision.plan.shortfall and aborts and not decision.is_refused:
        return RunReason.SHORTFALL, "The eligible VMs free less than the target."
    return decision.refusal, decision.message
