# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our command line as a process, in an environment that holds nothing of the caller's but PATH."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .paths import WORKER_PYTHONPATH

SECONDS = 120.0
ARGV = (sys.executable, "-m", "vsphere_preemption_worker.preemptctl")


@dataclass(frozen=True)
class Ran:
    """One run. out, err: all that was written."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The JSON objects on standard output, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> dict[str, Any]:
        """The one JSON object on standard error."""
        found: dict[str, Any] = json.loads(self.err)
        return found


class Preemptctl:
    """folder: becomes the home folder. environment: variables of the command."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": WORKER_PYTHONPATH,
            **environment,
        }

    def __call__(self, *words: str, env: Mapping[str, str] | None = None, stdin: str = "") -> Ran:
        """Run one command to its end."""
        done = subprocess.run(
            [*ARGV, *words],
            env={**self.environment, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
        """Start one command; finish it with `end` or `ended`."""
        return subprocess.Popen(
            [*ARGV, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )


def ended(child: subprocess.Popen[str]) -> Ran:
    """Wait until it has ended by itself."""
    try:
        out, err = child.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        raise
    return Ran(child.returncode, out or "", err)


def interrupted(child: subprocess.Popen[str]) -> Ran:
    """End it as Ctrl-C does."""
    child.send_signal(signal.SIGINT)
    return ended(child)
