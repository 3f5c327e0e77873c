# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker as a process of its own, started from the checkout as an operator would start a release."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from .paths import WORKER_PYTHONPATH
from .ports import LOOPBACK, free_port
from .processes import ServerProcess
from .temporal import NAMESPACE

START_SECONDS = 20.0
CALL_SECONDS = 5.0


class WorkerProcess:
    """`python -m vsphere_preemption_worker` with the environment of the contract.

    temporal_address: host:port. vcenter: the VCENTER_* variables (VCSim.client_environment or the proxy's).
    settings: any further variables; they win over all others here, and a value of None takes one away.
    The reply target is allowed on the loopback interface, because that is where the sink of a test listens.
    """

    def __init__(
        self,
        folder: Path,
        *,
        temporal_address: str,
        vcenter: Mapping[str, str],
        task_queue: str = NAMESPACE,
        namespace: str = NAMESPACE,
        settings: Mapping[str, str | None] | None = None,
        name: str = "worker",
        left_running: bool = False,
    ) -> None:
        self.health_port = free_port()
        self.metrics_port = free_port()
        defaults = {
            "PYTHONPATH": WORKER_PYTHONPATH,
            "PYTHONUNBUFFERED": "1",
            "TEMPORAL_URL": temporal_address,
            "TEMPORAL_NAMESPACE": namespace,
            "TEMPORAL_TASKQUEUE": task_queue,
            "PREEMPTION_HEALTH_ADDRESS": f"{LOOPBACK}:{self.health_port}",
            "PREEMPTION_METRICS_ADDRESS": f"{LOOPBACK}:{self.metrics_port}",
            "PREEMPTION_REPLY_TO_ALLOW": LOOPBACK,
            **vcenter,
        }
        merged = {**defaults, **(settings or {})}
        environment = {key: value for key, value in merged.items() if value is not None}
        argv = [sys.executable, "-m", "vsphere_preemption_worker"]
        self.process = ServerProcess(name, argv, folder=folder, environment=environment, left_running=left_running)

    def start(self, *, wait: bool = True) -> WorkerProcess:
        """Start it; with `wait`, return once it says that it is ready."""
        self.process.start()
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait for /readyz; raises ProcessFailed with the log when the worker ends first."""
        self.process.wait_ready(self.is_ready, seconds)

    def stop(self, grace_seconds: float = 20.0) -> int:
        """End it with SIGTERM, and return the exit code."""
        return self.process.stop(grace_seconds)

    def kill(self) -> None:
        """End it with SIGKILL, in the middle of whatever it does."""
        self.process.kill()

    def restart(self) -> None:
        """End it in good order and start it again."""
        self.stop()
        self.start()

    def restart_with(self, settings: Mapping[str, str]) -> None:
        """End it in good order and start it with some variables changed."""
        self.stop()
        self.process.environment.update(settings)
        self.start()

    def wait_ended(self, seconds: float = START_SECONDS) -> int:
        """Wait until it ends by itself, and return the exit code."""
        return self.process.wait_ended(seconds)

    def is_ready(self) -> bool:
        """/readyz answers 200."""
        return self._status("readyz") == 200

    def is_alive(self) -> bool:
        """/healthz answers 200."""
        return self._status("healthz") == 200

    def metrics(self) -> str:
        """The Prometheus page."""
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.metrics_port}/metrics", timeout=CALL_SECONDS) as page:
            return str(page.read().decode())

    def log_text(self) -> str:
        """Everything that the worker has logged."""
        return self.process.log_text()

    def _status(self, path: str) -> int | None:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.health_port}/{path}", timeout=CALL_SECONDS) as page:
                return int(page.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None
