# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose the victims: read what carries the tag, and let the core's plan decide."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from temporalio import activity

from vsphere_preemption.core.inventory import TaggedObjects
from vsphere_preemption.core.mark import RunIdentity
from vsphere_preemption.core.plan import PlanLimits, plan_victims

from ..messages import PLAN, PlanResult
from .limits import MOST_VICTIMS, RunLimits
from .supervision import supervised

# With the reasons of so many named, a plan stays far below Temporal's 2 MB for one payload.
LEFT_OUT_NAMED = 2000


class Inventory(Protocol):
    """The part of the vCenter client that planning needs."""

    def tagged(self, tag: str) -> TaggedObjects: ...


class Planning:
    """The activity that plans."""

    def __init__(self, vcenter: Inventory, limits: RunLimits, now: Callable[[], datetime]) -> None:
        self._vcenter = vcenter
        self._limits = limits
        self._now = now

    @activity.defn(name=PLAN, no_thread_cancel_exception=True)
    def plan(self, run: RunIdentity) -> PlanResult:
        began = time.monotonic()
        with supervised():
            tagged = self._vcenter.tagged(run.request.tag)
        limits = PlanLimits(
            max_vms=min(self._limits.max_vms, MOST_VICTIMS),
            run_id=run.run_id,
            now=self._now(),
            lease_seconds=self._limits.claim_lease_seconds,
        )
        plan = plan_victims(tagged, limits).shortened(LEFT_OUT_NAMED)
        took = time.monotonic() - began
        return PlanResult(plan.as_wire(), self._limits.grace_seconds, self._limits.window_seconds, took)
