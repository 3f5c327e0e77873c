# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker with a webhook, in front of a vCenter and a Temporal server that are real enough."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.dispatcher import Dispatcher
from support.govc import Govc
from support.ports import LOOPBACK, free_port
from support.temporal import TemporalServer
from support.vcsim import VCSim
from support.webhook import Sender
from support.worker import WorkerProcess

MEMORY = "Cluster memory"
HERE = [f"DC0_C0_RP0_VM{number}" for number in range(3)]
TOKEN = "a-token-that-nobody-guesses"


@dataclass
class Hooked:
    """A worker whose webhook listens, and what a sender needs to know."""

    worker: WorkerProcess
    send: Sender
    cluster: str


Hook = Callable[..., Hooked]


@pytest.fixture
def cluster(govc: Govc) -> str:
    """The MoRef of the cluster whose VMs are preemptible."""
    return govc.run("find", "-i", "/DC0/host/DC0_C0", "-maxdepth", "0").strip().partition(":")[2]


@pytest.fixture
def hook(vcsim: VCSim, start_worker: Callable[..., WorkerProcess], tmp_path: Path, cluster: str) -> Hook:
    """Start a worker with one alarm rule and a webhook; more of the rule and the policy as YAML, and its settings."""

    def start(rule: str = "", policy: str = "", **settings: str) -> Hooked:
        vcsim.tag_machines(HERE)
        file = tmp_path / "policy.yml"
        file.write_text(
            "version: 1\npolicies:\n"
            f"  - {{name: only, rerun_window: 0s{policy}}}\n"
            f"alarms:\n  - {{name: memory, alarms: ['*memory*'], tag: preemptible{rule}}}\n"
        )
        port = free_port()
        own = {
            "PREEMPTION_POLICY_FILE": str(file),
            "PREEMPTION_WATCH_ALARMS": "false",
            "PREEMPTION_WEBHOOK_ADDRESS": f"{LOOPBACK}:{port}",
        }
        worker = start_worker(vcsim.client_environment(), {**own, **settings})
        return Hooked(worker, Sender(port), cluster)

    return start


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    return file


@pytest.fixture
def of_alarm(temporal: TemporalServer, task_queue: str, cluster: str) -> Iterator[Dispatcher]:
    """The workflow of the alarm in its cluster."""
    workflow_id = f"alarm/{task_queue}/{MEMORY}/{cluster}"
    with contextlib.closing(Dispatcher(temporal, workflow_id=workflow_id, task_queue=task_queue)) as dispatcher:
        yield dispatcher
