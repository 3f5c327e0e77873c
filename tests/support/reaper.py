# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small companion process that ends what a dead test run left behind.

A test run that is killed cannot stop its servers. So it starts this program once and tells it about each process group
that it begins (`+PID`) and ends (`-PID`) over a pipe. When the pipe closes, for whatever reason, the groups that are
still on the list are killed. The alternative, the kernel's parent-death signal, follows the *thread* that started a
process, which would end servers that a helper thread had restarted.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import IO

_lock = threading.Lock()
_pipe: IO[str] | None = None


def register(group: int) -> None:
    """Kill the process group `group` when this process ends."""
    _tell(f"+{group}")


def forget(group: int) -> None:
    """The process group ended; its number may be used again by others."""
    _tell(f"-{group}")


def _tell(line: str) -> None:
    global _pipe
    with _lock:
        if _pipe is None:
            companion = subprocess.Popen(
                [sys.executable, "-S", __file__], stdin=subprocess.PIPE, text=True, start_new_session=True
            )
            _pipe = companion.stdin
        if _pipe is None:
            raise RuntimeError("the reaper has no pipe")
        _pipe.write(line + "\n")
        _pipe.flush()


def main() -> None:
    """Read the list until the pipe closes, then kill what is left on it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        change, group = line[0], int(line[1:])
        if change == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main()
