# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The prototype's own command line, unchanged, against our worker."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from support.govc import Govc
from support.paths import tool
from support.temporal import NAMESPACE, TemporalServer
from support.vcsim import VCSim
from support.waiting import wait_until
from support.worker import WorkerProcess

TAGGED = ["DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"]
SECONDS = 30


@pytest.fixture
def preemptctl(temporal: TemporalServer, task_queue: str) -> Callable[..., str]:
    """Run a command of preemptctl and return what it prints."""

    def run(*arguments: str) -> str:
        common = ["--server", temporal.address, "--namespace", NAMESPACE, "--queue", task_queue]
        done = subprocess.run(
            [tool("preemptctl"), *arguments, *common], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout + done.stderr

    return run


def test_run_status_and_cancel_of_the_prototype_work(
    vcsim: VCSim, govc: Govc, preemptctl: Callable[..., str], start_worker: Callable[..., WorkerProcess]
) -> None:
    vcsim.tag_machines(TAGGED)
    start_worker(vcsim.client_environment())
    preemptctl("workflow", "run", "--tag", "preemptible", "--criticality", "HIGH")
    wait_until(lambda: set(TAGGED).isdisjoint(govc.powered_on()), 20, "the tagged VMs to be off")
    wait_until(lambda: len(govc.marks()) == 2, 5, "the marks")

    def shown() -> dict[str, object]:
        text = preemptctl("workflow", "status")
        found: dict[str, object] = json.loads(text[text.index("{") : text.rindex("}") + 1])
        return found

    state = wait_until(shown, 10, "the status", until=lambda seen: bool(seen["virtualMachines"]))
    assert state["criticality"] == "HIGH"
    assert state["workflowID"] == "preempctl-run"
    preemptctl("workflow", "cancel")
    assert wait_until(shown, 10, "the status of the cancelled workflow")["virtualMachines"] == state["virtualMachines"]
