# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output of results to standard output, and of errors as one line to standard error.

Names and messages are untrusted, so nothing in them may control the terminal.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vsphere_preemption.core.errors import PreemptionError
from vsphere_preemption.core.names import printable
from vsphere_preemption.core.redaction import without_secrets

from .command_line import PROGRAM

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


class Output:
    """json: print one JSON object per line, in ASCII, so that no name can control a terminal.

    Secrets in reply addresses are always redacted.
    """

    def __init__(self, *, json: bool, verbose: bool = False) -> None:
        self.json = json
        self._verbose = verbose

    def answer(self, document: dict[str, Any], lines: Iterable[str]) -> None:
        """Print the document as JSON, or the lines as text."""
        if self.json:
            print(_as_json(document), flush=True)
        else:
            self.lines(lines)

    def lines(self, lines: Iterable[str]) -> None:
        """Print lines of text and flush them."""
        for line in lines:
            print(line)
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Print what is being done, with --verbose."""
        if self._verbose:
            print(f"{PROGRAM}: {safe(text)}", file=sys.stderr)

    def error(self, error: PreemptionError) -> None:
        """Print an error."""
        if self.json:
            # `failure` is for playbooks only, because Ansible may mask values.
            known = {name: value for name, value in error.as_result().items() if name != "failure"}
            print(_as_json({"level": "error", **known}), file=sys.stderr)
        else:
            print(f"{PROGRAM}: {safe(error)} [{error.code}]", file=sys.stderr)


def _as_json(document: dict[str, Any]) -> str:
    return json.dumps(without_secrets(document))


def lenient() -> None:
    """Escape characters that the terminal's encoding does not support, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def let_go_of_stdout() -> None:
    """The reader has closed the pipe: discard buffered output, so that the interpreter exits without an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
