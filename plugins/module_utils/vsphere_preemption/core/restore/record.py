# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of a restore: which VMs are restored, which are not and why, and the outcome of each.

Codes are part of the interface: playbooks and results use them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from ..bounded import bounded, short
from ..codec import Wired
from ..inventory import ManagedObject


class NotRestored(StrEnum):
    """Why a VM is not restored; empty if it is. The second block applies immediately before or during the restore."""

    NONE = ""
    GONE = "gone"
    NOT_A_VM = "not_a_vm"
    TEMPLATE = "template"
    NOT_PREEMPTED = "not_preempted_by_us"
    CLAIMED = "claimed_by_another_run"
    UNREACHABLE = "unreachable"
    IS_ON = "is_on"
    NOT_REQUESTED = "not_requested"
    ANOTHER_RUN = "another_run"
    OUT_OF_SCOPE = "out_of_scope"
    HOST_IN_MAINTENANCE = "host_in_maintenance"
    CHANGED = "changed_since"
    NO_EVIDENCE = "no_evidence"
    HOLD_TIME = "hold_time"
    OVER_CAP = "over_cap"

    TAG_REMOVED = "tag_removed_or_vm_gone"
    NO_ROOM = "no_room"
    PRESSURE = "pressure"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    BROKE_OFF = "restore_broke_off"
    REFUSED = "power_on_refused"
    TASK_FAILED = "power_on_task_failed"
    TASK_TIMEOUT = "power_on_timeout"
    MARK_FAILED = "mark_not_written"


class VmRestoreStatus(StrEnum):
    """restored: powered on by us. kept: left as it is. failed: selected, but not seen powered on.
    planned: would be powered on; of a dry run only."""

    RESTORED = "restored"
    KEPT = "kept"
    FAILED = "failed"
    PLANNED = "planned"


@dataclass(frozen=True)
class RestoreCandidate(Wired):
    """A VM to restore. run_id, preempted: of its mark (wire text). position: its position in that run.

    memory_mib: its configured size. suspended: it is resumed, not booted.
    """

    wire_names: ClassVar = {"run_id": "runID", "position": "order", "memory_mib": "memoryMiB"}

    vm: ManagedObject
    name: str
    run_id: str
    preempted: str
    position: int = 0
    memory_mib: int = 0
    suspended: bool = False


@dataclass(frozen=True)
class NotRestoredVm(Wired):
    """A tagged object that the plan leaves as it is, and why. name: empty if it is not known."""

    vm: ManagedObject
    name: str
    reason: NotRestored


@dataclass(frozen=True)
class VmRestoreOutcome(Wired):
    """The outcome of one VM of the plan. started: when it was seen powered on (wire text). message: for a failure."""

    wire_names: ClassVar = {"run_id": "runID"}

    vm: ManagedObject
    name: str
    outcome: VmRestoreStatus
    reason: NotRestored = NotRestored.NONE
    message: str = ""
    run_id: str = ""
    preempted: str = ""
    started: str = ""

    @classmethod
    def of(
        cls,
        candidate: RestoreCandidate,
        outcome: VmRestoreStatus,
        reason: NotRestored = NotRestored.NONE,
        message: str = "",
        started: str = "",
    ) -> VmRestoreOutcome:
        return cls(
            candidate.vm, candidate.name, outcome, reason, message[:500], candidate.run_id, candidate.preempted, started
        )


class RestoreStatus(StrEnum):
    """done: every VM of the plan was restored, also if there was none. partial: some were, some were not.
    failed: none was, because of a failure. skipped: none was, and none may be now."""

    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"


class RestoreReason(StrEnum):
    """Why a restore ended as it did; empty if it was carried out as planned."""

    NONE = ""
    NOTHING_TO_RESTORE = "nothing_to_restore"
    PREEMPTION_NOT_FOUND = "preemption_not_found"
    DRY_RUN = "dry_run"
    PRESSURE = "pressure"
    NO_ROOM = "no_room"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    SOME_FAILED = "some_failed"
    ALL_FAILED = "all_failed"
    SOME_KEPT = "some_kept"
    PLAN_FAILED = "plan_failed"
    BROKE_OFF = "restore_broke_off"
    MARKS_NOT_WRITTEN = "marks_not_written"
    NO_ALARM = "no_alarm"
    NOT_AUTOMATIC = "automatic_restore_is_off"
    GAVE_UP = "gave_up"


# Reasons of VMs that apply to the whole restore, the most important first.
_TELLING = {
    NotRestored.PRESSURE: RestoreReason.PRESSURE,
    NotRestored.PAUSED: RestoreReason.PAUSED,
    NotRestored.CANCELLED: RestoreReason.CANCELLED,
    NotRestored.BROKE_OFF: RestoreReason.BROKE_OFF,
}


def conclude(machines: Sequence[VmRestoreOutcome]) -> tuple[RestoreStatus, RestoreReason]:
    """The outcome of a restore, from those of the VMs in its plan."""
    if not machines:
        return RestoreStatus.DONE, RestoreReason.NOTHING_TO_RESTORE
    restored = [machine for machine in machines if machine.outcome is VmRestoreStatus.RESTORED]
    failed = [machine for machine in machines if machine.outcome is VmRestoreStatus.FAILED]
    if len(restored) == len(machines):
        unmarked = any(machine.reason is NotRestored.MARK_FAILED for machine in restored)
        return (
            (RestoreStatus.PARTIAL, RestoreReason.MARKS_NOT_WRITTEN)
            if unmarked
            else (RestoreStatus.DONE, RestoreReason.NONE)
        )
    reason = _why_not_all(machines, bool(restored), bool(failed))
    if restored:
        return RestoreStatus.PARTIAL, reason
    return (RestoreStatus.FAILED if failed else RestoreStatus.SKIPPED), reason


def _why_not_all(machines: Sequence[VmRestoreOutcome], restored: bool, failed: bool) -> RestoreReason:
    reasons = {machine.reason for machine in machines}
    telling = [reason for kept, reason in _TELLING.items() if kept in reasons]
    if telling:
        return telling[0]
    if failed:
        return RestoreReason.SOME_FAILED if restored else RestoreReason.ALL_FAILED
    return RestoreReason.NO_ROOM if NotRestored.NO_ROOM in reasons else RestoreReason.SOME_KEPT


# Temporary reasons: an automatic restore tries these VMs again.
PASSING = frozenset({NotRestored.PRESSURE, NotRestored.NO_ROOM, NotRestored.PAUSED, NotRestored.BROKE_OFF})


@dataclass
class RestoreRecord:
    """The outcome of one restore. restore_id: its id. kept: of the plan (`RestorePlan.kept_as_wire`).

    machines: outcomes of the VMs that the plan restores, by reference. announcement: of the event, with its status.
    """

    restore_id: str
    workflow_id: str
    tag: str
    reason: str
    started: str
    dry_run: bool = False
    policy: str = ""
    machines: dict[ManagedObject, VmRestoreOutcome] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=lambda: {"byReason": {}, "vms": []})
    outcome: RestoreStatus = RestoreStatus.SKIPPED
    reason_code: RestoreReason = RestoreReason.NONE
    message: str = ""
    finished: str = ""
    announcement: dict[str, str] = field(default_factory=dict)

    def take(self, machines: Iterable[VmRestoreOutcome]) -> None:
        self.machines.update({machine.vm: machine for machine in machines})

    @property
    def settled(self) -> list[VmRestoreOutcome]:
        """The VMs that are not tried again."""
        return [machine for machine in self.machines.values() if machine.reason not in PASSING]

    def forget_passing(self) -> None:
        """Remove the outcomes of the VMs that are tried again."""
        self.machines = {machine.vm: machine for machine in self.settled}

    def restored(self) -> list[VmRestoreOutcome]:
        return [machine for machine in self.machines.values() if machine.outcome is VmRestoreStatus.RESTORED]

    def conclude(self, ending: RestoreReason = RestoreReason.NONE) -> None:
        """Set the final outcome. ending: why the whole restore ended, if not with its last VM."""
        self.outcome, self.reason_code = conclude(tuple(self.machines.values()))
        if ending:
            self.outcome = RestoreStatus.PARTIAL if self.restored() else RestoreStatus.SKIPPED
            self.reason_code = ending
        if ending is RestoreReason.PREEMPTION_NOT_FOUND:
            self.outcome = RestoreStatus.FAILED

    def as_wire(self) -> dict[str, Any]:
        return {
            "restoreID": self.restore_id,
            "workflowID": self.workflow_id,
            "tag": self.tag,
            "reason": self.reason,
            "policy": self.policy,
            "dryRun": self.dry_run,
            "outcome": self.outcome.value,
            "reasonCode": self.reason_code.value,
            "message": short(self.message),
            "started": self.started,
            "finished": self.finished,
            "machines": bounded([machine.as_wire() for machine in self.machines.values()]),
            "kept": self.kept,
            "announcement": self.announcement,
        }
