# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results as a table for people and as JSON for later comparison."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .measures import CallCount, Round, middle
from .scenarios import Scenario

# Load before the start, as a share of the cores, from which times cannot be compared with those of a quiet machine.
BUSY_SHARE = 0.4

TITLES = (
    "scenario",
    "stopped",
    "first off",
    "last off",
    "first run",
    "announced",
    "of bound",
    "calls per VM + run",
    "at once",
    "MiB",
)


@dataclass(frozen=True)
class ScenarioResult:
    """All rounds of a scenario, in their order, and the calls of one more round.

    first: the worker's first run after its start, when it has to look the tag up; not among the others.
    """

    scenario: Scenario
    first: Round
    rounds: Sequence[Round]
    count: CallCount

    def as_json(self) -> dict[str, Any]:
        """The result with its medians."""
        return {
            **asdict(self.scenario),
            "bound_seconds": self.scenario.bound_seconds,
            "median": asdict(middle(self.rounds)),
            "first": asdict(self.first),
            "rounds": [asdict(one) for one in self.rounds],
            "calls_per_vm": self.count.per_machine,
            "calls_per_run": self.count.per_run,
            "calls": dict(sorted(self.count.calls.items())),
            "calls_at_once": self.count.at_once,
        }

    def as_line(self) -> tuple[str, ...]:
        """The cells of the table."""
        typical, bound = middle(self.rounds), self.scenario.bound_seconds
        return (
            self.scenario.name,
            str(typical.stopped),
            _seconds(typical.first_off),
            _seconds(typical.last_off),
            _seconds(self.first.last_off),
            f"{_seconds(typical.announced)} (+{typical.announced_after_last_off * 1000:.0f} ms)",
            f"{typical.last_off / bound:.2f}" if bound else "-",
            f"{self.count.per_machine:.2f} + {self.count.per_run}",
            str(self.count.at_once),
            f"{typical.resident_mib:.0f}",
        )


@dataclass
class Results:
    """Everything that one run of the benchmark found. Seconds and mebibytes.

    load_at_start: processes that wanted to run, over the last minute, before the benchmark began.
    """

    rounds: int
    load_at_start: float = 0.0
    scenarios: list[ScenarioResult] = field(default_factory=list)
    start_up_seconds: float | None = None
    start_up_mib: float | None = None
    plan_machines: int | None = None
    plan_seconds: float | None = None

    def write(self, file: Path) -> None:
        """Write the JSON file."""
        machine = {
            "cores": os.cpu_count(),
            "load_at_start": self.load_at_start,
            "python": platform.python_version(),
            "system": platform.system(),
        }
        document = {
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine,
            "rounds": self.rounds,
            "start_up": {"seconds": self.start_up_seconds, "resident_mib": self.start_up_mib},
            "plan": {"machines": self.plan_machines, "seconds": self.plan_seconds},
            "scenarios": [result.as_json() for result in self.scenarios],
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document, indent=2) + "\n")

    def as_markdown(self) -> str:
        """The table for docs/benchmarks.md."""
        lines = [TITLES, ("---",) * len(TITLES), *(result.as_line() for result in self.scenarios)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def as_text(self) -> str:
        """The table, and the single numbers under it."""
        lines = [TITLES, *(result.as_line() for result in self.scenarios)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(TITLES))]
        text = [_row(line, widths) for line in lines]
        text.insert(1, "  ".join("─" * width for width in widths))
        if self.start_up_seconds is not None:
            ready = _seconds(self.start_up_seconds)
            text.append(f"\nWorker ready after {ready}, {self.start_up_mib:.0f} MiB resident.")
        if self.plan_seconds is not None:
            text.append(f"{self.plan_machines:,} tagged VMs planned in {_seconds(self.plan_seconds)}.")
        text.append(f"Medians of {self.rounds}. Times count from when Temporal accepted the signal.")
        text.append("First run: the last VM was off, in the first run of a worker, which has to look the tag up.")
        if self.load_at_start > BUSY_SHARE * (os.cpu_count() or 1):
            text.append(f"The machine was busy with other work (load {self.load_at_start:.1f}): times are too long.")
        return "\n".join(text)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.0f} ms"
