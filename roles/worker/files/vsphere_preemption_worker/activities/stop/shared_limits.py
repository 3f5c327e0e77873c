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
from vsphere_preemption.core.planning.decision import Moment, has_shared_limits, needs_labels, plan_limits
from vsphere_preemption.core.planning.plan import Plan, Victim, plan_victims
from vsphere_preemption.core.policy.model import OnShortfall, Policy, Target
from vsphere_preemption.core.policy.references import references_of
from vsphere_preemption.core.reasons import LeftOut, VictimReason
from vsphere_preemption.core.records.outcome import VictimEnd, VictimOutcome

from ...messages.run import StopInput
from ..support.vcenter import PowerClient
from .pipeline import Pipeline

_TOO_MANY = frozenset({LeftOut.HOUR_CAP, LeftOut.GROUP_BUDGET, LeftOut.OVER_CAP})


class Reservations:
    """Reserves victims within the shared limits. One object per worker."""

    def __init__(self, vcenter: PowerClient, now: Callable[[], datetime]) -> None:
        self._vcenter = vcenter
        self._now = now
        self._one_at_a_time = threading.Lock()

    def reserve(self, order: StopInput, pipeline: Pipeline, threads: Executor) -> list[VictimOutcome]:
        """Mark the victims that the shared limits allow; return the outcomes of those that must not be stopped."""
        if not has_shared_limits(order.policy):
            return []
        with self._one_at_a_time:
            refused = self._too_many(order, {})
            chosen = [victim for victim in order.victims if victim.vm not in refused]
            unmarked = [outcome for outcome in threads.map(pipeline.mark, chosen) if outcome]
            late = self._too_many(order, refused)
        ended = {outcome.vm: outcome for outcome in unmarked}
        for victim in order.victims:
            if victim.vm in refused or (victim.vm in late and victim.vm not in ended):
                marked = "" if victim.vm in refused else order.marked
                message = (refused | late)[victim.vm].value
                ended[victim.vm] = pipeline.outcome(
                    victim, VictimEnd.SPARED, VictimReason.OVER_BUDGET, message=message, marked=marked
                )
        return list(ended.values())

    def _too_many(self, order: StopInput, refused: dict[ManagedObject, LeftOut]) -> dict[ManagedObject, LeftOut]:
        """The victims that the limits do not allow, each with the limit that it exceeds."""
        left = [victim for victim in order.victims if victim.vm not in refused]
        groups = replace(references_of([order.policy]), tags=())
        if groups and self._vcenter.missing(groups):
            # The members of the policy's groups can no longer be determined.
            return {victim.vm: LeftOut.PROTECTION_LOST for victim in left}
        plan = self._plan_again(order, left)
        return {spared.vm: spared.reason for spared in plan.left_out if spared.reason in _TOO_MANY}

    def _plan_again(self, order: StopInput, victims: list[Victim]) -> Plan:
        policy, placed = _only_shared(order), bool(order.scope.areas)
        tagged = self._vcenter.tagged(order.run.request.tag, labels=needs_labels(policy), placed=placed, sized=False)
        only = frozenset(victim.vm.value for victim in victims)
        moment = Moment(self._now(), order.run.run_id, order.lease_seconds, len(victims), only)
        return plan_victims(tagged, plan_limits(policy, order.scope, moment))


def _only_shared(order: StopInput) -> Policy:
    """The policy without a target: the victims are already selected, only their number is checked again."""
    amount = order.policy.amount
    # Marks of this run's earlier waves are not counted by the plan, so they are subtracted here.
    per_hour = None if amount.per_hour is None else max(0, amount.per_hour - order.first)
    plain = replace(amount, target=Target(), per_hour=per_hour, on_shortfall=OnShortfall.BEST_EFFORT)
    return replace(order.policy, amount=plain)
