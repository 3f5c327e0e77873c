# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as modules and the command line show it.

On the wire a plan is written for workflows; here it is written for playbooks: keys in snake case, MoRefs as plain text
that the option `vms` takes, and no part left out.
"""

from __future__ import annotations

from typing import Any

from .decision import Decision
from .plan import Plan
from .policy.model import OnShortfall, PolicySet
from .reasons import RunReason
from .request import PreemptionRequest


def plan_as_result(plan: Plan) -> dict[str, Any]:
    """Victims in their order, those left out and why, what is freed, and what was to be freed."""
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
            {"vm": spared.vm.value, "name": spared.name, "reason": spared.reason.value} for spared in plan.left_out
        ],
        "left_out_count": plan.left_out_count,
        "freed": {"memory_mib": plan.freed_memory_mib, "cpu_mhz": plan.freed_cpu_mhz},
        "target": plan.target and {"memory_mib": plan.target.memory_mib, "cpu_mhz": plan.target.cpu_mhz},
        "shortfall": plan.shortfall,
    }


def decision_as_result(decision: Decision, request: PreemptionRequest, policies: PolicySet) -> dict[str, Any]:
    """The decision as people and playbooks see it."""
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
    """Why nothing may be done, whoever agrees to it."""
    aborts = decision.policy.amount.on_shortfall is OnShortfall.ABORT
    if decision.plan.shortfall and aborts and not decision.is_refused:
        return RunReason.SHORTFALL, "The eligible VMs free less than the target asks for."
    return decision.refusal, decision.message
