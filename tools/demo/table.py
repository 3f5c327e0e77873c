# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of VMs for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .story import Row

TITLES = ("VM", "cluster", "tagged", "before", "after", "outcome", "reason")
COLOURS = {"preempted": "\033[33m", "failed": "\033[31m"}
END = "\033[0m"


def cells(row: Row) -> tuple[str, ...]:
    """The cells of one row, in the order of TITLES."""
    tagged = "yes" if row.tagged else "no"
    return (row.name, row.cluster, tagged, row.before, row.after, row.outcome, row.reason)


def as_text(rows: Sequence[Row], *, colour: bool | None = None) -> str:
    """The rows below their titles, aligned; changed VMs in colour on a terminal."""
    colour = sys.stdout.isatty() if colour is None else colour
    texts = [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in (TITLES, *texts)) for i in range(len(TITLES))]
    lines = [_line(TITLES, widths), "  ".join("─" * width for width in widths)]
    for row, text in zip(rows, texts, strict=True):
        line = _line(text, widths)
        start = COLOURS.get(row.outcome, "") if colour else ""
        lines.append(f"{start}{line}{END}" if start else line)
    return "\n".join(lines)


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(texts, widths, strict=True)).rstrip()
