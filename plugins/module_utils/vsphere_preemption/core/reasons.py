# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a VM was not selected, and why a run or a victim ended as it did: one code for each cause.

Codes are part of the interface: playbooks, events and marks use them.
"""

from __future__ import annotations

from enum import StrEnum


class LeftOut(StrEnum):
    """Why the plan does not select an object that has the tag."""

    GONE = "gone"
    NOT_A_VM = "not_a_vm"
    TEMPLATE = "template"
    UNREACHABLE = "unreachable"
    ALREADY_OFF = "already_off"
    SUSPENDED = "suspended"
    POWER_STATE_UNKNOWN = "power_state_unknown"
    CLAIMED = "claimed_by_another_run"
    AGENT = "agent_vm"
    FT_SECONDARY = "ft_secondary"
    QUESTION = "question_pending"
    HOST_IN_MAINTENANCE = "host_in_maintenance"
    OUT_OF_SCOPE = "out_of_scope"
    NOT_REQUESTED = "not_requested"
    PROTECTION_LOST = "protection_not_found"
    PROTECTED_TAG = "protected_by_tag"
    PROTECTED_NAME = "protected_by_name"
    PROTECTED_VM = "protected_by_reference"
    TOO_YOUNG = "min_uptime"
    RESTORED_RECENTLY = "restored_recently"
    DAY_CAP = "over_daily_cap"
    GROUP_BUDGET = "group_budget"
    OVER_CAP = "over_cap"
    HOUR_CAP = "over_hourly_cap"
    NOT_NEEDED = "not_needed"
    SHORTFALL = "target_out_of_reach"


class VictimReason(StrEnum):
    """Why a victim ended as it did; empty if it was stopped normally."""

    NONE = ""
    ESCALATED = "grace_period_over"
    TAG_REMOVED = "tag_removed_or_vm_gone"
    NO_LONGER_ELIGIBLE = "no_longer_eligible"
    ALREADY_OFF = "already_off"
    CLAIMED = "claimed_by_another_run"
    CANCELLED = "cancelled"
    MARK_FAILED = "mark_failed"
    STOP_REFUSED = "stop_refused"
    TASK_FAILED = "power_off_task_failed"
    TASK_TIMEOUT = "power_off_timeout"
    GUEST_IGNORED = "guest_ignored_shutdown"
    VM_DELETED = "vm_deleted"
    OUTCOME_UNKNOWN = "outcome_unknown"
    HURRIED = "hurried"
    PAUSED = "paused"
    PRESSURE_GONE = "pressure_gone"
    OVER_BUDGET = "over_cap_or_budget"


class RunReason(StrEnum):
    """Why a request ended as it did; empty if it was carried out as planned."""

    NONE = ""
    NOTHING_ELIGIBLE = "nothing_eligible"
    SOME_FAILED = "some_victims_failed"
    ALL_FAILED = "all_victims_failed"
    MARKS_NOT_SETTLED = "marks_not_settled"
    CANCELLED = "cancelled"
    ENDING = "workflow_ending"
    IN_WINDOW = "within_rerun_window"
    TOO_MANY = "too_many_waiting"
    HURRIED = "hurried_the_run_before"
    SAME_EVENT = "same_event"
    INVALID = "invalid_request"
    PLAN_FAILED = "plan_failed"
    RUN_FAILED = "run_failed"
    DRY_RUN = "dry_run"
    PAUSED = "paused"
    OUTSIDE_WINDOWS = "outside_time_windows"
    NOT_APPROVED = "not_approved"
    APPROVAL_TIMED_OUT = "approval_timed_out"
    SUPERSEDED = "superseded"
    NOT_ALLOWED = "not_allowed_by_policy"
    PROTECTION_LOST = "protection_not_found"
    SHORTFALL = "target_out_of_reach"
    PRESSURE_GONE = "pressure_gone"
