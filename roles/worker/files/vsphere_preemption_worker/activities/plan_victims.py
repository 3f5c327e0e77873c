# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Select the victims: check the kill switch, then run the core's planning."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from temporalio import activity

from vsphere_preemption.core.planning.decision import Decision, DecisionContext, InventoryReader, decide
from vsphere_preemption.core.planning.plan import Plan
from vsphere_preemption.core.policy.model import PolicySet
from vsphere_preemption.core.reasons import RunReason

from ..messages.run import PLAN, PlanInput, PlanResult
from .support.heartbeat import with_heartbeat
from .support.kill_switch import PauseQuery

# A run's outcomes must fit into one Temporal payload (2 MB); the next request stops the remaining VMs.
MOST_VICTIMS = 2000

# With the reasons of up to this many VMs, a plan stays far below Temporal's payload limit of 2 MB.
LEFT_OUT_NAMED = 2000


class PlanVictims:
    """The activity that plans."""

    def __init__(
        self,
        vcenter: InventoryReader,
        policies: Callable[[], PolicySet],
        paused: PauseQuery,
        now: Callable[[], datetime],
    ) -> None:
        self._vcenter = vcenter
        self._policies = policies
        self._paused = paused
        self._now = now

    @activity.defn(name=PLAN, no_thread_cancel_exception=True)
    def plan(self, input: PlanInput) -> PlanResult:
        began, policies = time.monotonic(), self._policies()
        lease = policies.lease_seconds
        with with_heartbeat():
            paused = self._paused()
            if paused:
                return PlanResult(Plan().as_wire(), refusal=RunReason.PAUSED.value, message=paused)
            context = DecisionContext(self._now(), input.run.run_id, lease, MOST_VICTIMS, frozenset(input.only))
            decision = decide(input.run.request, policies, self._vcenter, context)
        return _result(decision, policies.digest, lease, time.monotonic() - began)


def _result(decision: Decision, digest: str, lease: float, took: float) -> PlanResult:
    return PlanResult(
        wire_plan=decision.plan.shortened(LEFT_OUT_NAMED),
        wire_policy=asdict(decision.policy),
        policy_digest=digest,
        wire_scope=decision.scope.as_wire(),
        alarm=decision.alarm,
        refusal=decision.refusal.value,
        message=decision.message,
        lease_seconds=lease,
        took_seconds=took,
    )
