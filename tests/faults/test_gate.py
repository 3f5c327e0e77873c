# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate in the middle of stopping: cancellations between calls, in a hurry, of the run itself; no Temporal."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.dispatcher import Record, a_request
from support.temporal import TemporalServer
from support.vcenter_faults import Hang, Run, Swallow
from support.waiting import wait_until
from vsphere_preemption.core.errors import TemporalError
from vsphere_preemption.core.requests.request import read_request
from vsphere_preemption.temporal.dispatcher import read_run
from vsphere_preemption.temporal.preemptions import preemption_id_of

from .conftest import TAGGED, Stage

# What a worker would still do, it does within this time.
AFTERWARDS = 3.0
# An answer of the gate is used for a second.
ANSWER_SECONDS = 1.2


@pytest.fixture
def with_policy(stage: Stage, tmp_path: Path) -> Callable[..., None]:
    """Restart the worker with a policy, and with one call to vCenter at a time, or a few."""

    def restart(calls: int = 1, **rules: Any) -> None:
        file = tmp_path / "policy.yml"
        file.write_text(json.dumps({"version": 1, "policies": [{"name": "standard", "rerun_window": 0, **rules}]}))
        stage.worker.restart_with({"PREEMPTION_POLICY_FILE": str(file), "PREEMPTION_VCENTER_CALLS": str(calls)})

    return restart


class Halt:
    """Holds up the answer to the first call of a kind, until it is released."""

    def __init__(self, stage: Stage, call: str) -> None:
        self._reached, self._released = threading.Event(), threading.Event()
        stage.proxy.on(call, Run(self._hold, after_forwarding=True))

    def _hold(self) -> None:
        self._reached.set()
        self._released.wait(20)

    def __enter__(self) -> None:
        assert self._reached.wait(20)

    def __exit__(self, *_error: object) -> None:
        self._released.set()


def run_of(stage: Stage, request: Record) -> str:
    return preemption_id_of(stage.dispatcher.workflow_id, read_request(request).key)


def wait_for_phase(stage: Stage, run: str, wanted: str) -> None:
    def phase() -> str:
        return stage.dispatcher.do(read_run(stage.dispatcher.client, run)).phase

    wait_until(phase, 20, f"the phase {wanted}", until=lambda seen: seen == wanted, ignoring=(TemporalError,))


def cancelled_record(stage: Stage, request: Record) -> Record:
    """The record, once the cancelled dispatcher has ended."""
    stage.dispatcher.do(stage.dispatcher.handle.result())
    return stage.dispatcher.outcome_of(request["event"]["id"])


def test_a_cancellation_between_two_suspensions(stage: Stage, with_policy: Callable[..., None]) -> None:
    with_policy(actions={"HIGH": {"method": "suspend"}})
    request = a_request()
    halt = Halt(stage, "SuspendVM_Task")
    stage.dispatcher.send(request)
    with halt:
        stage.dispatcher.do(stage.dispatcher.handle.cancel())
        time.sleep(ANSWER_SECONDS)
    record = cancelled_record(stage, request)
    assert len(stage.stopped_by_us()) == 1
    assert (record["outcome"], record["reason"]) == ("partial", "cancelled")
    stage.assert_aftermath(record, announced=False)


def test_a_cancellation_between_two_stops_of_a_hurry(stage: Stage, with_policy: Callable[..., None]) -> None:
    # The first stop waits for its guests with one call, so the more urgent one needs a second.
    with_policy(2, actions={"MEDIUM": {"method": "soft_then_hard", "grace": "60s"}})
    stage.proxy.on("ShutdownGuest", Swallow(), times=None)
    request = a_request("MEDIUM")
    stage.dispatcher.send(request)
    stage.wait_for_calls("ShutdownGuest", len(TAGGED))
    halt = Halt(stage, "PowerOffVM_Task")
    stage.proxy.on("PowerOffVM_Task", Hang(0.8), times=None)
    stage.dispatcher.send(a_request("HIGH"))
    with halt:
        stage.dispatcher.do(stage.dispatcher.handle.cancel())
        time.sleep(ANSWER_SECONDS + 0.8)
        before = stage.stopped_by_us()
    record = cancelled_record(stage, request)
    assert stage.stopped_by_us() == before
    assert 1 <= len(before) < len(TAGGED)
    assert (record["outcome"], record["reason"]) == ("partial", "cancelled")
    stage.assert_aftermath(record, announced=False)


def test_a_cancellation_right_after_a_hurry(stage: Stage, with_policy: Callable[..., None]) -> None:
    with_policy(actions={"MEDIUM": {"method": "soft_then_hard", "grace": "60s"}})
    stage.proxy.on("ShutdownGuest", Swallow(), times=None)
    request = a_request("MEDIUM")
    stage.dispatcher.send(request)
    stage.wait_for_calls("ShutdownGuest", len(TAGGED))
    stage.dispatcher.send(a_request("HIGH"))
    stage.dispatcher.do(stage.dispatcher.handle.cancel())
    time.sleep(1)  # calls that were on their way
    before = stage.stopped_by_us()
    record = cancelled_record(stage, request)
    assert stage.stopped_by_us() == before
    assert len(before) <= 1
    assert record["reason"] == "cancelled"
    stage.assert_aftermath(record, announced=False)


def test_a_run_that_is_cancelled_itself_while_it_waits_for_approval(
    stage: Stage, with_policy: Callable[..., None]
) -> None:
    with_policy(mode="approve", approval_timeout="1h")
    request = a_request()
    stage.dispatcher.send(request)
    wait_for_phase(stage, run_of(stage, request), "waiting_for_approval")
    stage.dispatcher.do(stage.dispatcher.client.get_workflow_handle(run_of(stage, request)).cancel())
    record = stage.dispatcher.outcome_of(request["event"]["id"])
    assert (record["outcome"], record["reason"]) == ("skipped", "cancelled")
    assert stage.stopped_by_us() == set()
    stage.assert_aftermath(record)
    stage.dispatcher.wait_counts(skipped=1)


def test_a_run_that_is_cancelled_itself_in_the_grace_period(stage: Stage, with_policy: Callable[..., None]) -> None:
    with_policy(actions={"MEDIUM": {"method": "soft_then_hard", "grace": "14s"}})
    stage.proxy.on("ShutdownGuest", Swallow(), times=None)
    request = a_request("MEDIUM")
    stage.dispatcher.send(request)
    stage.wait_for_calls("ShutdownGuest", len(TAGGED))
    stage.dispatcher.do(stage.dispatcher.client.get_workflow_handle(run_of(stage, request)).cancel())
    record = stage.dispatcher.outcome_of(request["event"]["id"])
    time.sleep(AFTERWARDS)
    assert stage.stopped_by_us() == set()
    assert stage.proxy.calls.count("PowerOffVM_Task") == 0
    assert (record["outcome"], record["reason"]) == ("failed", "cancelled")
    stage.assert_aftermath(record)
    # The dispatcher was not cancelled.
    assert stage.dispatcher.run(a_request(narrow={"dryRun": True}))["reason"] == "dry_run"


@pytest.mark.parametrize("frozen_seconds", [4, 14])
def test_while_temporal_is_frozen_nothing_is_stopped_and_the_rest_follows_afterwards(
    stage: Stage, temporal: TemporalServer, with_policy: Callable[..., None], frozen_seconds: int
) -> None:
    """Longer than Temporal's heartbeat timeout, and than the time limit of a question."""
    with_policy()
    frozen = threading.Event()

    def freeze() -> None:
        temporal.process.send(signal.SIGSTOP)
        time.sleep(1.2)  # every answer is too old now
        frozen.set()

    stage.proxy.on("PowerOffVM_Task", Run(freeze, after_forwarding=True))
    request = a_request()
    stage.dispatcher.send(request)
    assert frozen.wait(20)
    try:
        time.sleep(frozen_seconds)
        assert len(stage.stopped_by_us()) == 1
    finally:
        temporal.process.send(signal.SIGCONT)
    record = stage.dispatcher.outcome_of(request["event"]["id"])
    assert stage.stopped_by_us() == set(TAGGED)
    assert record["outcome"] == "done"
    assert stage.proxy.calls.count("PowerOffVM_Task") == len(TAGGED)
    stage.assert_aftermath(record, announced=False)
