# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Help for the program and for command groups."""

from __future__ import annotations

from .command_line import PROGRAM
from .commands import ABOUT_GROUPS, COMMANDS

ABOUT = "Request and follow preemptions of vSphere VMs, and restore VMs."
CODES = (
    "Exit codes: 0 success; 1 failure; 2 invalid usage or input; 3 namespace not found; 4 access denied; 5 library",
    "missing; 6 Temporal or vCenter unreachable; 7 timeout waiting for an outcome; 8 not found; 9 unsuccessful run or",
    "restore.",
)


def help_for(path: tuple[str, ...]) -> list[str]:
    """The help for the commands that begin with this path; for the whole program if the path is empty."""
    commands = [command for command in COMMANDS if command.path[: len(path)] == path]
    named = [(f"{command.name} {command.argument}".rstrip(), command.about) for command in commands]
    wide = max(len(name) for name, _about in named)
    about = ABOUT_GROUPS.get(path, ABOUT)
    return [
        f"usage: {' '.join((PROGRAM, *path))} COMMAND [FLAG ...]",
        "",
        f"{about[0].upper()}{about[1:].rstrip('.')}.",
        "",
        *(f"  {name.ljust(wide)}  {about}" for name, about in named),
        "",
        f"For the flags of a command, run {PROGRAM} COMMAND --help. With --json, all output is JSON.",
        *CODES,
    ]
