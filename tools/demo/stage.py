# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of the demo, and the list of them from which `down` finds them again.

They keep running after the demo has been shown, so that a user can look around. A process ID alone does not identify a
server reliably, because the kernel reuses process IDs; so the list also contains the start time of each process.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from support.paths import CACHE, CHECKOUT
from support.ports import LOOPBACK, is_listening, preferred_port
from support.processes import ServerProcess
from support.temporal import TemporalServer
from support.vcsim import Model, VCSim
from support.waiting import WaitedInVain, wait_until

from .cast import CAST, MACHINES_PER_CLUSTER

# A test runs the demo in its own folder, so as not to disturb one that a user is running.
FOLDER = Path(os.environ.get("PREEMPTION_DEMO_FOLDER") or CACHE / "demo")
RUNNING = FOLDER / "running.json"
EVENTS = FOLDER / "events.jsonl"
# The directory into which the playbook deploys the worker.
WORKER = FOLDER / "worker"
INSTANCE = WORKER / "instances" / "default"

FRONTEND_PORT, UI_PORT, VCENTER_PORT, SINK_PORT, HEALTH_PORT = 7233, 8233, 8989, 8880, 8080

# Long enough for a task to show as running in vCenter's events, short enough not to slow the demo down.
TASK_MILLISECONDS = {"PowerOff": 300, "ShutdownGuest": 500}
STOP_SECONDS = 15.0


@dataclass(frozen=True)
class RunningServer:
    """One entry of the list. began: start time of the process, in clock ticks since boot."""

    name: str
    pid: int
    began: int

    @property
    def is_up(self) -> bool:
        """Whether the process of this entry is still running."""
        return _began(self.pid) == self.began


class Stage:
    """Starts the servers one by one; each one is added to the list before the next one starts."""

    def __init__(self) -> None:
        self._list: list[RunningServer] = []
        self.temporal = TemporalServer(
            FOLDER / "temporal",
            namespaces=(),
            durable=True,
            with_ui=True,
            port=preferred_port(FRONTEND_PORT),
            ui_port=preferred_port(UI_PORT),
            left_running=True,
        )
        self.vcsim = VCSim(
            FOLDER / "vcenter",
            model=Model(clusters=len(CAST), hosts=2, machines=MACHINES_PER_CLUSTER),
            delays_ms=TASK_MILLISECONDS,
            port=preferred_port(VCENTER_PORT),
            left_running=True,
        )
        self._sink_port = preferred_port(SINK_PORT)
        self.health_port = preferred_port(HEALTH_PORT)

    @property
    def sink_url(self) -> str:
        """The URL that receives the CloudEvents."""
        return f"http://{LOOPBACK}:{self._sink_port}/events"

    def start_temporal(self) -> None:
        """Start Temporal with its Web UI."""
        self._start(self.temporal.process, self.temporal.start)

    def start_vcenter(self) -> None:
        """Start the simulated vCenter."""
        self._start(self.vcsim.process, self.vcsim.start)

    def start_sink(self) -> None:
        """Start the receiver, which writes each CloudEvent to a file."""
        argv = [sys.executable, "-m", "demo.event_log", str(self._sink_port), str(EVENTS)]
        path = os.pathsep.join(str(CHECKOUT / folder) for folder in ("tools", "tests"))
        sink = ServerProcess("sink", argv, folder=FOLDER / "sink", environment={"PYTHONPATH": path}, left_running=True)

        def start() -> None:
            sink.start()
            sink.wait_ready(lambda: is_listening(self._sink_port), 10)

        self._start(sink, start)

    def list_worker(self) -> None:
        """Add the worker that a playbook has started to the list, if there is one."""
        with contextlib.suppress(OSError):
            self._add("worker", int(json.loads((INSTANCE / "worker.pid").read_text())["pid"]))

    def _start(self, process: ServerProcess, start: Callable[[], object]) -> None:
        try:
            start()
        finally:
            with contextlib.suppress(OSError):
                self._add(process.name, process.pid)

    def _add(self, name: str, pid: int) -> None:
        self._list.append(RunningServer(name, pid, _began(pid)))
        RUNNING.write_text(json.dumps([asdict(entry) for entry in self._list], indent=2) + "\n")


def on_stage() -> list[RunningServer]:
    """The servers of an earlier demo that are still running, in the order in which they were started."""
    if not RUNNING.exists():
        return []
    entries = [RunningServer(**entry) for entry in json.loads(RUNNING.read_text())]
    return [entry for entry in entries if entry.is_up]


def clear_the_stage() -> list[str]:
    """Stop the servers of an earlier demo, in reverse order; return their names."""
    entries = on_stage()
    stopped = [entry.name for entry in reversed(entries) if _stop(entry)]
    RUNNING.unlink(missing_ok=True)
    return stopped


def prepare_folder() -> Path:
    """Create an empty folder for the next demo."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    return FOLDER


def _stop(entry: RunningServer) -> bool:
    if not entry.is_up:
        return False
    os.kill(entry.pid, signal.SIGTERM)
    try:
        wait_until(lambda: not entry.is_up, STOP_SECONDS, f"{entry.name} to end")
    except WaitedInVain:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(entry.pid, signal.SIGKILL)
    return True


def _began(pid: int) -> int:
    """Start time of a process in clock ticks since boot; -1 if it does not exist or is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return -1
    return -1 if fields[0] == "Z" else int(fields[19])
