# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages between the restore workflow and its activities; the rules of `run.py` apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from temporalio.converter import value_to_type

from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.codec import decoded
from vsphere_preemption.core.mark import RunIdentity
from vsphere_preemption.core.policy.model import Place, Restore
from vsphere_preemption.core.requests.empty_limits import RESTORE_LIMITS, is_empty, refuse_empty
from vsphere_preemption.core.restore.record import RestoreCandidate, VmRestoreOutcome

RESTORE_PLAN = "PlanRestore"
GIVE_BACK = "GiveBack"
TELL_RESTORED = "TellRestored"

Wire = list[Any]


@dataclass(frozen=True)
class RestoreSnapshot:
    """The state of a restore when it continues as new.

    wire_machines: outcomes so far. told: references of the announced VMs. events: number of announcements so far.
    green_since: since when the alarm has been observed green (wire format); empty if it is not.
    """

    started: str
    wire_machines: Wire = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    events: int = 0
    green_since: str = ""


@dataclass(frozen=True)
class RestoreInput:
    """Input of the restore workflow.

    workflow_id: of the workflow that received the preemption request. tag: of the VMs. reason: for the record.
    only: names or MoRefs. run_id: only VMs that this run stopped. places: only VMs there. None for any of them: all.
    force: ignore the hold time. dry_run: plan only. reply_to: address for the event.
    alarm, wait_for_green: for an automatic restore, which waits until the alarm has been green for the hold time.
    by_rule: requested by an alarm rule or a schedule, so that the policy's setting for automatic restores does not
    apply; only for VMs that this workflow stopped.
    policy_name: the policy to use; empty for the one of these places, or the default.
    run: the run that stopped the VMs, for the event; None if there is no single one.
    look_seconds: how often to poll the alarm.
    """

    workflow_id: str
    tag: str
    reason: str = ""
    only: list[str] | None = None
    run_id: str | None = None
    force: bool = False
    dry_run: bool = False
    reply_to: str = ""
    places: list[Place] | None = None
    alarm: AlarmEvent | None = None
    wait_for_green: bool = False
    policy_name: str = ""
    run: RunIdentity | None = None
    look_seconds: float = 30.0
    carried: RestoreSnapshot | None = None
    by_rule: bool = False

    def as_wire(self) -> dict[str, Any]:
        """The input in the wire format, without the fields that are not set."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def read_restore(raw: Mapping[str, Any]) -> RestoreInput:
    """The input of the workflow, including that of earlier versions, which read an empty limit as no limit."""
    given = {name: value for name, value in raw.items() if name not in RESTORE_LIMITS or not is_empty(value)}
    order: RestoreInput = value_to_type(RestoreInput, given)
    return order


def refuse_empty_limits(raw: Mapping[str, Any]) -> None:
    """Raise GivenButEmpty for an empty limit in an input that was written manually.

    If every field is present, the SDK has written the input, and null means that a limit is not set.
    """
    whole = all(field.name in raw for field in fields(RestoreInput))
    given = {name: raw[name] for name in RESTORE_LIMITS if name in raw and not (whole and raw[name] is None)}
    refuse_empty("Cannot accept the restore", given)


@dataclass(frozen=True)
class RestorePlanInput:
    """wire_done: outcomes so far; these VMs are not planned again. ignore_hold: to find out if any VM is left."""

    restore: RestoreInput
    wire_done: Wire = field(default_factory=list)
    ignore_hold: bool = False


@dataclass(frozen=True)
class RestorePlanResult:
    """The settings to use, the VMs to restore in order, and why others are not restored (`kept_as_wire`).

    refusal: a RestoreReason, empty if the restore may proceed; message: the same as text.
    held_seconds: until the hold time ends for the last VM that is only excluded by it.
    """

    settings: Restore
    policy_name: str = ""
    wire_returns: Wire = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    held_seconds: float = 0.0
    refusal: str = ""
    message: str = ""

    returns = decoded(list[RestoreCandidate], "wire_returns")


@dataclass(frozen=True)
class GiveBackInput:
    """One batch. restore_id: ID of the restore. settings: the limits for the hosts."""

    restore_id: str
    tag: str
    reason: str
    wire_returns: Wire
    settings: Restore
    alarm: AlarmEvent | None = None
    heeds_pause: bool = False

    returns = decoded(list[RestoreCandidate], "wire_returns")


@dataclass(frozen=True)
class GiveBackResult:
    """One outcome for each VM of the batch. ending: why no further batch may start (a RestoreReason), else empty."""

    wire_machines: Wire
    ending: str = ""
    message: str = ""

    machines = decoded(list[VmRestoreOutcome], "wire_machines")


@dataclass(frozen=True)
class TellRestoredInput:
    """wire_machines: of the restored VMs. event_run_id: the run ID in the event; time: of the event (wire format)."""

    restore: RestoreInput
    event_run_id: str
    wire_machines: Wire
    time: str

    machines = decoded(list[VmRestoreOutcome], "wire_machines")
