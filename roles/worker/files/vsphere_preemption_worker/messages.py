# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What workflows and activities say to one another: one value in, one value out.

Fields may be added with a default; none may be renamed, because histories of running workflows hold them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.mark import RunIdentity
from vsphere_preemption.core.outcome import VictimOutcome
from vsphere_preemption.core.plan import Plan, Victim
from vsphere_preemption.core.request import PreemptionRequest

PLAN = "PlanVictims"
STOP = "StopVictims"
SETTLE = "SettleMarks"
ANNOUNCE = "AnnouncePreemption"


@dataclass(frozen=True)
class RunInput:
    """Of the child workflow that carries one accepted request out. received: wire text."""

    workflow_id: str
    workflow_started: str
    received: str
    request: PreemptionRequest


@dataclass(frozen=True)
class PlanResult:
    """The plan, and the operator's settings that the rest of the run works by."""

    plan: Plan
    grace_seconds: float
    window_seconds: float


@dataclass(frozen=True)
class StopInput:
    """marked: the time that the pending marks carry (wire text)."""

    run: RunIdentity
    victims: list[Victim]
    method: StopMethod
    grace_seconds: float
    marked: str


@dataclass(frozen=True)
class StopResult:
    """One outcome for each victim, in the order of the plan."""

    outcomes: list[VictimOutcome] = field(default_factory=list)


@dataclass(frozen=True)
class SettleInput:
    """outcomes: what is known; a victim without one is looked up in vCenter. settled: wire text for the marks."""

    stop: StopInput
    outcomes: list[VictimOutcome]
    settled: str


@dataclass(frozen=True)
class AnnounceInput:
    """outcomes: of the victims that were stopped. time: of the event (wire text)."""

    run: RunIdentity
    outcomes: list[VictimOutcome]
    time: str
