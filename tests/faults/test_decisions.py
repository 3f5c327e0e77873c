# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pause or a cancellation that is confirmed stops every later stop, at whatever point the run is."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.dispatcher import Record, a_request
from support.vcenter_faults import Run
from vsphere_preemption.temporal.kill_switch import pause

from .conftest import TAGGED, Stage

Decide = Callable[[], None]
REASONS = {"pause": "paused", "cancel": "cancelled"}


@pytest.fixture(params=list(REASONS))
def decision(request: pytest.FixtureRequest) -> str:
    """What a person decides."""
    return str(request.param)


@pytest.fixture
def decide(stage: Stage, task_queue: str, decision: str) -> Decide:
    """Carry the decision out; it is confirmed when this returns."""

    def now() -> None:
        if decision == "pause":
            stage.dispatcher.do(pause(stage.dispatcher.client, task_queue, reason="audit", by="ada"))
        else:
            stage.dispatcher.do(stage.dispatcher.handle.cancel())

    return now


def with_policy(stage: Stage, tmp_path: Path, **rules: object) -> None:
    policy = {"name": "standard", "rerun_window": 0, **rules}
    file = tmp_path / "policy.yml"
    file.write_text(json.dumps({"version": 1, "policies": [policy]}))
    stage.worker.restart_with({"PREEMPTION_POLICY_FILE": str(file)})


def record_of(stage: Stage, event_id: str, decision: str) -> Record:
    """The record of the request, also from a dispatcher that was cancelled."""
    if decision == "cancel":
        stage.dispatcher.do(stage.dispatcher.handle.result())
        [brief] = stage.dispatcher.do(stage.dispatcher.handle.query("requests"))["recent"]
        assert brief["reason"] == "cancelled", brief
    return stage.dispatcher.outcome_of(event_id)


def assert_nothing_stopped(stage: Stage, record: Record, decision: str) -> None:
    assert stage.stopped_by_us() == set()
    assert (record["outcome"], record["reason"]) == ("skipped", REASONS[decision])
    stage.assert_aftermath(record)


def test_in_the_lead_time(stage: Stage, tmp_path: Path, decide: Decide, decision: str) -> None:
    with_policy(stage, tmp_path, notice={"lead": 3, "criticalities": ["HIGH"]})
    request = a_request()
    stage.dispatcher.send(request)
    time.sleep(0.2)  # the input of the report: 0.2 s after the request
    decide()
    assert_nothing_stopped(stage, record_of(stage, request["event"]["id"], decision), decision)


@pytest.mark.parametrize(("call", "after"), [("SetField", False), ("SetField", True), ("PowerOffVM_Task", False)])
def test_while_no_worker_runs(stage: Stage, decide: Decide, decision: str, call: str, after: bool) -> None:
    # One after the other, so that the worker dies before all calls are on their way.
    stage.worker.restart_with({"PREEMPTION_VCENTER_CALLS": "1"})
    stage.proxy.on(call, Run(stage.shoot_worker, after_forwarding=after))
    request = a_request()
    stage.dispatcher.send(request)
    stage.worker.wait_ended()
    before = stage.stopped_by_us()
    decide()
    stage.worker.start()
    record = record_of(stage, request["event"]["id"], decision)
    # Calls that were on their way when the worker died have arrived.
    assert stage.stopped_by_us() == before
    assert record["reason"] == REASONS[decision]
    stage.assert_aftermath(record, announced=False)


def test_while_vcenter_is_away(stage: Stage, decide: Decide, decision: str) -> None:
    away = threading.Event()

    def go_away() -> None:
        stage.proxy.close()
        away.set()

    stage.proxy.on("SetField", Run(go_away, after_forwarding=True))
    request = a_request()
    stage.dispatcher.send(request)
    assert away.wait(20)
    decide()
    before = stage.stopped_by_us()
    stage.proxy.start()
    record = record_of(stage, request["event"]["id"], decision)
    assert stage.stopped_by_us() == before
    assert len(before) < len(TAGGED)
    assert record["reason"] == REASONS[decision]
    stage.assert_aftermath(record, announced=False)


def test_while_the_worker_is_frozen_and_another_one_ends_the_run(
    stage: Stage, decide: Decide, decision: str, start_worker: Callable[..., object]
) -> None:
    def freeze() -> None:
        stage.worker.process.send(signal.SIGSTOP)

    stage.proxy.on("SetField", Run(freeze, after_forwarding=True))
    request = a_request()
    stage.dispatcher.send(request)
    stage.wait_for_calls("SetField", 1)
    decide()
    start_worker(stage.proxy.client_environment(), {"PREEMPTION_WINDOW_SECONDS": "0"})
    record = record_of(stage, request["event"]["id"], decision)
    stage.worker.process.send(signal.SIGCONT)
    time.sleep(3)  # what a thawed worker would do, it does at once
    assert stage.stopped_by_us() == set()
    assert record["reason"] == REASONS[decision]
