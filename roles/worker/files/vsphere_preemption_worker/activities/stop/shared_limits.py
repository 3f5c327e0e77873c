# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits that several runs share: the hourly limit and the budgets of groups.

Runs that plan at the same time do not see each other. So before such a run stops any VM, it marks all its victims and
plans again: now it sees the marks of the others, and if there are too many, it spares its own victims. Marks are shared
by all workers, so this also works across workers; of two concurrent runs, at least the later one sees the other. Within
one worker, runs reserve one after the other, so that neither has to back off.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime

from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.planning.decision import DecisionContext, has_shared_limits, needs_labels, plan_limits
from vsphere_preemption.core.planning.plan import Plan, Victim, plan_victims
from vsphere_preemption.core.policy.model import OnShortfall, Policy, Target
from vsphere_preemption.core.policy.references import references_of
from vsphere_preemption.core.reasons import LeftOut, VictimReason
from vsphere_preemption.core.records.outcome import VictimOutcome, VictimStatus

from ...messages.run import StopInput
from ..support.vcenter import PowerClient
from .pipeline import Pipeline

_TOO_MANY = frozenset({LeftOut.HOUR_CAP, LeftOut.GROUP_BUDGET, LeftOut.OVER_CAP})


class SharedLimits:
    """Reserves victims within the shared limits. One object per worker."""

    def __init__(self, vcenter: PowerClient, now: Callable[[], datetime]) -> None:
        self._vcenter = vcenter
        self._now = now
        self._one_at_a_time = threading.Lock()

    def reserve(self, input: StopInput, pipeline: Pipeline, threads: Executor) -> list[VictimOutcome]:
        """Mark the victims that the shared limits allow; return the outcomes of those that must not be stopped."""
        if not has_shared_limits(input.policy):
            return []
        # Those may already be going down; their marks were written before they were asked.
        open_victims = [victim for victim in input.victims if not pipeline.was_asked(victim)]
        with self._one_at_a_time:
            refused = self._too_many(input, {})
            chosen = [victim for victim in open_victims if victim.vm not in refused]
            unmarked = [outcome for outcome in threads.map(pipeline.mark, chosen) if outcome]
            late = self._too_many(input, refused)
        ended = {outcome.vm: outcome for outcome in unmarked}
        for victim in open_victims:
            if victim.vm in refused or (victim.vm in late and victim.vm not in ended):
                marked = "" if victim.vm in refused else input.marked
                message = (refused | late)[victim.vm].value
                ended[victim.vm] = pipeline.outcome(
                    victim, VictimStatus.SPARED, VictimReason.OVER_BUDGET, message=message, marked=marked
                )
        return list(ended.values())

    def _too_many(self, input: StopInput, refused: dict[ManagedObject, LeftOut]) -> dict[ManagedObject, LeftOut]:
        """The victims that the limits do not allow, each with the limit that it exceeds."""
        left = [victim for victim in input.victims if victim.vm not in refused]
        groups = replace(references_of([input.policy]), tags=())
        if groups and self._vcenter.missing(groups):
            # The members of the policy's groups can no longer be determined.
            return {victim.vm: LeftOut.PROTECTION_LOST for victim in left}
        plan = self._plan_again(input, left)
        return {entry.vm: entry.reason for entry in plan.left_out if entry.reason in _TOO_MANY}

    def _plan_again(self, input: StopInput, victims: list[Victim]) -> Plan:
        policy, placed = _only_shared(input), bool(input.scope.areas)
        tagged = self._vcenter.tagged(input.run.request.tag, labels=needs_labels(policy), placed=placed, sized=False)
        only = frozenset(victim.vm.value for victim in victims)
        context = DecisionContext(self._now(), input.run.run_id, input.lease_seconds, len(victims), only)
        return plan_victims(tagged, plan_limits(policy, input.scope, context))


def _only_shared(input: StopInput) -> Policy:
    """The policy without a target: the victims are already selected, only their number is checked again."""
    amount = input.policy.amount
    # Marks of this run's earlier waves are not counted by the plan, so they are subtracted here.
    per_hour = None if amount.per_hour is None else max(0, amount.per_hour - input.first)
    plain = replace(amount, target=Target(), per_hour=per_hour, on_shortfall=OnShortfall.BEST_EFFORT)
    return replace(input.policy, amount=plain)
