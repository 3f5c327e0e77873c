# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of the command line as values, from which the parser, the help and the completion are generated."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")
_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false")


def read_duration(text: str) -> float:
    """Seconds from `90`, `90s`, `5m` or `1h30m`. Raises ValueError for anything else."""
    found = _DURATION.fullmatch(text.strip())
    if not text.strip() or found is None:
        raise ValueError(f"{text!r} is not a duration; use a format such as 90s, 5m or 1h30m")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def read_truth(text: str) -> bool:
    """true or false, in the spellings of Go's flags. Raises ValueError for anything else."""
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() in _TRUE


def read_whole(text: str) -> int:
    """A whole number. Raises ValueError for anything else."""
    if not text.strip().isdecimal():
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def read_number(text: str) -> float:
    """A number. Raises ValueError for anything else."""
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a number") from error


class FlagKind(Enum):
    """The kind of value that a flag takes: the function that reads it, and its placeholder in the help."""

    TEXT = (str, "TEXT")
    FILE = (str, "FILE")
    FOLDER = (str, "FOLDER")
    WHOLE = (read_whole, "NUMBER")
    NUMBER = (read_number, "NUMBER")
    DURATION = (read_duration, "DURATION")
    TRUTH = (read_truth, "")

    @property
    def read(self) -> Callable[[str], Any]:
        reader: Callable[[str], Any] = self.value[0]
        return reader

    @property
    def word(self) -> str:
        return str(self.value[1])


@dataclass(frozen=True)
class Flag:
    """One flag. name: the long form without dashes. short: one letter, empty for none.

    default: None if the flag has no default. many: whether the flag can be repeated.
    values: the values that the completion offers; other values are not rejected here. alias: a long form of earlier
    releases.
    """

    name: str
    about: str
    kind: FlagKind = FlagKind.TEXT
    short: str = ""
    default: Any = None
    many: bool = False
    values: tuple[str, ...] = ()
    alias: str = ""

    @property
    def attribute(self) -> str:
        """Its attribute name among the parsed options."""
        return self.name.replace("-", "_")

    @property
    def takes_value(self) -> bool:
        return self.kind is not FlagKind.TRUTH


@dataclass(frozen=True)
class Command:
    """One command. path: such as ("workflow", "run"). run: `module:function` of this package, imported when it runs.

    argument: name of the positional argument, such as VM; in brackets if it is optional, empty for none.
    """

    path: tuple[str, ...]
    about: str
    run: str
    flags: tuple[Flag, ...] = ()
    argument: str = ""

    @property
    def name(self) -> str:
        return " ".join(self.path)
