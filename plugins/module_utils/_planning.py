# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for a request, made here from vCenter and a policy, as modules show it. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ._plan_result import plan_as_result
from ._request import policies_of
from ._vcenter import with_vcenter
from .vsphere_preemption.core.decision import Decision, Moment, decide
from .vsphere_preemption.core.policy.model import Mode, OnShortfall, PolicySet
from .vsphere_preemption.core.reasons import RunReason
from .vsphere_preemption.core.request import PreemptionRequest


def planned(params: Mapping[str, Any], request: PreemptionRequest) -> dict[str, Any]:
    """What would happen now, as a worker would decide it. Nothing is changed, and Temporal is not asked.

    params: with the options of `policy_options` and `vcenter_options`. InvalidPolicy, InvalidSetting, VCenterError.
    """
    policies = policies_of(params)
    moment = Moment(datetime.now(UTC), lease_seconds=policies.lease_seconds, explain=True)
    return as_result(
        with_vcenter(params, lambda vcenter: decide(request, policies, vcenter, moment)), request, policies
    )


def as_result(decision: Decision, request: PreemptionRequest, policies: PolicySet) -> dict[str, Any]:
    """The decision as modules show it."""
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


def would_stop(plan: Mapping[str, Any]) -> bool:
    """Whether a run with this plan would stop a VM, if somebody agrees where somebody has to."""
    return bool(plan["victims"]) and not plan["refused"] and plan["policy"]["mode"] != Mode.DRY_RUN.value


def _refusal(decision: Decision) -> tuple[RunReason, str]:
    """Why nothing may be done, whoever agrees to it."""
    aborts = decision.policy.amount.on_shortfall is OnShortfall.ABORT
    if decision.plan.shortfall and aborts and not decision.is_refused:
        return RunReason.SHORTFALL, "The eligible VMs free less than the target asks for."
    return decision.refusal, decision.message
