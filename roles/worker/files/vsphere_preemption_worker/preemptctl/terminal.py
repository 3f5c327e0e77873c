# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text for a terminal. Names and messages are untrusted, so nothing in them may control the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vsphere_preemption.core.names import printable

GAP = "  "
NONE = "-"


def safe(value: object) -> str:
    """The value as a single line of text; a dash if it is empty."""
    return printable(str(value)) or NONE


def width(text: str) -> int:
    """The number of columns that a text occupies."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, columns: int) -> str:
    """The text, truncated to the number of columns."""
    taken = 0
    for place, character in enumerate(text):
        taken += _columns(character)
        if taken > columns:
            return text[:place]
    return text


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines with aligned columns; numbers are right-aligned."""
    cells = [list(heads), *([safe(value) for value in row] for row in rows)]
    numeric = [all(row[place].isdecimal() for row in cells[1:]) and len(cells) > 1 for place in range(len(heads))]
    widths = [max(width(row[place]) for row in cells) for place in range(len(heads))]
    return [_line(row, widths, numeric) for row in cells]


def _line(row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = []
    for text, wide, right in zip(row, widths, numeric, strict=True):
        blanks = " " * (wide - width(text))
        padded.append(blanks + text if right else text + blanks)
    return GAP.join(padded).rstrip()


def pairs(facts: Mapping[str, Any]) -> list[str]:
    """One line for each fact, beginning with its name."""
    wide = max(map(len, facts), default=0)
    return [f"{name.ljust(wide)}{GAP}{safe(value)}" for name, value in facts.items()]


def moment(wire: str) -> str:
    """A time in the wire format, without fractions of a second."""
    day, _t, rest = wire.partition("T")
    return f"{day} {rest[:8]}" if rest and not wire.startswith("0001-") else ""


def counted(counts: Mapping[str, int]) -> str:
    """Counts such as `2 stopped, 1 failed`, without zeros."""
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number)
