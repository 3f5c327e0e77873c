# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`runs` and `explain`: the records that the workflow keeps of its latest runs."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vsphere_preemption.core.errors import WorkflowNotFound
from vsphere_preemption.core.records.explanation import explain
from vsphere_preemption.temporal import dispatcher

from . import exit_codes
from .connections import not_empty, with_client
from .output import Output
from .terminal import counted, moment, safe, table

if TYPE_CHECKING:
    from temporalio.client import Client


Record = Mapping[str, Any]


def run_table(records: Sequence[Record]) -> list[str]:
    """One line for each run, the newest first."""
    heads = ("FINISHED (UTC)", "OUTCOME", "REASON", "CRITICALITY", "VMS", "REQUEST", "PREEMPTION ID")
    rows = (
        (
            moment(record["finished"]),
            record["outcome"],
            record["reason"],
            record.get("urgency", record["criticality"]),
            amounts(record),
            record["requestID"],
            record["runID"],
        )
        for record in reversed(records)
    )
    return table(heads, rows) if records else ["No runs recorded."]


def amounts(record: Record) -> str:
    """The number of VMs by outcome."""
    ends = Counter(victim["outcome"] for victim in record["victims"])
    planned, left_out = len(record.get("planned", ())), record["leftOut"]["total"]
    return counted({**dict(sorted(ends.items())), "planned": planned, "left out": left_out})


def victim_lines(record: Record) -> list[str]:
    """The outcome of a request and of each VM."""
    if "victims" not in record:
        return [_verdict(record)]
    rows = [
        *((_ref(entry), entry["name"], entry["outcome"], entry["reason"]) for entry in record["victims"]),
        *((_ref(entry), entry["name"], "planned", "") for entry in record.get("planned", ())),
        *((_ref(entry), entry["name"], "left out", entry["reason"]) for entry in record["leftOut"]["vms"]),
    ]
    lines = table(("VM", "NAME", "OUTCOME", "REASON"), rows) if rows else []
    hidden = record["leftOut"]["total"] - len(record["leftOut"]["vms"])
    more = [f"and {hidden} more left out"] if hidden > 0 else []
    return [*lines, *more, f"Preemption id {safe(record['runID'])}", _verdict(record)]


def restore_lines(record: Record) -> list[str]:
    """The outcome of a restore and of each VM."""
    rows = [
        *((_ref(entry), entry["name"], entry["outcome"], entry["reason"]) for entry in record["machines"]),
        *((_ref(entry), entry["name"], "left off", entry["reason"]) for entry in record["kept"]["vms"]),
    ]
    lines = table(("VM", "NAME", "OUTCOME", "REASON"), rows) if rows else []
    reason = f" ({record['reasonCode']})" if record["reasonCode"] else ""
    said = f": {record['message']}" if record["message"] else ""
    return [*lines, safe(f"Restore {record['outcome']}{reason}{said}")]


def _verdict(record: Record) -> str:
    reason = f" ({record['reason']})" if record["reason"] else ""
    said = f": {record['message']}" if record.get("message") else ""
    return safe(f"Request {record.get('requestID', '')} {record['outcome']}{reason}{said}")


def _ref(entry: Record) -> str:
    return str(entry["vm"]["Value"])


def runs(options: Namespace, output: Output) -> int:
    """Show all recorded runs, or one of them. Raises WorkflowNotFound if no run matches."""
    records = _records(options, output)
    if not options.run:
        output.answer({"runs": records}, run_table(records))
        return exit_codes.OK
    wanted = [record for record in records if is_meant(record, options.run)]
    if not wanted:
        raise WorkflowNotFound(
            f"Cannot show run {options.run}",
            why="no recorded run has this preemption ID or request ID",
            next_step="Run 'preemptctl runs' to list the recorded runs.",
        )
    output.answer({"runs": wanted}, [line for record in wanted for line in victim_lines(record)])
    return exit_codes.OK


def explain_vm(options: Namespace, output: Output) -> int:
    """Show what each run did with a VM, and why; the newest first."""
    vm = not_empty("vm", options.vm)
    found = explain(_records(options, output), vm)
    lines = [safe(f"{moment(entry['finished'])}  {entry['text']}") for entry in found]
    output.answer({"vm": vm, "explanation": found}, lines or ["No runs recorded."])
    return exit_codes.OK


def is_meant(record: dispatcher.Record, name: str) -> bool:
    """Whether the name is the preemption ID, the last part of it, or the request ID."""
    return name in (record["runID"], record["runID"].rpartition("/")[2], record["requestID"])


def _records(options: Namespace, output: Output) -> list[dispatcher.Record]:
    async def ask(client: Client) -> list[dispatcher.Record]:
        return await dispatcher.read_runs(client, options.workflow_id, options.execution_run_id or None)

    return with_client(options, output, ask)
