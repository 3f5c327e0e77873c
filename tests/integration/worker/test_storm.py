# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of signals to one workflow: none lost, none wedged, and the history stays short."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowExecutionStatus
from temporalio.common import RawValue
from temporalio.service import RPCError

from support.dispatcher import Dispatcher, a_request
from support.temporal import TemporalServer
from support.vcsim import VCSim
from support.worker import WorkerProcess
from vsphere_preemption.core.requests.request import read_request
from vsphere_preemption.temporal.dispatcher import RequestOutcome, preempt_and_wait

SIGNALS = 3000
SUGGESTED_AT = 500
# In all more than a workflow may hand on to itself, and than Temporal wants in a history.
LARGE, LARGE_BYTES = 60, 200_000
FLOOD, FLOOD_BYTES = 40, 1_900_000
MOST_MIB = 250
ANSWER_SECONDS = 2.0


@pytest.fixture
def worker_of(
    tmp_path_factory: pytest.TempPathFactory, vcsim: VCSim
) -> Iterator[Callable[[TemporalServer], WorkerProcess]]:
    with contextlib.ExitStack() as ending:

        def start(temporal: TemporalServer) -> WorkerProcess:
            worker = WorkerProcess(
                tmp_path_factory.mktemp("worker"),
                temporal_address=temporal.address,
                vcenter=vcsim.client_environment(),
                task_queue="storm",
                settings={"PREEMPTION_WINDOW_SECONDS": "3600"},
            )
            ending.callback(worker.stop)
            return worker.start()

        yield start


@pytest.fixture
def short_histories(tmp_path: Path) -> Iterator[TemporalServer]:
    """A server that suggests to continue as new early, so that it happens several times here."""
    setting = f"limit.historyCount.suggestContinueAsNew={SUGGESTED_AT}"
    server = TemporalServer(tmp_path, dynamic_config=[setting]).start()
    yield server
    server.stop()


def test_three_thousand_signals_each_have_one_outcome(
    short_histories: TemporalServer, vcsim: VCSim, worker_of: Callable[[TemporalServer], WorkerProcess]
) -> None:
    vcsim.tag_machines(["DC0_C0_RP0_VM0"])
    worker_of(short_histories)
    requests = [a_request(event_id=f"event-{number % (SIGNALS - 100)}") for number in range(SIGNALS)]
    with contextlib.closing(Dispatcher(short_histories, workflow_id="storm", task_queue="storm")) as dispatcher:
        dispatcher.send_many(requests)
        dispatcher.send_raw([Payload(metadata={"encoding": b"binary/plain"}, data=b"\xff")])
        dispatcher.wait_counts(done=1, skipped=SIGNALS - 101, duplicate=100, rejected=1)
        description = dispatcher.do(dispatcher.handle.describe())
        assert description.history_length < 6 * SUGGESTED_AT
        assert len(dispatcher.runs()) == 1


@pytest.mark.parametrize("gathered", [1500, pytest.param(9000, marks=pytest.mark.long)])
def test_signals_that_gathered_while_no_worker_ran_are_all_read(
    temporal: TemporalServer, vcsim: VCSim, worker_of: Callable[[TemporalServer], WorkerProcess], gathered: int
) -> None:
    """All of them arrive in one workflow task, and every core has something else to do."""
    vcsim.tag_machines(["DC0_C0_RP0_VM0"])
    workflow_id = f"gathered-{gathered}"
    with contextlib.closing(Dispatcher(temporal, workflow_id=workflow_id, task_queue="storm")) as dispatcher:
        worker = worker_of(temporal)
        dispatcher.run(a_request(event_id="before"))
        before = last_result(dispatcher)
        worker.stop()
        requests = [a_request(event_id=f"event-{number}") for number in range(gathered)]
        for request in requests:
            request["event"]["data"] = "x" * 700
        dispatcher.send_many(requests)
        with busy_cores():
            worker = worker_of(temporal)
            dispatcher.wait_counts(120, done=1, skipped=gathered)
            began = time.monotonic()
            assert last_result(dispatcher) == before
            assert time.monotonic() - began < ANSWER_SECONDS
    assert "deadlock" not in worker.log_text().lower()


def test_a_request_has_its_outcome_although_temporal_ended_the_workflow_for_its_size(
    temporal: TemporalServer, vcsim: VCSim, worker_of: Callable[[TemporalServer], WorkerProcess]
) -> None:
    """More than 50 MB of signals, from somebody else, while no worker runs."""
    vcsim.tag_machines(["DC0_C0_RP0_VM0"])
    flood = Payload(metadata={"encoding": b"json/plain"}, data=b'"' + b"x" * FLOOD_BYTES + b'"')
    with contextlib.closing(Dispatcher(temporal, workflow_id="flooded", task_queue="storm")) as dispatcher:
        dispatcher.send(a_request(event_id="before"))

        async def flooded() -> RequestOutcome:
            good = read_request(a_request(event_id="good"))
            asking = asyncio.create_task(
                preempt_and_wait(dispatcher.client, good, workflow_id="flooded", task_queue="storm", timeout_seconds=60)
            )
            handle = dispatcher.handle
            with contextlib.suppress(RPCError):
                for _signal in range(FLOOD):
                    await handle.signal("PreemptVMsChan", RawValue(flood))
            assert (await handle.describe()).status is WorkflowExecutionStatus.TERMINATED
            await asyncio.to_thread(worker_of, temporal)
            return await asking

        assert dispatcher.do(flooded()).record["outcome"] == "done"
        dispatcher.send(a_request(event_id="afterwards"))
        dispatcher.wait_counts(done=1, skipped=1)


def last_result(dispatcher: Dispatcher) -> dict[str, object]:
    """The state, without the part that changes when the workflow continues as new."""
    return {name: value for name, value in dispatcher.state().items() if name != "workflowRunID"}


@contextlib.contextmanager
def busy_cores() -> Iterator[None]:
    """One process for each core that computes all the time."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _core in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@pytest.mark.parametrize("length", [968, 1000])
def test_a_workflow_id_of_any_length_that_temporal_takes_is_served(
    temporal: TemporalServer, vcsim: VCSim, worker_of: Callable[[TemporalServer], WorkerProcess], length: int
) -> None:
    vcsim.tag_machines(["DC0_C0_RP0_VM0"])
    worker_of(temporal)
    with contextlib.closing(Dispatcher(temporal, workflow_id="w" * length, task_queue="storm")) as dispatcher:
        dispatcher.send(a_request(event_id=f"event-{length}"))
        dispatcher.wait_counts(done=1)
        [run] = dispatcher.runs()
        assert len(run["runID"]) == 1000


def test_large_requests_that_wait_wedge_nothing_and_take_no_memory(
    temporal: TemporalServer, vcsim: VCSim, worker_of: Callable[[TemporalServer], WorkerProcess]
) -> None:
    vcsim.tag_machines(["DC0_C0_RP0_VM0"])
    requests = [a_request(event_id=f"event-{number}") for number in range(LARGE)]
    for request in requests:
        request["event"]["data"] = "x" * LARGE_BYTES
    with contextlib.closing(Dispatcher(temporal, workflow_id="large", task_queue="storm")) as dispatcher:
        # Nobody works yet, so all of them are there when the first run begins.
        dispatcher.send_many(requests)
        worker = worker_of(temporal)
        dispatcher.wait_counts(done=1, skipped=LARGE - 1)
        reasons = {brief["reason"] for brief in dispatcher.do(dispatcher.handle.query("requests"))["recent"]}
        assert reasons == {"", "within_rerun_window", "too_many_waiting"}
        dispatcher.send(a_request(event_id="afterwards"))
        dispatcher.wait_counts(done=1, skipped=LARGE)
    assert "exceeded the error limit" not in worker.log_text()
    assert worker.process.peak_resident_mib() < MOST_MIB
