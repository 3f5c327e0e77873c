# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the prototype's command line does on the wire, done to our worker by clients that know nothing of us.

Temporal's own command line plays `preemptctl workflow run | status | cancel` with what was recorded of the real one:
the same workflow id, time-out and signal, and no workflow input. Our own command line is asked as well, and the real
one where it is installed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.fixtures import StartWorker
from support.govc import Govc
from support.paths import CHECKOUT, tool
from support.preemptctl import Preemptctl
from support.temporal import TemporalServer
from support.vcsim import VCSim
from support.waiting import wait_until

# The command logs the state as text inside JSON.
VALUE_IN_A_LOG_LINE = r"\"Value\""
RECORDED = Path(__file__).parents[2] / "fixtures" / "wire" / "request-preemptctl.json"
STATE = RECORDED.with_name("current_state-after-run.json")
TAGGED = ["DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"]
SECONDS = 30

Command = Callable[..., str]


@pytest.fixture
def own_namespace(temporal: TemporalServer, unique: str) -> str:
    """The prototype's workflow id is always the same, so it needs a namespace without any other test in it."""
    name = f"prototype-{unique}"
    temporal.create_namespace(name)
    return name


@pytest.fixture
def worker(vcsim: VCSim, start_worker: StartWorker, own_namespace: str) -> None:
    vcsim.tag_machines(TAGGED)
    start_worker(vcsim.client_environment(), {"TEMPORAL_NAMESPACE": own_namespace})


@pytest.fixture
def temporal_cli(temporal: TemporalServer, own_namespace: str) -> Command:
    def run(*arguments: str) -> str:
        return output_of("temporal", *arguments, "--address", temporal.address, "--namespace", own_namespace)

    return run


@pytest.mark.usefixtures("worker")
def test_run_status_and_cancel_as_the_prototype_sends_them(govc: Govc, temporal_cli: Command, task_queue: str) -> None:
    workflow = ("--workflow-id", "preempctl-run")
    temporal_cli(
        "workflow",
        "signal-with-start",
        *workflow,
        *("--type", "PreemptVMsWorkflow", "--task-queue", task_queue, "--execution-timeout", "5m"),
        *("--signal-name", "PreemptVMsChan", "--signal-input", RECORDED.read_text()),
    )
    wait_until(lambda: set(TAGGED).isdisjoint(govc.powered_on()), 20, "the tagged VMs to be off")

    def status() -> dict[str, Any]:
        answer = temporal_cli("workflow", "query", *workflow, "--type", "current_state", "--output", "json")
        state: dict[str, Any] = json.loads(json.loads(answer)["queryResult"][0])
        return state

    state = wait_until(status, 10, "the status", until=lambda seen: bool(seen["virtualMachines"]))
    assert list(state) == list(json.loads(STATE.read_text()))
    assert (state["criticality"], state["event"]["type"]) == ("LOW", "PreempctlRunEvent")
    temporal_cli("workflow", "cancel", *workflow)
    shown = wait_until(
        lambda: json.loads(temporal_cli("workflow", "describe", *workflow, "--output", "json")),
        10,
        "the workflow to end",
        until=lambda seen: "RUNNING" not in seen["workflowExecutionInfo"]["status"],
    )
    assert shown["workflowExecutionInfo"]["status"] == "WORKFLOW_EXECUTION_STATUS_COMPLETED"
    assert status() == state


@pytest.fixture
def by_ours(tmp_path: Path) -> Command:
    """Our own command line."""
    preemptctl = Preemptctl(tmp_path, {})

    def run(*words: str) -> str:
        done = preemptctl(*words)
        assert done.code == 0, done.err
        return done.out

    return run


@pytest.fixture
def by_the_prototypes() -> Command:
    """The prototype's command line, where it is installed."""
    found = shutil.which("preemptctl")
    if found is None or Path(found).resolve() == (CHECKOUT / ".venv" / "bin" / "preemptctl").resolve():
        pytest.skip("the prototype's preemptctl is not on PATH; its module is not offered by the Go module proxy")
    return lambda *words: output_of(found, *words)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("whose", ["by_ours", "by_the_prototypes"])
def test_the_same_words_do_the_same(
    request: pytest.FixtureRequest,
    govc: Govc,
    temporal: TemporalServer,
    temporal_cli: Command,
    own_namespace: str,
    task_queue: str,
    whose: str,
) -> None:
    preemptctl: Command = request.getfixturevalue(whose)
    where = ("--server", temporal.address, "--namespace", own_namespace, "--queue", task_queue, "--json")
    preemptctl("workflow", "run", "--tag", "preemptible", "--criticality", "HIGH", *where)
    wait_until(lambda: set(TAGGED).isdisjoint(govc.powered_on()), 20, "the tagged VMs to be off")
    wait_until(
        lambda: preemptctl("workflow", "status", *where),
        10,
        "the VMs in the status",
        until=lambda shown: VALUE_IN_A_LOG_LINE in shown,
    )
    shown = json.loads(temporal_cli("workflow", "describe", "--workflow-id", "preempctl-run", "--output", "json"))
    assert shown["executionConfig"]["workflowExecutionTimeout"] == "300s"
    preemptctl("workflow", "cancel", *where)
    assert VALUE_IN_A_LOG_LINE in preemptctl("workflow", "status", *where)


def output_of(program: str, *arguments: str) -> str:
    command = program if Path(program).is_absolute() else tool(program)
    done = subprocess.run([command, *arguments], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
