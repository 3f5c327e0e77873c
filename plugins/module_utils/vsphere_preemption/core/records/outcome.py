# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of a request: the complete record that the queries show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..bounded import NAMED_BYTES, bounded, short
from ..codec import Wired
from ..contract import Criticality, StopMethod
from ..inventory import ManagedObject
from ..planning.plan import Plan
from ..policy.model import Policy
from ..reasons import RunReason, VictimReason
from ..requests.request import PreemptionRequest


class VictimStatus(StrEnum):
    """stopped: by us. spared: left running after all. failed: selected, but not stopped by us."""

    STOPPED = "stopped"
    SPARED = "spared"
    FAILED = "failed"


class RunStatus(StrEnum):
    """The one outcome that each request gets.

    done: every victim that could still be stopped was stopped (also if there was none).
    partial: some were, some were not. failed: none was, or the run was aborted.
    skipped, duplicate, rejected: there was no run.
    """

    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True)
class VictimOutcome(Wired):
    """The outcome of one victim. Times are wire text, empty if the step was not reached.

    marked: the pending mark was written. requested: vCenter accepted the call. stopped: the VM was seen powered off.
    settled: its mark has the outcome; otherwise a marked victim still has a pending mark.
    """

    vm: ManagedObject
    name: str
    outcome: VictimStatus
    method: StopMethod
    reason: VictimReason = VictimReason.NONE
    message: str = ""
    forced: bool = False
    marked: str = ""
    requested: str = ""
    stopped: str = ""
    settled: bool = False


@dataclass(frozen=True)
class Announcement(Wired):
    """Whether the reply event was sent. status: not_requested, sent, refused (permanent) or failed (after retries)."""

    status: str = "not_requested"
    id: str = ""
    message: str = ""


@dataclass(frozen=True)
class ApprovalDecision(Wired):
    """Whether a plan was approved. by, note: for the record of the run, which keeps 200 characters of each."""

    approve: bool
    by: str = ""
    note: str = ""

    @property
    def word(self) -> str:
        return "approve" if self.approve else "reject"

    def __str__(self) -> str:
        return f"{'approved' if self.approve else 'rejected'}{f' by {self.by}' if self.by else ''}"


@dataclass
class RunRecord:
    """One request and its outcome. marks_settled: no mark of the run is left pending.

    policy: name, digest and mode of the policy used. urgency: the final criticality.
    approval: the decision and the user who made it, if approval was required.
    """

    workflow_id: str
    request: PreemptionRequest
    received: str
    run_id: str = ""
    outcome: RunStatus = RunStatus.FAILED
    reason: RunReason = RunReason.NONE
    message: str = ""
    started: str = ""
    finished: str = ""
    window_seconds: float = 0.0
    marks_settled: bool = True
    victims: list[VictimOutcome] = field(default_factory=list)
    plan: Plan = field(default_factory=Plan)
    announcement: Announcement = field(default_factory=Announcement)
    tells_skipped: bool = False
    policy: dict[str, str] = field(default_factory=dict)
    urgency: Criticality | None = None
    approval: dict[str, Any] | None = None

    def take_plan(self, plan: Plan, policy: Policy, digest: str) -> None:
        """Store the decision."""
        self.plan, self.window_seconds = plan, policy.rerun_window_seconds
        self.tells_skipped = policy.events.skipped
        self.policy = {"name": policy.name, "digest": digest, "mode": policy.mode.value}

    def brief(self) -> dict[str, Any]:
        """The request and its outcome, without any VM."""
        return {
            "workflowID": self.workflow_id,
            "runID": self.run_id,
            "requestID": self.request.request_id or self.request.event.id,
            "event": self.request.event.summary(),
            "tag": self.request.tag,
            "criticality": self.request.criticality.value,
            "replyTo": self.request.reply_to,
            "outcome": self.outcome.value,
            "reason": self.reason.value,
            "message": short(self.message),
            "received": self.received,
            "started": self.started,
            "finished": self.finished,
        }

    def as_wire(self) -> dict[str, Any]:
        return {
            **self.brief(),
            "windowSeconds": self.window_seconds,
            "victims": bounded([victim.as_wire() for victim in self.victims]),
            "leftOut": {
                "total": sum(self.plan.left_out_count.values()),
                "byReason": self.plan.left_out_count,
                "vms": bounded([entry.as_wire() for entry in self.plan.left_out], NAMED_BYTES),
            },
            "announcement": self.announcement.as_wire(),
            "policy": self.policy,
            "tellsSkipped": self.tells_skipped,
            "urgency": (self.urgency or self.request.criticality).value,
            "approval": self.approval,
            "amount": self.plan.amount(),
            # The outcomes of the victims are above; this is a plan that was not carried out.
            "planned": [] if self.victims else bounded([victim.as_wire() for victim in self.plan.victims]),
        }


def conclude(victims: Sequence[VictimOutcome], *, cancelled: bool) -> tuple[RunStatus, RunReason]:
    """The outcome of a run that was carried out, from the outcomes of its victims."""
    stopped = sum(victim.outcome is VictimStatus.STOPPED for victim in victims)
    failed = sum(victim.outcome is VictimStatus.FAILED for victim in victims)
    cut_off = _cut_off(victims, cancelled=cancelled)
    if cut_off and not stopped and not failed:
        return RunStatus.SKIPPED, cut_off
    if failed or cut_off:
        end = RunStatus.PARTIAL if stopped else RunStatus.FAILED
        usual = RunReason.SOME_FAILED if stopped else RunReason.ALL_FAILED
        return end, cut_off or usual
    return RunStatus.DONE, RunReason.NONE if stopped else RunReason.NOTHING_ELIGIBLE


def _cut_off(victims: Sequence[VictimOutcome], *, cancelled: bool) -> RunReason:
    """What ended the run before all its victims were processed; empty if nothing did."""
    reasons = {victim.reason for victim in victims}
    # The stop activity can learn of a cancellation before the run does; an activity that no worker runs reports none.
    if VictimReason.CANCELLED in reasons or (cancelled and (not victims or VictimReason.OUTCOME_UNKNOWN in reasons)):
        return RunReason.CANCELLED
    return RunReason.PAUSED if VictimReason.PAUSED in reasons else RunReason.NONE
