# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers as child processes: started, watched, stopped, killed and started again.

Each has a folder of its own with its log, its temporary files and its home, and an environment that holds nothing of
the caller's but PATH and the language. So a developer's own settings never change a test.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from . import reaper
from .waiting import wait_until

PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ")


class ProcessFailed(RuntimeError):
    """The process ended before it was ready."""


class ServerProcess:
    """One server program.

    argv: program and arguments; read again at each start, so a subclass or caller may change it between two starts.
    folder: made if missing; holds NAME.log, tmp/ and home/.
    left_running: the process outlives this one (the demo). All others end with this process, however it ends.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        left_running: bool = False,
    ) -> None:
        self.name = name
        self.argv = [str(part) for part in argv]
        self.folder = folder
        self.environment = dict(environment or {})
        self.log_file = folder / f"{name}.log"
        self._left_running = left_running
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """The process was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        """The id of the process that was started last."""
        if self._child is None:
            raise ProcessFailed(f"{self.name} was never started")
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs or before it was started."""
        return None if self._child is None else self._child.poll()

    def start(self) -> None:
        """Start the program; its output is appended to the log file."""
        if self.running:
            raise ProcessFailed(f"{self.name} runs already, as process {self.pid}")
        for part in (self.folder, self._temporary, self._home):
            part.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self._child = subprocess.Popen(
                self.argv,
                env=self._full_environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if not self._left_running:
            reaper.register(self.pid)

    def wait_ready(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready()`; raise ProcessFailed with the end of the log when the process ends first."""

        def ready_or_ended() -> bool:
            if not self.running:
                raise ProcessFailed(f"{self.name} ended with {self.exit_code}. Its last lines:\n{self.log_tail()}")
            return ready()

        wait_until(ready_or_ended, seconds, f"{self.name} to become ready (log: {self.log_file})")

    def stop(self, grace_seconds: float = 15.0) -> int:
        """End it with SIGTERM, after the grace time with SIGKILL; return the exit code. No-op when it is down."""
        return self._end(signal.SIGTERM, grace_seconds)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, and do not wait for what it does."""
        os.kill(self.pid, number)

    def kill(self) -> int:
        """End it with SIGKILL, as a crash would."""
        return self._end(signal.SIGKILL, grace_seconds=5.0)

    def wait_ended(self, seconds: float) -> int:
        """Wait until it ends by itself, and return the exit code."""
        wait_until(lambda: not self.running, seconds, f"{self.name} to end by itself (log: {self.log_file})")
        return self._end(signal.SIGTERM, grace_seconds=0)

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers, as a hung machine."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on."""
        os.killpg(self.pid, signal.SIGCONT)

    def log_text(self) -> str:
        """Everything the process has written so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of the log."""
        return "\n".join(self.log_text().splitlines()[-lines:])

    def resident_mib(self) -> float:
        """Resident memory now, in mebibytes."""
        return self._status_kib("VmRSS") / 1024

    def peak_resident_mib(self) -> float:
        """The most resident memory that the process ever had, in mebibytes."""
        return self._status_kib("VmHWM") / 1024

    @property
    def _temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def _home(self) -> Path:
        return self.folder / "home"

    def _full_environment(self) -> dict[str, str]:
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return {**passed_on, "HOME": str(self._home), "TMPDIR": str(self._temporary), **self.environment}

    def _status_kib(self, field: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise ProcessFailed(f"{self.name}: the kernel reports no {field}")

    def _end(self, first_signal: signal.Signals, grace_seconds: float) -> int:
        if self._child is None:
            return 0
        if self._child.poll() is None:
            self._child.send_signal(first_signal)
        try:
            code = self._child.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            code = -signal.SIGKILL
        _kill_group(self.pid)
        self._child.wait()
        reaper_knows = not self._left_running
        if reaper_knows:
            reaper.forget(self.pid)
        shutil.rmtree(self._temporary, ignore_errors=True)
        return code


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
