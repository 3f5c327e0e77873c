# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What workflows and activities say to one another: one value in, one value out.

Fields may be added with a default; none may be renamed, because histories of running workflows hold them.

Lists of VMs travel as plain JSON, in the form of `as_wire`. The SDK could carry the values themselves, but it looks up
the types of each of them anew: for a thousand VMs that costs more time than all calls to vCenter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.mark import RunIdentity
from vsphere_preemption.core.outcome import VictimOutcome
from vsphere_preemption.core.plan import Plan, Victim
from vsphere_preemption.core.request import PreemptionRequest

PLAN = "PlanVictims"
STOP = "StopVictims"
SETTLE = "SettleMarks"
ANNOUNCE = "AnnouncePreemption"

Wire = list[Any]


@dataclass(frozen=True)
class RunInput:
    """Of the child workflow that carries one accepted request out. received: wire text."""

    workflow_id: str
    workflow_started: str
    received: str
    request: PreemptionRequest


@dataclass(frozen=True)
class PlanResult:
    """The plan, and the operator's settings that the rest of the run works by. took_seconds: of planning."""

    wire_plan: Any
    grace_seconds: float
    window_seconds: float
    took_seconds: float = 0.0

    @cached_property
    def plan(self) -> Plan:
        return Plan.from_wire(self.wire_plan)


@dataclass(frozen=True)
class StopInput:
    """marked: the time that the pending marks carry (wire text)."""

    run: RunIdentity
    wire_victims: Wire
    method: StopMethod
    grace_seconds: float
    marked: str

    @cached_property
    def victims(self) -> list[Victim]:
        return [Victim.from_wire(victim) for victim in self.wire_victims]


@dataclass(frozen=True)
class StopResult:
    """One outcome for each victim, in the order of the plan."""

    wire_outcomes: Wire

    @cached_property
    def outcomes(self) -> list[VictimOutcome]:
        return outcomes_of(self.wire_outcomes)


@dataclass(frozen=True)
class SettleInput:
    """wire_outcomes: what is known; a victim without one is looked up in vCenter. settled: wire text for the marks."""

    stop: StopInput
    wire_outcomes: Wire
    settled: str

    @cached_property
    def outcomes(self) -> list[VictimOutcome]:
        return outcomes_of(self.wire_outcomes)


@dataclass(frozen=True)
class AnnounceInput:
    """wire_outcomes: of the victims that were stopped. time: of the event (wire text)."""

    run: RunIdentity
    wire_outcomes: Wire
    time: str

    @cached_property
    def outcomes(self) -> list[VictimOutcome]:
        return outcomes_of(self.wire_outcomes)


def on_the_wire(items: Iterable[Victim] | Iterable[VictimOutcome]) -> Wire:
    """Victims or outcomes as they travel."""
    return [item.as_wire() for item in items]


def outcomes_of(wire: Wire) -> list[VictimOutcome]:
    """The outcomes in what `on_the_wire` made."""
    return [VictimOutcome.from_wire(outcome) for outcome in wire]
