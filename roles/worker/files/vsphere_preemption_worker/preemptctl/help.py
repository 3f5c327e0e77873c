# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Help for the program, and for a group of commands."""

from __future__ import annotations

from .command_line import PROGRAM
from .commands import ABOUT_GROUPS, COMMANDS

ABOUT = "Ask for preemptions of vSphere VMs, watch them, and give VMs back."
CODES = (
    "Exit codes: 0 well; 1 failed; 2 wrong usage or input; 3 no such namespace; 4 access refused; 5 a library is",
    "missing; 6 Temporal or vCenter is not reachable; 7 no answer in time; 8 not found; 9 a run or restore with a bad",
    "outcome.",
)


def help_for(path: tuple[str, ...]) -> list[str]:
    """The commands that begin with this path; of the whole program where it is empty."""
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
        f"Flags of a command: {PROGRAM} COMMAND --help. With --json every answer is JSON.",
        *CODES,
    ]
