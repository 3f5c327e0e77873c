# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a VM was, or was not, preempted: one plain sentence for each recorded run.

Each code of `reasons` has its clause here; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..names import printable

Record = Mapping[str, Any]

LEFT_OUT = {
    "gone": "it no longer exists",
    "not_a_vm": "it is not a virtual machine",
    "template": "it is a template",
    "unreachable": "vCenter had no connection to it",
    "already_off": "it was already powered off",
    "suspended": "it was already suspended",
    "power_state_unknown": "its power state was unknown",
    "claimed_by_another_run": "another run was about to stop it",
    "agent_vm": "it is an infrastructure VM",
    "ft_secondary": "it is the secondary of a fault-tolerant VM",
    "question_pending": "it had a pending question",
    "host_in_maintenance": "its host was in maintenance mode",
    "out_of_scope": "it is outside the scope of the request",
    "not_requested": "the request was for other VMs",
    "protection_not_found": "a tag that the policy uses for protection no longer existed",
    "protected_by_tag": "a tag protects it",
    "protected_by_name": "its name protects it",
    "protected_by_reference": "the policy protects it by its reference",
    "min_uptime": "it had not reached the minimum uptime",
    "restored_recently": "it was restored only recently",
    "over_daily_cap": "it had reached its daily limit of preemptions",
    "group_budget": "stopping it would have exceeded the budget of its group",
    "over_cap": "the run had reached its VM limit",
    "over_hourly_cap": "the hourly limit had been reached",
    "not_needed": "stopping it was not needed to reach the target",
    "target_out_of_reach": "the target could not be met, and the policy says to stop nothing in that case",
}
VICTIM = {
    "grace_period_over": "its guest did not shut down within the grace period",
    "tag_removed_or_vm_gone": "it no longer had the tag or no longer existed when it was about to be stopped",
    "no_longer_eligible": "it was no longer eligible when it was about to be stopped",
    "already_off": "it had been stopped by another user in the meantime",
    "claimed_by_another_run": "another run claimed the VM first",
    "cancelled": "the run was cancelled",
    "mark_failed": "its mark could not be written",
    "stop_refused": "vCenter rejected the call",
    "power_off_task_failed": "the vCenter task failed",
    "power_off_timeout": "the vCenter task did not complete in time",
    "guest_ignored_shutdown": "its guest did not shut down within the grace period",
    "vm_deleted": "it was deleted in the meantime",
    "outcome_unknown": "the stop phase was interrupted before this VM was reached, or it is still running",
    "hurried": "a more urgent request ended its grace period",
    "paused": "preemption was paused",
    "pressure_gone": "the resource pressure had eased",
    "over_cap_or_budget": "a limit shared by several runs had been reached",
}
RUN = {
    "nothing_eligible": "no VM could be stopped",
    "some_victims_failed": "some VMs could not be stopped",
    "all_victims_failed": "no VM could be stopped",
    "marks_not_settled": "some marks could not be updated",
    "cancelled": "the run was cancelled",
    "within_rerun_window": "it was within the re-run window of the previous run",
    "too_many_waiting": "too many requests were already pending",
    "hurried_the_run_before": "the active run was escalated instead",
    "same_event": "its event had already been processed",
    "invalid_request": "the request was invalid",
    "plan_failed": "the plan could not be created",
    "run_failed": "the run was aborted",
    "dry_run": "it was a dry run",
    "paused": "preemption was paused",
    "outside_time_windows": "it was outside the time windows of the policy",
    "not_approved": "the run was not approved",
    "approval_timed_out": "approval timed out",
    "superseded": "a more urgent request arrived before it was approved",
    "not_allowed_by_policy": "the policy did not allow the request",
    "protection_not_found": "a tag, category or attribute that the policy uses for protection did not exist",
    "target_out_of_reach": "the target could not be met",
    "pressure_gone": "the resource pressure had eased",
}
HOW = {
    "soft": "by guest shutdown",
    "soft_then_hard": "by guest shutdown or power-off",
    "hard": "by power-off",
    "suspend": "by suspending it",
}
# These runs have read the tagged VMs, and found that there was nothing to do.
AFTER_LOOKING = ("dry_run", "target_out_of_reach")
LONGEST_MESSAGE = 300


@dataclass(frozen=True)
class VmExplanation:
    """What one run did with one VM. what: stopped, spared, failed, left_out or not_seen."""

    what: str
    text: str
    reason: str = ""
    method: str = ""
    vm: str = ""


def explain(records: Sequence[Record], vm: str) -> list[dict[str, Any]]:
    """What each run did with a VM, given by name or MoRef; the newest first. Several VMs may have the same name."""
    return [found for record in reversed(records) for found in _in_run(record, vm)]


def _in_run(record: Record, vm: str) -> Iterator[dict[str, Any]]:
    entries = [
        *(_victim(record, entry) for entry in record["victims"] if _is(entry, vm)),
        *(_planned(record, entry) for entry in record.get("planned", ()) if _is(entry, vm)),
        *(_left_out(record, entry) for entry in record["leftOut"]["vms"] if _is(entry, vm)),
    ]
    for entry in entries or [_not_seen(record)]:
        yield {
            "preemption_id": record["runID"],
            "run_id": record["runID"],
            "request_id": record["requestID"],
            "finished": record["finished"],
            "outcome": record["outcome"],
            "policy": record.get("policy", {}).get("name", ""),
            "vm": entry.vm,
            "what": entry.what,
            "reason": entry.reason,
            "method": entry.method,
            "text": printable(f"{entry.text}."),
        }


def _is(entry: Record, vm: str) -> bool:
    return vm in (entry["vm"]["Value"], entry["name"])


def _victim(record: Record, victim: Record) -> VmExplanation:
    what, reason, method = victim["outcome"], victim["reason"], victim["method"]
    clause = f": {VICTIM.get(reason, reason)}" if reason else ""
    if what == "stopped":
        text = f"{_run(record)} stopped the VM {HOW.get(method, method)}{clause}"
    elif what == "spared":
        text = f"{_run(record)} selected the VM but then left it running{clause}"
    else:
        text = f"{_run(record)} could not stop the VM{clause}{_said(victim['message'])}"
    return VmExplanation(what, text, reason, method, victim["vm"]["Value"])


def _planned(record: Record, victim: Record) -> VmExplanation:
    """The run had a plan but did not carry it out."""
    text = f"{_run(record)} would have stopped the VM, but did not carry out the plan: {_why(record)}"
    return VmExplanation("spared", text, record["reason"], vm=victim["vm"]["Value"])


def _left_out(record: Record, spared: Record) -> VmExplanation:
    reason = spared["reason"]
    text = f"{_run(record)} did not select the VM: {LEFT_OUT.get(reason, reason)}"
    return VmExplanation("left_out", text, reason, vm=spared["vm"]["Value"])


def _not_seen(record: Record) -> VmExplanation:
    named = len(record["victims"]) + len(record.get("planned", ())) + len(record["leftOut"]["vms"])
    if record.get("shortened") or record["leftOut"]["total"] > len(record["leftOut"]["vms"]):
        return VmExplanation("not_seen", f"{_run(record)} handled more VMs than its record lists")
    if not named and record["outcome"] not in ("done", "partial") and record["reason"] not in AFTER_LOOKING:
        return VmExplanation("not_seen", f"{_run(record)} did not check any VM: {_why(record)}", record["reason"])
    return VmExplanation("not_seen", f"{_run(record)} found no such VM with the tag {record['tag']}")


def _why(record: Record) -> str:
    reason: str = record["reason"]
    return RUN.get(reason, reason) + _said(record["message"])


def _run(record: Record) -> str:
    return f"The run for request {record['requestID']}"


def _said(message: str) -> str:
    """The message of the record, as a part of the same sentence."""
    text = " ".join(message.split())[:LONGEST_MESSAGE].rstrip(". ")
    return f" ({text})" if text else ""
