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
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from vsphere_preemption.core.alarm import AlarmEvent
from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.inventory import Scope
from vsphere_preemption.core.mark import RunIdentity
from vsphere_preemption.core.outcome import VictimOutcome
from vsphere_preemption.core.plan import Plan, Victim
from vsphere_preemption.core.policy.model import Policy, Target
from vsphere_preemption.core.policy.wire import policy_from_wire
from vsphere_preemption.core.request import PreemptionRequest

PLAN = "PlanVictims"
STOP = "StopVictims"
SETTLE = "SettleMarks"
ANNOUNCE = "AnnouncePreemption"
NOTICE = "GiveNotice"
TELL = "TellOutcome"
PRESSURE = "LookAtPressure"
WATCH = "WatchAlarms"

Wire = list[Any]


@dataclass(frozen=True)
class RunInput:
    """Of the child workflow that carries one accepted request out. received: wire text."""

    workflow_id: str
    workflow_started: str
    received: str
    request: PreemptionRequest


@dataclass(frozen=True)
class PlanInput:
    """only: the victims that somebody agreed to (MoRefs); empty: whoever the policy allows."""

    run: RunIdentity
    only: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PlanResult:
    """The decision about a request, and all that the rest of the run works by: workflows read no file and no clock.

    wire_scope: of the plan, for the last look. refusal: a RunReason, empty where the request is carried out.
    lease_seconds: how long a pending mark of another run is believed. took_seconds: of planning.
    """

    wire_plan: Any
    wire_policy: Any = None
    policy_digest: str = ""
    wire_scope: Any = None
    alarm: AlarmEvent | None = None
    refusal: str = ""
    message: str = ""
    lease_seconds: float = 180.0
    took_seconds: float = 0.0

    @cached_property
    def policy(self) -> Policy:
        return policy_from_wire(self.wire_policy)

    @cached_property
    def plan(self) -> Plan:
        return Plan.from_wire(self.wire_plan)


@dataclass(frozen=True)
class StopInput:
    """marked: the time that the pending marks carry (wire text). first: place of the first victim in the whole run."""

    run: RunIdentity
    wire_victims: Wire
    method: StopMethod
    grace_seconds: float
    marked: str
    wire_policy: Any = None
    wire_scope: Any = None
    lease_seconds: float = 180.0
    first: int = 0

    @cached_property
    def victims(self) -> list[Victim]:
        return [Victim.from_wire(victim) for victim in self.wire_victims]

    @cached_property
    def policy(self) -> Policy:
        return policy_from_wire(self.wire_policy)

    @cached_property
    def scope(self) -> Scope:
        return Scope.from_wire(self.wire_scope)


@dataclass(frozen=True)
class StopResult:
    """One outcome for each victim, in the order of the plan."""

    wire_outcomes: Wire

    @cached_property
    def outcomes(self) -> list[VictimOutcome]:
        return outcomes_of(self.wire_outcomes)


@dataclass(frozen=True)
class NoticeInput:
    """not_before: when the stopping may begin; time: of the notice (wire text)."""

    run: RunIdentity
    wire_victims: Wire
    method: StopMethod
    grace_seconds: float
    not_before: str
    time: str
    event: bool
    guestinfo: bool

    @cached_property
    def victims(self) -> list[Victim]:
        return [Victim.from_wire(victim) for victim in self.wire_victims]


@dataclass(frozen=True)
class PressureInput:
    """Whether to go on: the alarm of the request, or the usage that the target names."""

    alarm: AlarmEvent | None
    target: Target
    wire_scope: Any = None


@dataclass(frozen=True)
class PressureResult:
    """gone: nobody is short any more. paused: somebody paused preemption; message says who."""

    gone: bool = False
    paused: bool = False
    message: str = ""


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


@dataclass(frozen=True)
class TellInput:
    """record: of a run that was skipped, failed or is partial (`RunRecord.as_wire`, or `brief` for a skipped one)."""

    run: RunIdentity
    record: dict[str, Any]
    time: str


def on_the_wire(items: Iterable[Victim] | Iterable[VictimOutcome]) -> Wire:
    """Victims or outcomes as they travel."""
    return [item.as_wire() for item in items]


def outcomes_of(wire: Wire) -> list[VictimOutcome]:
    """The outcomes in what `on_the_wire` made."""
    return [VictimOutcome.from_wire(outcome) for outcome in wire]


@dataclass(frozen=True)
class WatchState:
    """What the watch over alarms knows, for who goes on with it. Another version's may be anything.

    scopes: of `core.watching.wire`. mark: of `vcenter.alarm_tail`, what was seen of the event log.
    """

    scopes: Any = None
    mark: Any = None
