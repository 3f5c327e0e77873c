# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of the demo: a single, self-contained HTML file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from .story import Row
from .table import TITLES, cells

TEMPLATE = Path(__file__).with_name("report.html.j2")


@dataclass(frozen=True)
class Exhibit:
    """A value to show in the report: its title, where it was read, and the value."""

    title: str
    source: str
    value: Any

    @property
    def json(self) -> str:
        """The value as indented JSON."""
        return json.dumps(self.value, indent=2, ensure_ascii=False)


@dataclass(frozen=True)
class Report:
    """Everything that the page shows."""

    rows: Sequence[Row]
    headlines: Sequence[str]
    others: Sequence[str]
    exhibits: Sequence[Exhibit]
    temporal_ui: str

    def as_html(self) -> str:
        """The page as HTML. All values are escaped, because names of VMs and events are untrusted."""
        environment = jinja2.Environment(
            autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
        )
        outcomes = [row.outcome for row in self.rows]
        return environment.from_string(TEMPLATE.read_text()).render(
            report=self,
            titles=TITLES,
            lines=[(row.outcome, cells(row)) for row in self.rows],
            counts={outcome: outcomes.count(outcome) for outcome in ("preempted", "spared", "failed")},
            made=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        )
