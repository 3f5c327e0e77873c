# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment file of a worker: written for systemd, and read by the deployment for a detached worker.

Each line is NAME="value". Within the quotes, `"`, `\\`, `` ` `` and `$` are escaped with a backslash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..vsphere_preemption.core.errors import InvalidSetting

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_LINE = re.compile(r'(?P<name>[A-Z][A-Z0-9_]*)="(?P<value>(?:[^"\\]|\\.)*)"')
HEADER = "# Written by preemption_worker_deploy, which overwrites changes.\n"


def written(variables: Mapping[str, str]) -> str:
    """The text of the file. Raises InvalidSetting for a value that does not fit on a line, without showing it."""
    return HEADER + "".join(f'{name}="{_quoted(name, value)}"\n' for name, value in sorted(variables.items()))


def read(text: str) -> dict[str, str]:
    """The variables in the text; other lines are ignored."""
    found = (_LINE.fullmatch(line) for line in text.splitlines())
    return {match["name"]: re.sub(r"\\(.)", r"\1", match["value"]) for match in found if match}


def _quoted(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidSetting(
            f"Cannot set the variable {name!r}", why="it is not a valid variable name", next_step="Correct the name."
        )
    if any(not character.isprintable() for character in value):
        raise InvalidSetting(
            f"Cannot set the variable {name}",
            why="its value contains a line break or another non-printable character",
            next_step="Remove the character.",
        )
    return re.sub(r'(["\\`$])', r"\\\1", value)
