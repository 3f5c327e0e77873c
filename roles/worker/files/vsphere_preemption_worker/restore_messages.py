# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the restore workflow and its activities say to one another; the rules are those of `messages`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any

from temporalio.converter import value_to_type

from vsphere_preemption.core.alarm import AlarmEvent
from vsphere_preemption.core.given import RESTORE_LIMITS, is_empty, refuse_empty
from vsphere_preemption.core.mark import RunIdentity
from vsphere_preemption.core.policy.model import Place, Restore
from vsphere_preemption.core.returns import Return, Returned

RESTORE_PLAN = "PlanRestore"
GIVE_BACK = "GiveBack"
TELL_RESTORED = "TellRestored"

Wire = list[Any]


@dataclass(frozen=True)
class Carried:
    """What a restore knows when it continues as new.

    wire_machines: outcomes so far. told: references of the VMs that were announced, in so many `events`.
    green_since: when the alarm was first seen green without a break (wire text), empty where it is not.
    """

    started: str
    wire_machines: Wire = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    events: int = 0
    green_since: str = ""


@dataclass(frozen=True)
class RestoreInput:
    """Of the restore workflow.

    workflow_id: of the workflow that took the request to preempt. tag: that the VMs carry. reason: for the record.
    only: names or MoRefs. run_id: only what this run stopped. places: only VMs in there. None for any of them: all.
    force: whatever the hold time says. dry_run: plan, and leave it at that. reply_to: address for the event.
    alarm, wait_for_green: for a restore that nobody asked for: not before the alarm was green for the hold time.
    by_rule: an alarm rule or a schedule asks: whatever the policy says of automatic restores, only for what this
    workflow stopped.
    policy_name: the policy to go by; empty for the one of these places, or the default.
    run: the run whose VMs these are, for the event; None where there is no single one.
    look_seconds: how often the alarm is looked at.
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
    carried: Carried | None = None
    by_rule: bool = False

    def as_wire(self) -> dict[str, Any]:
        """The input as it travels, without what is not set."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def read_restore(raw: Mapping[str, Any]) -> RestoreInput:
    """The input of the workflow, also in the form of an earlier version, to which an empty limit was none."""
    given = {name: value for name, value in raw.items() if name not in RESTORE_LIMITS or not is_empty(value)}
    order: RestoreInput = value_to_type(RestoreInput, given)
    return order


def refuse_empty_limits(raw: Mapping[str, Any]) -> None:
    """GivenButEmpty for a limit that names nothing, in an input that somebody wrote.

    Where each field is there, the SDK has written them, and null is what is not set.
    """
    whole = all(field.name in raw for field in fields(RestoreInput))
    given = {name: raw[name] for name in RESTORE_LIMITS if name in raw and not (whole and raw[name] is None)}
    refuse_empty("Cannot accept the restore", given)


@dataclass(frozen=True)
class RestorePlanInput:
    """wire_done: outcomes so far; these VMs are not planned again. ignore_hold: to learn whether there is anything."""

    restore: RestoreInput
    wire_done: Wire = field(default_factory=list)
    ignore_hold: bool = False


@dataclass(frozen=True)
class RestorePlanResult:
    """The settings to go by, the VMs to give back in their order, and why others are not (`kept_as_wire`).

    refusal: a RestoreReason, empty where the restore may be carried out; message: the same for a person.
    held_seconds: until the last VM that is only held by the hold time is free.
    """

    settings: Restore
    policy_name: str = ""
    wire_returns: Wire = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    held_seconds: float = 0.0
    refusal: str = ""
    message: str = ""

    @cached_property
    def returns(self) -> list[Return]:
        return [Return.from_wire(wire) for wire in self.wire_returns]


@dataclass(frozen=True)
class GiveBackInput:
    """One batch. restore_id: names the restore. settings: the limits that the hosts must keep."""

    restore_id: str
    tag: str
    reason: str
    wire_returns: Wire
    settings: Restore
    alarm: AlarmEvent | None = None
    heeds_pause: bool = False

    @cached_property
    def returns(self) -> list[Return]:
        return [Return.from_wire(wire) for wire in self.wire_returns]


@dataclass(frozen=True)
class GiveBackResult:
    """One outcome for each VM of the batch. ending: why no further batch may begin (a RestoreReason), else empty."""

    wire_machines: Wire
    ending: str = ""
    message: str = ""

    @cached_property
    def machines(self) -> list[Returned]:
        return [Returned.from_wire(wire) for wire in self.wire_machines]


@dataclass(frozen=True)
class TellRestoredInput:
    """wire_machines: of the VMs that were given back. event_run_id: names the event; time: of it (wire text)."""

    restore: RestoreInput
    event_run_id: str
    wire_machines: Wire
    time: str

    @cached_property
    def machines(self) -> list[Returned]:
        return [Returned.from_wire(wire) for wire in self.wire_machines]
