# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker with a webhook in front of everything, for the fault tests and the benchmark."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .dispatcher import Dispatcher
from .ports import LOOPBACK, free_port
from .temporal import TemporalServer
from .vcsim import VCSim
from .waiting import wait_until
from .webhook import Reply, Sender, alarm_data, of_knative
from .worker import WorkerProcess

ALARM, TOKEN = "Cluster memory", "a-token-that-nobody-guesses"
# One run, and then all is skipped: the requests count here, not what they stop.
FILE = """\
version: 1
policies:
  - {name: only, rerun_window: 1d}
alarms:
  - {name: memory, alarms: ['*memory*'], tag: preemptible}
"""


@dataclass
class HookStage:
    """A worker whose webhook listens, and the workflow that it feeds."""

    worker: WorkerProcess
    send: Sender
    cluster: str
    dispatcher: Dispatcher

    def kill_after_an_answer(self, name: str, at_once: int = 8) -> list[str]:
        """Send some events at once, kill the worker when the first is accepted, start it; ids of all accepted ones."""
        accepted: list[str] = []
        lock = threading.Lock()

        def post(event_id: str) -> None:
            with contextlib.suppress(OSError, ValueError):
                if self.post(event_id).status == 202:
                    with lock:
                        accepted.append(event_id)
                        if len(accepted) == 1:
                            self.worker.kill()

        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(post, [f"{name}-{number}" for number in range(at_once)]))
        self.worker.start()
        return accepted

    def post(self, event_id: str, cluster: str = "") -> Reply:
        """A red alarm, of another cluster where one is given."""
        return self.send.post(of_knative(event_id, alarm_data(ALARM, cluster or self.cluster)))

    def wait_outcomes(self, event_ids: list[str]) -> None:
        """Each of the requests has an outcome; at most 200 of them, for the workflow remembers no more."""
        wait_until(lambda: self.without_outcome(event_ids), 60, "an outcome for each", until=lambda left: not left)

    def without_outcome(self, event_ids: list[str]) -> set[str]:
        """Those that the workflow knows no outcome of."""
        recent = self.dispatcher.do(self.dispatcher.handle.query("requests"))["recent"]
        return set(event_ids) - {brief["event"]["id"] for brief in recent}


@contextlib.contextmanager
def hook_stage(folder: Path, temporal: TemporalServer, vcsim: VCSim, *, name: str) -> Iterator[HookStage]:
    """name: makes the task queue."""
    found = vcsim.govc().run("find", "-i", "/DC0/host/DC0_C0", "-maxdepth", "0").strip()
    cluster = found.partition(":")[2]
    (folder / "policy.yml").write_text(FILE)
    (folder / "token").write_text(TOKEN)
    port = free_port()
    settings = {
        "PREEMPTION_POLICY_FILE": str(folder / "policy.yml"),
        "PREEMPTION_WATCH_ALARMS": "false",
        "PREEMPTION_WEBHOOK_ADDRESS": f"{LOOPBACK}:{port}",
        "PREEMPTION_WEBHOOK_TOKEN_FILE": str(folder / "token"),
        "PREEMPTION_WEBHOOK_PER_SECOND": "100000",
    }
    worker = WorkerProcess(
        folder / "worker",
        temporal_address=temporal.address,
        vcenter=vcsim.client_environment(),
        task_queue=name,
        settings=settings,
    )
    dispatcher = Dispatcher(temporal, workflow_id=f"alarm/{name}/{ALARM}/{cluster}", task_queue=name)
    with contextlib.closing(dispatcher):
        worker.start()
        try:
            yield HookStage(worker, Sender(port, token=TOKEN), cluster, dispatcher)
        finally:
            worker.stop()
