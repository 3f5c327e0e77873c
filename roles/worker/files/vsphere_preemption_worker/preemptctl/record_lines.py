# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of runs and restores as lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .terminal import counted, moment, safe, table

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
