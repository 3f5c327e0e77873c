# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment file of a worker: written so that systemd reads it as it is meant, and read again for a detached one.

Each line is NAME="value". Within the quotes a backslash stands before each of `"`, `\\`, `` ` `` and `$`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..vsphere_preemption.core.errors import InvalidSetting

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_LINE = re.compile(r'(?P<name>[A-Z][A-Z0-9_]*)="(?P<value>(?:[^"\\]|\\.)*)"')
HEADER = "# Written by preemption_worker_deploy, which overwrites changes.\n"


def written(variables: Mapping[str, str]) -> str:
    """The text of the file. InvalidSetting for a value that a line cannot hold; the value itself is not shown."""
    return HEADER + "".join(f'{name}="{_quoted(name, value)}"\n' for name, value in sorted(variables.items()))


def read(text: str) -> dict[str, str]:
    """The variables in the text; lines that are none are left out."""
    found = (_LINE.fullmatch(line) for line in text.splitlines())
    return {match["name"]: re.sub(r"\\(.)", r"\1", match["value"]) for match in found if match}


def _quoted(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidSetting(
            f"Cannot set the variable {name!r}", why="this is no name of a variable", next_step="Correct the name."
        )
    if any(not character.isprintable() for character in value):
        raise InvalidSetting(
            f"Cannot set the variable {name}",
            why="its value holds a line break or another character that cannot be printed",
            next_step="Remove it.",
        )
    return re.sub(r'(["\\`$])', r"\\\1", value)
