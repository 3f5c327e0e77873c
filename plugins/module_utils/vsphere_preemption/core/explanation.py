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

Record = Mapping[str, Any]

LEFT_OUT = {
    "gone": "it does not exist any more",
    "not_a_vm": "it is no virtual machine",
    "template": "it is a template",
    "unreachable": "vCenter had no connection to it",
    "already_off": "it was off already",
    "suspended": "it was suspended already",
    "power_state_unknown": "its power state was not known",
    "claimed_by_another_run": "another run was about to stop it",
    "agent_vm": "it belongs to the infrastructure",
    "ft_secondary": "it is the secondary of a fault-tolerant VM",
    "question_pending": "it waited for the answer to a question",
    "host_in_maintenance": "its host was in maintenance mode",
    "out_of_scope": "it is outside the scope of the request",
    "not_requested": "the request was about other VMs",
    "protection_not_found": "a tag by which the policy protects did not exist any more",
    "protected_by_tag": "a tag protects it",
    "protected_by_name": "its name protects it",
    "protected_by_reference": "the policy protects it by its reference",
    "min_uptime": "it had not run for long enough",
    "restored_recently": "it was given back only a short time before",
    "over_daily_cap": "it was preempted as often as it may be in a day",
    "group_budget": "too many VMs of its group would have been off",
    "over_cap": "the run had as many victims as it may have",
    "over_hourly_cap": "as many VMs as may be were stopped within the hour",
    "not_needed": "stopping it was not needed for the target",
    "target_out_of_reach": "the target was out of reach, and then nothing is stopped",
}
VICTIM = {
    "grace_period_over": "its guest did not shut down within the grace period",
    "tag_removed_or_vm_gone": "it had lost the tag or was gone when it was its turn",
    "no_longer_eligible": "it could not be stopped any more when it was its turn",
    "already_off": "somebody else had stopped it meanwhile",
    "claimed_by_another_run": "another run was faster",
    "cancelled": "the run was cancelled",
    "mark_failed": "its mark could not be written",
    "stop_refused": "vCenter refused the call",
    "power_off_task_failed": "the task in vCenter ended with an error",
    "power_off_timeout": "the task in vCenter did not end in time",
    "guest_ignored_shutdown": "its guest did not shut down within the grace period",
    "vm_deleted": "it was deleted meanwhile",
    "outcome_unknown": "the stopping broke off before its turn, or it was still on",
    "hurried": "a more urgent request ended its grace period",
    "paused": "preemption was paused",
    "pressure_gone": "the pressure was gone",
    "over_cap_or_budget": "a limit that counts over several runs was reached",
}
RUN = {
    "nothing_eligible": "no VM could be stopped",
    "some_victims_failed": "some VMs could not be stopped",
    "all_victims_failed": "no VM could be stopped",
    "marks_not_settled": "some marks could not be settled",
    "cancelled": "the run was cancelled",
    "within_rerun_window": "the run before was too recent",
    "too_many_waiting": "too many requests waited already",
    "hurried_the_run_before": "the run before took over its urgency",
    "same_event": "its event was known already",
    "invalid_request": "it was no valid request",
    "plan_failed": "no plan could be made",
    "run_failed": "the run broke off",
    "dry_run": "it was a dry run",
    "paused": "preemption was paused",
    "outside_time_windows": "the time windows of the policy allowed no run",
    "not_approved": "somebody did not agree",
    "approval_timed_out": "nobody agreed in time",
    "not_allowed_by_policy": "the policy did not allow the request",
    "protection_not_found": "something by which the policy protects did not exist in vCenter",
    "target_out_of_reach": "the target was out of reach",
    "pressure_gone": "the pressure was gone",
}
HOW = {
    "soft": "by its guest",
    "soft_then_hard": "by its guest or by power-off",
    "hard": "by power-off",
    "suspend": "by suspending it",
}
# These runs have read the tag, and found that there was nothing to do.
AFTER_LOOKING = ("dry_run", "target_out_of_reach")
LONGEST_MESSAGE = 300


@dataclass(frozen=True)
class Entry:
    """What one run did about one VM. what: stopped, spared, failed, left_out or not_seen."""

    what: str
    text: str
    reason: str = ""
    method: str = ""
    vm: str = ""


def explain(records: Sequence[Record], vm: str) -> list[dict[str, Any]]:
    """What each run did about a VM, given by name or MoRef; the newest first. Several VMs may have one name."""
    return [found for record in reversed(records) for found in _in_run(record, vm)]


def _in_run(record: Record, vm: str) -> Iterator[dict[str, Any]]:
    entries = [
        *(_victim(record, entry) for entry in record["victims"] if _is(entry, vm)),
        *(_planned(record, entry) for entry in record.get("planned", ()) if _is(entry, vm)),
        *(_left_out(record, entry) for entry in record["leftOut"]["vms"] if _is(entry, vm)),
    ]
    for entry in entries or [_not_seen(record)]:
        yield {
            "run_id": record["runID"],
            "request_id": record["requestID"],
            "finished": record["finished"],
            "outcome": record["outcome"],
            "policy": record.get("policy", {}).get("name", ""),
            "vm": entry.vm,
            "what": entry.what,
            "reason": entry.reason,
            "method": entry.method,
            "text": f"{entry.text}.",
        }


def _is(entry: Record, vm: str) -> bool:
    return vm in (entry["vm"]["Value"], entry["name"])


def _victim(record: Record, victim: Record) -> Entry:
    what, reason, method = victim["outcome"], victim["reason"], victim["method"]
    clause = f": {VICTIM.get(reason, reason)}" if reason else ""
    if what == "stopped":
        text = f"{_run(record)} stopped the VM {HOW.get(method, method)}{clause}"
    elif what == "spared":
        text = f"{_run(record)} chose the VM and then spared it{clause}"
    else:
        text = f"{_run(record)} could not stop the VM{clause}{_said(victim['message'])}"
    return Entry(what, text, reason, method, victim["vm"]["Value"])


def _planned(record: Record, victim: Record) -> Entry:
    """The run had a plan, and did not carry it out."""
    text = f"{_run(record)} would have stopped the VM, but nothing was done: {_why(record)}"
    return Entry("spared", text, record["reason"], vm=victim["vm"]["Value"])


def _left_out(record: Record, spared: Record) -> Entry:
    reason = spared["reason"]
    text = f"{_run(record)} left the VM alone: {LEFT_OUT.get(reason, reason)}"
    return Entry("left_out", text, reason, vm=spared["vm"]["Value"])


def _not_seen(record: Record) -> Entry:
    named = len(record["victims"]) + len(record.get("planned", ())) + len(record["leftOut"]["vms"])
    if record.get("shortened") or record["leftOut"]["total"] > len(record["leftOut"]["vms"]):
        return Entry("not_seen", f"{_run(record)} dealt with more VMs than its record still names")
    if not named and record["outcome"] not in ("done", "partial") and record["reason"] not in AFTER_LOOKING:
        return Entry("not_seen", f"{_run(record)} looked at no VM: {_why(record)}", record["reason"])
    return Entry("not_seen", f"{_run(record)} saw no such VM: none carried the tag {_one_line(record['tag'])} then")


def _why(record: Record) -> str:
    reason: str = record["reason"]
    return RUN.get(reason, reason) + _said(record["message"])


def _run(record: Record) -> str:
    return f"The run for the request {_one_line(record['requestID'])}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _said(message: str) -> str:
    """What somebody or something said about it, in the same sentence."""
    text = _one_line(message)[:LONGEST_MESSAGE].rstrip(". ")
    return f" ({text})" if text else ""
