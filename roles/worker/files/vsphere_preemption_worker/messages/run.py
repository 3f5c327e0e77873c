# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages between workflows and activities: one value in, one value out.

Fields may be added with a default; none may be renamed, because histories of running workflows contain them.

Lists of VMs and policies are passed as plain JSON, in the form of `core.codec`, which is much faster than the SDK.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.bounded import bounded
from vsphere_preemption.core.codec import decoded
from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.inventory import Scope
from vsphere_preemption.core.mark import RunIdentity
from vsphere_preemption.core.planning.plan import Plan, Victim
from vsphere_preemption.core.policy.model import Policy, Target
from vsphere_preemption.core.records.outcome import VictimOutcome
from vsphere_preemption.core.requests.request import PreemptionRequest

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
    """Input of the child workflow that carries out one accepted request. received: time in the wire format."""

    workflow_id: str
    workflow_started: str
    received: str
    request: PreemptionRequest


@dataclass(frozen=True)
class PlanInput:
    """only: the approved victims (MoRefs); empty for all VMs that the policy allows."""

    run: RunIdentity
    only: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PlanResult:
    """The decision on a request, and all settings for the rest of the run, because workflows read no files or clocks.

    wire_scope: of the plan, for the re-check. refusal: a RunReason, empty if the request is carried out.
    lease_seconds: how long a pending mark of another run is valid. took_seconds: duration of planning.
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

    policy = decoded(Policy, "wire_policy")
    plan = decoded(Plan, "wire_plan")


@dataclass(frozen=True)
class StopInput:
    """marked: time of the pending marks (wire format). first: position of the first victim in the whole run."""

    run: RunIdentity
    wire_victims: Wire
    method: StopMethod
    grace_seconds: float
    marked: str
    wire_policy: Any = None
    wire_scope: Any = None
    lease_seconds: float = 180.0
    first: int = 0

    victims = decoded(list[Victim], "wire_victims")
    policy = decoded(Policy, "wire_policy")

    @cached_property
    def scope(self) -> Scope:
        return Scope.from_wire(self.wire_scope)


@dataclass(frozen=True)
class StopResult:
    """One outcome for each victim, in the order of the plan."""

    wire_outcomes: Wire

    outcomes = decoded(list[VictimOutcome], "wire_outcomes")


@dataclass(frozen=True)
class NoticeInput:
    """not_before: when the first VM may be stopped; time: of the notice (wire format)."""

    run: RunIdentity
    wire_victims: Wire
    method: StopMethod
    grace_seconds: float
    not_before: str
    time: str
    event: bool
    guestinfo: bool

    victims = decoded(list[Victim], "wire_victims")


@dataclass(frozen=True)
class PressureInput:
    """Whether to continue: the alarm of the request, or the usage in the target."""

    alarm: AlarmEvent | None
    target: Target
    wire_scope: Any = None


@dataclass(frozen=True)
class PressureResult:
    """gone: there is no pressure any more. paused: preemption is paused; message states by which user."""

    gone: bool = False
    paused: bool = False
    message: str = ""


@dataclass(frozen=True)
class SettleInput:
    """wire_outcomes: known outcomes; other victims are looked up in vCenter. settled: time of the marks."""

    stop: StopInput
    wire_outcomes: Wire
    settled: str

    outcomes = decoded(list[VictimOutcome], "wire_outcomes")


@dataclass(frozen=True)
class AnnounceInput:
    """wire_outcomes: of the stopped victims. time: of the event (wire format)."""

    run: RunIdentity
    wire_outcomes: Wire
    time: str

    outcomes = decoded(list[VictimOutcome], "wire_outcomes")


@dataclass(frozen=True)
class TellInput:
    """record: of a run that was skipped, failed or is partial (`RunRecord.as_wire`, or `brief` for a skipped one)."""

    run: RunIdentity
    record: dict[str, Any]
    time: str


def on_the_wire(items: Iterable[Victim] | Iterable[VictimOutcome]) -> Wire:
    """Victims or outcomes in the wire format, bounded to what a payload can hold."""
    return bounded([item.as_wire() for item in items])


@dataclass(frozen=True)
class WatchState:
    """The state of the alarm watch, for the worker that continues it. That of another version may have any form.

    scopes: of `core.watching.wire`. mark: of `vcenter.alarm_tail`, the position in the event log.
    """

    scopes: Any = None
    mark: Any = None
