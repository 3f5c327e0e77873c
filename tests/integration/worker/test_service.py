# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process: it starts, says when it is ready, ends in order, and says in one line why it cannot work."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.dispatcher import Dispatcher, a_request
from support.ports import LOOPBACK, free_port
from support.temporal import NAMESPACE, TemporalServer
from support.vcenter_proxy import VCenterProxy
from support.vcsim import PASSWORD, VCSim
from support.waiting import wait_until
from support.worker import WorkerProcess

StartWorker = Callable[..., WorkerProcess]


def the_error_line(worker: WorkerProcess) -> str:
    lines = [line for line in worker.log_text().splitlines() if "level=error" in line]
    assert len(lines) == 1, worker.log_text()
    assert "Traceback" not in worker.log_text()
    return lines[0]


@pytest.mark.parametrize(
    ("change", "exit_code", "said"),
    [
        ({"VCENTER_URL": None}, 2, "VCENTER_URL"),
        ({"TEMPORAL_URL": None}, 2, "TEMPORAL_URL"),
        ({"TEMPORAL_NAMESPACE": None}, 2, "TEMPORAL_NAMESPACE"),
        ({"TEMPORAL_TASKQUEUE": ""}, 2, "TEMPORAL_TASKQUEUE"),
        ({"PREEMPTION_MAX_VMS": "many"}, 2, "PREEMPTION_MAX_VMS"),
        ({"PREEMPTION_MAX_VMS": "0"}, 2, "PREEMPTION_MAX_VMS"),
        ({"PREEMPTION_GRACE_SECONDS": "-1"}, 2, "PREEMPTION_GRACE_SECONDS"),
        ({"PREEMPTION_WINDOW_SECONDS": "nan"}, 2, "PREEMPTION_WINDOW_SECONDS"),
        ({"VCENTER_INSECURE": "maybe"}, 2, "VCENTER_INSECURE"),
        ({"VCENTER_CA_FILE": "nowhere.pem"}, 2, "VCENTER_CA_FILE"),
        ({"PREEMPTION_HEALTH_ADDRESS": "here"}, 2, "PREEMPTION_HEALTH_ADDRESS"),
        ({"PREEMPTION_METRICS_ADDRESS": "name.invalid:1"}, 2, "PREEMPTION_METRICS_ADDRESS"),
        ({"PREEMPTION_REPLY_MODE": "loud"}, 2, "PREEMPTION_REPLY_MODE"),
        ({"TEMPORAL_NAMESPACE": "no-such-namespace"}, 3, "no-such-namespace"),
    ],
    ids=lambda value: "-".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_what_cannot_work_is_one_clear_line_and_an_exit_code(
    shared_vcsim: VCSim, start_worker: StartWorker, change: dict[str, str | None], exit_code: int, said: str
) -> None:
    worker = start_worker(shared_vcsim.client_environment(), change, wait=False)
    assert worker.wait_ended() == exit_code
    assert said in the_error_line(worker)


def test_a_worker_waits_for_temporal_and_starts_when_it_comes(
    shared_vcsim: VCSim, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    port = free_port()
    worker = WorkerProcess(
        tmp_path, temporal_address=f"{LOOPBACK}:{port}", vcenter=shared_vcsim.client_environment()
    ).start(wait=False)
    server = TemporalServer(tmp_path_factory.mktemp("late"), port=port)
    try:
        wait_until(worker.is_alive, 10, "the worker to be alive")
        wait_until(lambda: "waiting for Temporal" in worker.log_text(), 10, "the worker to say what it waits for")
        assert not worker.is_ready()
        server.start()
        worker.wait_ready()
    finally:
        worker.stop()
        server.stop()


def test_readiness_follows_vcenter(vcsim: VCSim, vcenter_proxy: VCenterProxy, start_worker: StartWorker) -> None:
    vcenter_proxy.close()
    worker = start_worker(vcenter_proxy.client_environment(), wait=False)
    wait_until(worker.is_alive, 10, "the worker to be alive")
    assert not worker.is_ready()
    vcenter_proxy.start()
    worker.wait_ready()


def test_an_idle_worker_ends_at_once_and_in_order(shared_vcsim: VCSim, start_worker: StartWorker) -> None:
    worker = start_worker(shared_vcsim.client_environment())
    began = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - began < 10


def test_metrics_tell_runs_victims_and_calls(vcsim: VCSim, dispatcher: Dispatcher, start_worker: StartWorker) -> None:
    vcsim.tag_machines(["DC0_C0_RP0_VM0"])
    worker = start_worker(vcsim.client_environment())
    dispatcher.run(a_request())
    page = wait_until(worker.metrics, 5, "the metrics", until=lambda text: "preemption_runs_total" in text)
    for wanted in (
        r"preemption_runs_total\{[^}]*outcome=\"done\"[^}]*\} 1$",
        r"preemption_victims_total\{[^}]*method=\"hard\"[^}]*outcome=\"stopped\"[^}]*\} 1$",
        r"preemption_vcenter_calls_total\{[^}]*method=\"PowerOffVM_Task\"[^}]*\} 1$",
        r"preemption_run_seconds_count\{[^}]*\} 1$",
        r"preemption_vcenter_call_seconds_bucket\{",
        r"temporal_workflow_completed_total\{",
    ):
        assert re.search(wanted, page, re.MULTILINE), f"{wanted} is not in\n{page}"


def test_no_secret_is_in_logs_argv_history_or_marks(
    vcsim: VCSim, dispatcher: Dispatcher, start_worker: StartWorker
) -> None:
    vcsim.tag_machines(["DC0_C0_RP0_VM0"])
    worker = start_worker(vcsim.client_environment(), {"DEBUG": "true", "TEMPORAL_NAMESPACE": NAMESPACE})
    dispatcher.run(a_request())
    history = dispatcher.do(dispatcher.handle.fetch_history()).to_json()
    argv = Path(f"/proc/{worker.process.pid}/cmdline").read_text()
    marks = str(vcsim.govc().marks())
    for place in (worker.log_text(), history, argv, marks):
        assert PASSWORD not in place
