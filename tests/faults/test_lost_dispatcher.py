# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run outlives the dispatcher that started it; a cancellation by the workflow id reaches it all the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.dispatcher import Record, a_request
from support.waiting import wait_until
from vsphere_preemption.core.errors import TemporalError
from vsphere_preemption.core.requests.request import read_request
from vsphere_preemption.temporal.dispatcher import Cancelled, active_run, cancel_workflow, preview_cancel, read_run
from vsphere_preemption.temporal.preemptions import preemption_id_of

from .conftest import TAGGED, Stage

LEAD = 4


@pytest.fixture(autouse=True)
def lead_time(stage: Stage, tmp_path: Path) -> None:
    """Every run waits before it stops anything."""
    policy = {"name": "standard", "rerun_window": 0, "notice": {"lead": LEAD, "criticalities": ["HIGH"]}}
    file = tmp_path / "policy.yml"
    file.write_text(json.dumps({"version": 1, "policies": [policy]}))
    stage.worker.restart_with({"PREEMPTION_POLICY_FILE": str(file)})


def begin(stage: Stage) -> str:
    """The id of a run that is in its lead time."""
    request = a_request()
    run = preemption_id_of(stage.dispatcher.workflow_id, read_request(request).key)
    stage.dispatcher.send(request)

    def phase() -> str:
        return stage.dispatcher.do(read_run(stage.dispatcher.client, run)).phase

    wait_until(phase, 20, "the lead time", until=lambda seen: seen == "lead_time", ignoring=(TemporalError,))
    return run


def lose_the_dispatcher(stage: Stage) -> None:
    stage.dispatcher.do(stage.dispatcher.handle.terminate("by the test"))


def cancel(stage: Stage, execution_run_id: str | None = None) -> Cancelled:
    do, client = stage.dispatcher.do, stage.dispatcher.client
    return do(cancel_workflow(client, stage.dispatcher.workflow_id, execution_run_id, timeout_seconds=30))


def record_of(stage: Stage, run: str) -> Record:
    """The record as the run itself returns it; its dispatcher is gone."""
    record: Record = stage.dispatcher.do(stage.dispatcher.client.get_workflow_handle(run).result())
    return record


def assert_cancelled(stage: Stage, *runs: str) -> None:
    records = [record_of(stage, run) for run in runs]
    assert stage.stopped_by_us() == set()
    assert {(record["outcome"], record["reason"]) for record in records} == {("skipped", "cancelled")}
    assert stage.phases() == {}
    assert set(TAGGED) <= stage.govc.powered_on()


def test_a_run_whose_dispatcher_was_terminated_is_cancelled_by_the_workflow_id(stage: Stage) -> None:
    run = begin(stage)
    lose_the_dispatcher(stage)
    do, client, workflow_id = stage.dispatcher.do, stage.dispatcher.client, stage.dispatcher.workflow_id
    seen = do(preview_cancel(client, workflow_id))
    assert (seen.was_running, seen.runs) == (True, (run,))
    done = cancel(stage)
    assert (done.was_running, done.runs) == (True, (run,))
    again = cancel(stage)
    assert (again.was_running, again.runs) == (False, ())
    assert_cancelled(stage, run)


def test_a_cancellation_of_the_next_execution_reaches_the_run_of_the_one_before(stage: Stage) -> None:
    first = begin(stage)
    lose_the_dispatcher(stage)
    second = begin(stage)
    done = cancel(stage)
    assert (done.was_running, done.runs) == (True, (first,))
    assert_cancelled(stage, first, second)
    again = cancel(stage)
    assert (again.was_running, again.runs) == (False, ())


def test_a_cancellation_of_an_execution_that_is_named_cancels_its_own_runs(stage: Stage) -> None:
    run = begin(stage)
    other = stage.dispatcher.do(stage.dispatcher.handle.describe()).run_id
    lose_the_dispatcher(stage)
    stage.dispatcher.send(a_request("LOW", narrow={"dryRun": True}))
    current = stage.dispatcher.do(stage.dispatcher.handle.describe()).run_id
    assert cancel(stage, current).runs == ()
    assert cancel(stage, other).runs == (run,)
    assert_cancelled(stage, run)


def test_the_gate_sees_that_the_workflow_id_was_cancelled_since(stage: Stage) -> None:
    """Cancelled by other means than ours, such as the web UI, which know nothing of the first run."""
    run = begin(stage)
    lose_the_dispatcher(stage)
    stage.dispatcher.send(a_request("LOW", narrow={"dryRun": True}))
    stage.dispatcher.do(stage.dispatcher.handle.cancel())
    record = record_of(stage, run)
    assert stage.stopped_by_us() == set()
    assert (record["outcome"], record["reason"]) == ("skipped", "cancelled")
    stage.assert_aftermath(record)


def test_a_run_of_a_lost_dispatcher_is_shown_as_active_and_stops_its_vms_if_it_is_not_cancelled(stage: Stage) -> None:
    run = begin(stage)
    lose_the_dispatcher(stage)
    stage.dispatcher.run(a_request("LOW", narrow={"dryRun": True}))
    seen = stage.dispatcher.do(active_run(stage.dispatcher.client, stage.dispatcher.workflow_id))
    assert seen is not None
    assert (seen.preemption_id, seen.phase) == (run, "lead_time")
    record = record_of(stage, run)
    assert stage.stopped_by_us() == set(TAGGED)
    stage.assert_aftermath(record, announced=False)
