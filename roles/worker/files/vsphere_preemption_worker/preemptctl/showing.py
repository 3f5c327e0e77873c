# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text for a terminal. Names and messages come from others, so nothing in them may steer the terminal.

Whatever cannot be printed is shown as its escape: colours, line ends, and marks that turn the direction of writing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

GAP = "  "
NONE = "-"


def safe(value: object) -> str:
    """The value as text of one line; a dash for nothing."""
    text = "".join(character if character.isprintable() else _escaped(character) for character in str(value))
    return text or NONE


def _escaped(character: str) -> str:
    """Lone surrogates, too: they cannot be written to a terminal at all."""
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def width(text: str) -> int:
    """Columns that a text takes."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, columns: int) -> str:
    """No more of the text than fits."""
    taken = 0
    for place, character in enumerate(text):
        taken += _columns(character)
        if taken > columns:
            return text[:place]
    return text


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines with aligned columns; numbers stand to the right."""
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
    """One line for each fact, its name in front."""
    wide = max(map(len, facts), default=0)
    return [f"{name.ljust(wide)}{GAP}{safe(value)}" for name, value in facts.items()]


def moment(wire: str) -> str:
    """A time of the wire without its fraction."""
    day, _t, rest = wire.partition("T")
    return f"{day} {rest[:8]}" if rest and not wire.startswith("0001-") else ""


def counted(counts: Mapping[str, int]) -> str:
    """`2 stopped, 1 failed`, without what there is none of."""
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number)
