# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events over HTTP: the three senders, the ways to lay an event into a message, and what each gets for an answer."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from support.dispatcher import Dispatcher
from support.govc import Govc
from support.waiting import wait_until
from support.webhook import BATCH, Reply, alarm_data, of_event_manager, of_knative, of_old_router

from .conftest import HERE, MEMORY, Hook


def off(govc: Govc) -> bool:
    states = govc.power_states()
    return all(states[name] == "poweredOff" for name in HERE)


@pytest.mark.parametrize("shape", [of_knative, of_old_router])
@pytest.mark.parametrize("mode", ["structured", "binary", "batch"])
def test_an_event_of_veba_stops_the_vms_of_the_cluster(
    hook: Hook, govc: Govc, of_alarm: Dispatcher, shape: Any, mode: str
) -> None:
    hooked = hook()
    event = shape("4711", alarm_data(MEMORY, hooked.cluster))
    posts: dict[str, Callable[[], Reply]] = {
        "structured": lambda: hooked.send.post(event),
        "binary": lambda: hooked.send.post_binary(event),
        "batch": lambda: hooked.send.post([event], BATCH),
    }
    post = posts[mode]
    reply = post()
    assert reply.status == 202
    told = reply.body["events"][0] if mode == "batch" else reply.body
    assert told["workflowID"] == of_alarm.workflow_id
    wait_until(lambda: off(govc), 20, "the VMs of the cluster are off")
    run = of_alarm.outcome_of("4711")
    assert govc.marks()[HERE[0]]["event"] == event
    assert {victim["method"] for victim in run["victims"]} == {"hard"}
    # The same event again gets the same answer, and nothing else happens.
    again = post()
    assert (again.status, again.body) == (reply.status, reply.body)
    assert again.headers["x-preemption-duplicate"] == "true"
    assert of_alarm.counts() == {"done": 1}


def test_an_event_of_vmwares_event_source_is_taken_as_it_is(hook: Hook, govc: Govc, of_alarm: Dispatcher) -> None:
    hooked = hook()
    event = of_event_manager(4711, MEMORY, hooked.cluster)
    reply = hooked.send.post(event, "application/json")
    assert reply.status == 202
    wait_until(lambda: off(govc), 20, "the VMs of the cluster are off")
    run = of_alarm.outcome_of("4711.2026-11-24T09:29:47.12345Z")
    assert run["event"]["id"] == "4711.2026-11-24T09:29:47.12345Z"
    assert govc.marks()[HERE[0]]["event"]["data"] == event


def test_yellow_is_soft_and_red_after_it_is_hard(hook: Hook, of_alarm: Dispatcher) -> None:
    hooked = hook()
    for number, colours in enumerate([("green", "yellow"), ("yellow", "red")]):
        assert hooked.send.post(of_knative(str(number), alarm_data(MEMORY, hooked.cluster, colours))).status == 202
    assert of_alarm.outcome_of("0")["criticality"] == "LOW"
    assert of_alarm.outcome_of("1")["criticality"] == "HIGH"


@pytest.mark.parametrize(
    ("colours", "more", "why"),
    [
        (("red", "yellow"), {}, "falling"),
        (("red", "gray"), {}, "gray"),
        (("red", "green"), {}, "green_asks_for_nothing"),
        (("green", "red"), {"Alarm": {"Name": "Datastore usage"}}, "no_rule"),
        (("green", "red"), {"ComputeResource": None}, "no_compute_resource"),
    ],
)
def test_what_nobody_wants_is_ignored_with_a_reason(
    hook: Hook, of_alarm: Dispatcher, colours: tuple[str, str], more: dict[str, Any], why: str
) -> None:
    hooked = hook()
    reply = hooked.send.post(of_knative("1", alarm_data(MEMORY, hooked.cluster, colours, **more)))
    assert (reply.status, reply.body) == (200, {"ignored": why})
    with pytest.raises(RPCError, match="not found"):
        of_alarm.status()


def test_green_cancels_the_run_of_that_alarm(hook: Hook, of_alarm: Dispatcher) -> None:
    hooked = hook(", when_green: cancel", ", mode: approve")
    green = of_knative("2", alarm_data(MEMORY, hooked.cluster, ("red", "green")))
    assert hooked.send.post(green).body == {"ignored": "nothing_to_cancel"}
    assert hooked.send.post(of_knative("1", alarm_data(MEMORY, hooked.cluster))).status == 202
    reply = hooked.send.post(green)
    assert (reply.status, reply.body["asked"]) == (202, "cancel")
    of_alarm.wait_counts(skipped=1)
    assert [run["reason"] for run in of_alarm.runs()] == ["cancelled"]
    # A late copy of the same green does nothing to what was asked for since.
    assert hooked.send.post(of_knative("3", alarm_data(MEMORY, hooked.cluster))).status == 202
    assert hooked.send.post(green).headers["x-preemption-duplicate"] == "true"
    wait_until(lambda: of_alarm.do(of_alarm.handle.query("requests"))["atWork"], 20, "a run is active", until=bool)


def test_a_batch_is_reported_event_by_event(hook: Hook, of_alarm: Dispatcher) -> None:
    hooked = hook()
    batch = [
        of_knative("1", alarm_data(MEMORY, hooked.cluster)),
        {"specversion": "1.0", "id": "2"},
        of_knative("3", alarm_data("Another", hooked.cluster)),
    ]
    reply = hooked.send.post(batch, BATCH)
    assert reply.status == 207
    assert [event["status"] for event in reply.body["events"]] == [202, 400, 200]
    assert of_alarm.outcome_of("1")["outcome"] == "done"


def test_a_worker_that_was_restarted_knows_the_request(hook: Hook, of_alarm: Dispatcher) -> None:
    hooked = hook()
    event = of_knative("1", alarm_data(MEMORY, hooked.cluster))
    first = hooked.send.post(event)
    of_alarm.outcome_of("1")
    hooked.worker.restart()
    again = hooked.send.post(event)
    assert (again.status, again.body) == (first.status, first.body)
    of_alarm.wait_counts(done=1, duplicate=1)


def test_new_rules_hold_for_the_next_event(hook: Hook, of_alarm: Dispatcher) -> None:
    hooked = hook()
    policy = Path(hooked.worker.process.environment["PREEMPTION_POLICY_FILE"])
    policy.write_text(policy.read_text().replace("*memory*", "something else"))
    os.kill(hooked.worker.process.pid, signal.SIGHUP)
    wait_until(lambda: "policies reloaded" in hooked.worker.log_text(), 10, "the policies were read")
    reply = hooked.send.post(of_knative("1", alarm_data(MEMORY, hooked.cluster)))
    assert reply.body == {"ignored": "no_rule"}


def test_metrics_and_the_access_log_tell_what_came_and_nothing_that_is_secret(hook: Hook) -> None:
    hooked = hook()
    text = 'evil" name=\nlevel=error'
    hooked.send.post(of_knative("1", alarm_data(MEMORY, hooked.cluster, Alarm={"Name": text})))
    hooked.send.post(b"{", headers={"Authorization": "Bearer something-secret"}, path="/?token=something-secret")
    hooked.send.post(of_knative("2", alarm_data(MEMORY, hooked.cluster)))
    # Both are written right after the answer.
    wait_until(lambda: "result=asked" in hooked.worker.log_text(), 10, "the line of the last request")
    wait_until(lambda: 'result="asked"' in hooked.worker.metrics(), 10, "the count of the last request")
    page = hooked.worker.metrics()
    assert re.search(r'preemption_webhook_events_total\{[^}]*result="asked"[^}]*\} 1', page)
    assert re.search(r'preemption_webhook_requests_total\{[^}]*status="400"[^}]*\} 1', page)
    assert "preemption_webhook_seconds_bucket" in page
    log = hooked.worker.log_text()
    assert "something-secret" not in log
    assert "\nlevel=error" not in log
    (line,) = [line for line in log.splitlines() if "result=asked" in line]
    assert " status=202 " in line
    assert "peer=127.0.0.1" in line


def test_the_outcome_is_json_that_a_sender_can_read(hook: Hook) -> None:
    hooked = hook()
    reply = hooked.send.post(of_knative("1", alarm_data(MEMORY, hooked.cluster)))
    assert set(reply.body) == {"asked", "workflowID", "requestKey"}
    assert json.dumps(reply.body)
    assert reply.headers["cache-control"] == "no-store"


def test_an_alarm_with_a_raise_delay_asks_once_it_has_lasted(hook: Hook, of_alarm: Dispatcher) -> None:
    hooked = hook(", raise_delay: 3s")
    assert hooked.send.post(of_knative("1", alarm_data(MEMORY, hooked.cluster))).body["afterSeconds"] == 3
    green = of_knative("2", alarm_data(MEMORY, hooked.cluster, ("red", "green")))
    assert hooked.send.post(green).body == {"ignored": "flapped"}
    assert hooked.send.post(of_knative("3", alarm_data(MEMORY, hooked.cluster))).status == 202
    with pytest.raises(RPCError, match="not found"):
        of_alarm.status()
    wait_until(lambda: _is_open(of_alarm), 60, "it was asked")
    of_alarm.outcome_of("3")
    assert of_alarm.counts() == {"done": 1}


def _is_open(dispatcher: Dispatcher) -> bool:
    with contextlib.suppress(RPCError):
        return dispatcher.status() is WorkflowExecutionStatus.RUNNING
    return False
