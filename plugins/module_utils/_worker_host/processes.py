# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identifies the process of a pid file, even after its pid was reused or the host was rebooted."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

_STATE, _STARTED = 0, 19  # of the fields that follow the name in /proc/<pid>/stat


@dataclass(frozen=True)
class Process:
    """A process of this host. started: in clock ticks since boot. boot: id of that boot."""

    pid: int
    started: int
    boot: str

    @classmethod
    def with_pid(cls, pid: int, *, proc: Path = Path("/proc")) -> Process | None:
        """The process that has this pid now; None if there is none, or if it has ended but is still listed."""
        try:
            stat = (proc / str(pid) / "stat").read_text()
            boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
        except (OSError, UnicodeDecodeError):
            return None
        # The name is in brackets, and may contain anything.
        fields = stat.rpartition(")")[2].split()
        return None if fields[_STATE] in ("Z", "X") else cls(pid, int(fields[_STARTED]), boot)

    @classmethod
    def from_file(cls, path: Path) -> Process | None:
        """The process that a file names, whether or not it is still running; None if there is no such file."""
        try:
            found = json.loads(path.read_text())
            return cls(int(found["pid"]), int(found["started"]), str(found["boot"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def as_text(self) -> str:
        """For the file."""
        return json.dumps(vars(self)) + "\n"

    def runs(self, *, proc: Path = Path("/proc")) -> bool:
        """Whether this process is still running."""
        return Process.with_pid(self.pid, proc=proc) == self

    def tell(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens if the process has ended."""
        if self.runs():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return
