# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of a plan: the operator's limits, the policy, and the limits of the request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ..inventory import Scope, Usage
from ..policy.model import Policy, Target


@dataclass(frozen=True)
class PlanLimits:
    """The limits of a plan.

    max_vms: maximum number of victims.
    run_id: of the run that plans; its own pending marks are not claims of another run.
    now: when the inventory was read.
    lease_seconds: how long a pending mark of another run reserves its VM.
    policy: which VMs are protected, in which order the others are stopped, and how far.
    scope: where VMs may be stopped. target: how much to free, after the request has narrowed the policy.
    usage: of the hosts in scope; without it, percentages in the target are ignored.
    only: names or MoRefs of the VMs that the request is for; empty for all.
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
