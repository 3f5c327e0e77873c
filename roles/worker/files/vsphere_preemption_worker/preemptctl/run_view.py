# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot of a run, and its display: as a table that is redrawn, or as a line for each change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vsphere_preemption.core.planning.plan import Plan
from vsphere_preemption.core.planning.plan_result import plan_as_result
from vsphere_preemption.temporal.dispatcher import ActiveRun

from .record_lines import victim_lines
from .terminal import cut, safe, table

ENDED = "ended"


@dataclass(frozen=True)
class RunView:
    """The state of a run.

    preemption_id: empty if there is none. record: set when it has ended. note: why it is stale.
    """

    preemption_id: str = ""
    request_id: str = ""
    phase: str = ""
    criticality: str = ""
    plan: Mapping[str, Any] | None = None
    record: Mapping[str, Any] | None = None
    note: str = field(default="", compare=False)

    @classmethod
    def of_run(cls, run: ActiveRun) -> RunView:
        """The state of an active run."""
        plan = plan_as_result(Plan.from_wire(run.plan)) if run.plan else None
        return cls(run.preemption_id, run.request_id, run.phase, run.criticality, plan)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> RunView:
        """The state of a run that has ended."""
        criticality = record.get("urgency", record["criticality"])
        return cls(record["runID"], record["requestID"], ENDED, criticality, record=record)

    @property
    def headline(self) -> str:
        """The run in a single line."""
        if not self.preemption_id:
            return "No active run; waiting for one."
        named = f"Run {self.preemption_id}, request {self.request_id or '?'}"
        urgency = f", {self.criticality}" if self.criticality else ""
        victims = f", {len(self.plan['victims'])} VMs" if self.plan else ""
        return safe(f"{named}{urgency}: {self.phase.replace('_', ' ')}{victims}")

    def as_document(self) -> dict[str, Any]:
        """The state as a document for JSON output."""
        return {
            "preemption_id": self.preemption_id,
            "run_id": self.preemption_id,
            "request_id": self.request_id,
            "phase": self.phase,
            "criticality": self.criticality,
            "plan": self.plan,
            "outcome": self.record,
        }


def lines_of(view: RunView) -> list[str]:
    """The whole state as lines of text."""
    if view.record:
        return [view.headline, *victim_lines(view.record)]
    rows = [
        (v["rank"], v["vm"], v["name"], v["priority"], v["memory_mib"]) for v in (view.plan or {}).get("victims", ())
    ]
    body = table(("RANK", "VM", "NAME", "PRIORITY", "MIB"), rows) if rows else []
    return [view.headline, *body, *([safe(view.note)] if view.note else [])]


def fitted(lines: list[str], columns: int, rows: int) -> list[str]:
    """The lines that fit on the terminal without scrolling; the last one states how many are hidden."""
    room = max(2, rows - 1)
    if len(lines) > room:
        hidden = len(lines) - room + 1
        lines = [*lines[: room - 1], f"and {hidden} more lines"]
    return [cut(line, max(1, columns)) for line in lines]


def redrawn(lines: list[str], drawn: int) -> str:
    """The lines, preceded by control sequences that erase the previous ones. drawn: the number of previous lines."""
    back = f"\x1b[{drawn}F" if drawn else ""
    return f"{back}\x1b[J" + "".join(f"{line}\n" for line in lines)
