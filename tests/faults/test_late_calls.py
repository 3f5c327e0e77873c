# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A call waits for a new session, a connection or Temporal: what is decided meanwhile counts, and nothing gets lost."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from support.dispatcher import a_request
from support.vcenter_faults import NOT_AUTHENTICATED, Hang, Run
from vsphere_preemption.temporal.kill_switch import pause

from .conftest import TAGGED, Stage

SLOW_LOGIN = 4.0
# Long enough for whatever a worker would still do.
AFTERWARDS = 3.0


def with_method(stage: Stage, tmp_path: Path, method: str) -> None:
    policy = {"name": "standard", "rerun_window": 0, "actions": {"HIGH": {"method": method}}}
    file = tmp_path / "policy.yml"
    file.write_text(json.dumps({"version": 1, "policies": [policy]}))
    stage.worker.restart_with({"PREEMPTION_POLICY_FILE": str(file)})


def lose_the_session(stage: Stage, call: str) -> None:
    """vCenter forgets the session right at these calls, and the next login is slow."""

    def slow_login() -> None:
        stage.proxy.on("Login", Hang(SLOW_LOGIN))

    stage.proxy.on("SetField", Run(slow_login))
    stage.proxy.on(call, NOT_AUTHENTICATED, times=len(TAGGED))


def pause_it(stage: Stage, task_queue: str) -> None:
    stage.dispatcher.do(pause(stage.dispatcher.client, task_queue, reason="audit", by="ada"))


CALLS = [("hard", "PowerOffVM_Task"), ("soft", "ShutdownGuest"), ("suspend", "SuspendVM_Task")]


@pytest.mark.parametrize(("method", "call"), CALLS)
def test_a_pause_during_the_login_after_a_lost_session_leaves_all_on(
    stage: Stage, task_queue: str, tmp_path: Path, method: str, call: str
) -> None:
    with_method(stage, tmp_path, method)
    lose_the_session(stage, call)
    request = a_request()
    stage.dispatcher.send(request)
    stage.wait_for_calls(call, 1)
    pause_it(stage, task_queue)
    record = stage.dispatcher.outcome_of(request["event"]["id"])
    time.sleep(AFTERWARDS)
    assert stage.stopped_by_us() == set()
    assert (record["outcome"], record["reason"]) == ("skipped", "paused")
    stage.assert_aftermath(record)


@pytest.mark.parametrize(("method", "call"), CALLS)
def test_a_lost_session_fails_no_vm(stage: Stage, tmp_path: Path, method: str, call: str) -> None:
    with_method(stage, tmp_path, method)
    lose_the_session(stage, call)
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert {victim["outcome"] for victim in record["victims"]} == {"stopped"}
    assert stage.stopped_by_us() == set(TAGGED)
    stage.assert_aftermath(record)


def test_a_pause_during_the_login_that_a_mark_needs_writes_no_mark(stage: Stage, task_queue: str) -> None:
    stage.wait_for_calls("Login", 1)
    login = stage.proxy.on("Login", Hang(SLOW_LOGIN))
    stage.proxy.on("SetField", NOT_AUTHENTICATED, times=len(TAGGED))
    request = a_request()
    stage.dispatcher.send(request)
    stage.wait_for_calls("SetField", 1)
    pause_it(stage, task_queue)
    record = stage.dispatcher.outcome_of(request["event"]["id"])
    assert stage.stopped_by_us() == set()
    assert login.used == 1
    assert stage.phases() == {}
    assert record["reason"] == "paused"
    stage.assert_aftermath(record)
