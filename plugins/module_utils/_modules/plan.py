# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for a request, from vCenter and a policy, in the format of the modules. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..vsphere_preemption.core.planning.decision import DecisionContext, decide
from ..vsphere_preemption.core.planning.plan_result import decision_as_result
from ..vsphere_preemption.core.policy.model import Mode
from ..vsphere_preemption.core.requests.request import PreemptionRequest
from .request import policies_of
from .vcenter import with_vcenter


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
