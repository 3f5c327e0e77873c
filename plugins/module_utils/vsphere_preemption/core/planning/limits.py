# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bounds a plan: the caps of the operator, the policy, and what the request asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ..inventory import Scope, Usage
from ..policy.model import Policy, Target


@dataclass(frozen=True)
class PlanLimits:
    """What bounds a plan.

    max_vms: at most so many victims.
    run_id: of the run that plans; its own pending marks are no claim of somebody else.
    now: when the inventory was read.
    lease_seconds: so long a pending mark of another run keeps its VM from us.
    policy: whom it protects, in which order the others go, and how far.
    scope: where VMs may be stopped. target: how much shall be freed, after the request has narrowed the policy.
    usage: of the hosts in scope; without it, the parts of the target that are percentages do not matter.
    only: names or MoRefs of the VMs that the request is about; empty for all.
    """

    max_vms: int
    run_id: str
    now: datetime
    lease_seconds: float
    policy: Policy = field(default_factory=Policy)
    scope: Scope = field(default_factory=Scope)
    target: Target = field(default_factory=Target)
    usage: Usage | None = None
    only: frozenset[str] = frozenset()
