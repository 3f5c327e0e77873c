# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of the demonstration, and the list of them that lets `down` find them again.

They go on running when the demonstration has been shown, so that a person can look around. A process id alone is no
safe way to find a server later, because the kernel gives old numbers to new processes; so the list also holds the
moment at which each process began.
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

# A test plays the demonstration in a folder of its own, beside one that a person may be looking at.
FOLDER = Path(os.environ.get("PREEMPTION_DEMO_FOLDER") or CACHE / "demo")
RUNNING = FOLDER / "running.json"
EVENTS = FOLDER / "events.jsonl"
# Where the playbook deploys the worker to.
WORKER = FOLDER / "worker"
INSTANCE = WORKER / "instances" / "default"

FRONTEND_PORT, UI_PORT, VCENTER_PORT, SINK_PORT, HEALTH_PORT = 7233, 8233, 8989, 8880, 8080

# Long enough to see a task run in the events of vCenter, short enough not to wait for.
TASK_MILLISECONDS = {"PowerOff": 300, "ShutdownGuest": 500}
STOP_SECONDS = 15.0


@dataclass(frozen=True)
class RunningServer:
    """One entry of the list: began is the kernel's start time of the process in clock ticks since boot."""

    name: str
    pid: int
    began: int

    @property
    def is_up(self) -> bool:
        """The process that the entry means still runs."""
        return _began(self.pid) == self.began


class Stage:
    """Starts the servers one by one; each is on the list before the next one starts."""

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
        """Where the CloudEvents go."""
        return f"http://{LOOPBACK}:{self._sink_port}/events"

    def start_temporal(self) -> None:
        """Temporal with its web page."""
        self._start(self.temporal.process, self.temporal.start)

    def start_vcenter(self) -> None:
        """The simulated vCenter."""
        self._start(self.vcsim.process, self.vcsim.start)

    def start_sink(self) -> None:
        """The receiver that writes each CloudEvent into a file."""
        argv = [sys.executable, "-m", "demo.event_log", str(self._sink_port), str(EVENTS)]
        path = os.pathsep.join(str(CHECKOUT / folder) for folder in ("tools", "tests"))
        sink = ServerProcess("sink", argv, folder=FOLDER / "sink", environment={"PYTHONPATH": path}, left_running=True)

        def start() -> None:
            sink.start()
            sink.wait_ready(lambda: is_listening(self._sink_port), 10)

        self._start(sink, start)

    def list_worker(self) -> None:
        """Put the worker that a playbook has started on the list, where there is one."""
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
    """The servers on the list of an earlier demonstration that still run, in the order in which they were started."""
    if not RUNNING.exists():
        return []
    entries = [RunningServer(**entry) for entry in json.loads(RUNNING.read_text())]
    return [entry for entry in entries if entry.is_up]


def clear_the_stage() -> list[str]:
    """Stop the servers of an earlier demonstration, last started first; return their names."""
    entries = on_stage()
    stopped = [entry.name for entry in reversed(entries) if _stop(entry)]
    RUNNING.unlink(missing_ok=True)
    return stopped


def prepare_folder() -> Path:
    """An empty folder for the next demonstration."""
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
    """Start time of a process in clock ticks since boot; -1 where there is none, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return -1
    return -1 if fields[0] == "Z" else int(fields[19])
