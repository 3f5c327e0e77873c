# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits that hold over workflows which ask at the same instant, over workers, and over restarts."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.dispatcher import Dispatcher, a_request
from support.govc import Govc
from support.sink import Sink
from support.temporal import TemporalServer
from support.vcsim import VCSim
from support.worker import WorkerProcess

TAGGED = [f"DC0_C{cluster}_RP0_VM{number}" for cluster in (0, 1) for number in range(5)]
SETTLED = {"done", "partial", "failed", "skipped"}
StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def start(vcsim: VCSim, start_worker: StartWorker, tmp_path: Path) -> Callable[..., WorkerProcess]:
    """Start a worker whose one policy has these rules."""
    vcsim.tag_machines(TAGGED)

    def start(**rules: Any) -> WorkerProcess:
        policy = {"name": "standard", "rerun_window": 0, **rules}
        (tmp_path / "policy.yml").write_text(json.dumps({"version": 1, "policies": [policy]}))
        settings = {"PREEMPTION_POLICY_FILE": str(tmp_path / "policy.yml")}
        return start_worker(vcsim.client_environment(), settings)

    return start


@pytest.fixture
def alarms(temporal: TemporalServer, task_queue: str) -> Iterator[list[Dispatcher]]:
    """The workflows of four alarms."""
    own = [Dispatcher(temporal, workflow_id=f"alarm-{uuid.uuid4().hex}", task_queue=task_queue) for _number in range(4)]
    yield own
    for dispatcher in own:
        dispatcher.close()


def all_at_once(alarms: list[Dispatcher], **more: Any) -> list[dict[str, Any]]:
    """One request to each workflow, and the record of each run."""
    requests = [a_request(**more) for _alarm in alarms]
    for alarm, request in zip(alarms, requests, strict=True):
        alarm.send(request)
    return [alarm.outcome_of(request["event"]["id"]) for alarm, request in zip(alarms, requests, strict=True)]


def off(govc: Govc) -> set[str]:
    return set(TAGGED) - govc.powered_on()


@pytest.mark.parametrize("workers", [1, 2], ids=["one worker", "two workers"])
def test_workflows_for_different_alarms_never_stop_more_than_the_hourly_cap(
    govc: Govc, sink: Sink, alarms: list[Dispatcher], start: Callable[..., WorkerProcess], workers: int
) -> None:
    for _number in range(workers):
        start(amount={"max_vms": 3, "per_hour": 4})
    records = all_at_once(alarms, replyTo=sink.url)
    assert {record["outcome"] for record in records} <= SETTLED
    assert 0 < len(off(govc)) <= 4
    events = [event for event in sink.events() if event["type"].endswith("VmPreemptedEvent.v0")]
    announced = Counter(vm["Value"] for event in events for vm in event["data"]["virtualMachines"])
    assert set(announced.values()) <= {1}
    assert set(announced) == {govc.machine(name).ref for name in off(govc)}
    phases = {name: mark["phase"] for name, mark in govc.marks().items()}
    assert {name for name, phase in phases.items() if phase == "preempted"} == off(govc)
    assert "pending" not in phases.values()


def test_runs_one_after_the_other_make_full_use_of_the_hourly_cap(
    govc: Govc, alarms: list[Dispatcher], start: Callable[..., WorkerProcess]
) -> None:
    start(amount={"max_vms": 3, "per_hour": 4})
    for alarm in alarms:
        alarm.run(a_request())
    assert len(off(govc)) == 4


def test_the_hourly_cap_holds_over_a_restart_and_for_vms_that_run_again(
    govc: Govc, dispatcher: Dispatcher, start: Callable[..., WorkerProcess]
) -> None:
    worker = start(amount={"max_vms": 3, "per_hour": 4})
    dispatcher.run(a_request())
    for name in off(govc):
        govc.power("on", name)
    worker.restart()
    record = dispatcher.run(a_request())
    assert len(off(govc)) == 1
    assert record["leftOut"]["byReason"]["over_hourly_cap"] > 0


def test_a_vm_is_not_hit_more_often_than_its_daily_cap(
    govc: Govc, dispatcher: Dispatcher, start: Callable[..., WorkerProcess]
) -> None:
    start(amount={"per_vm_per_day": 2})
    for _time in range(2):
        dispatcher.run(a_request(narrow={"only": TAGGED[:1]}))
        assert off(govc) == {TAGGED[0]}
        govc.power("on", TAGGED[0])
    record = dispatcher.run(a_request(narrow={"only": TAGGED[:1]}))
    assert off(govc) == set()
    assert record["leftOut"]["byReason"]["over_daily_cap"] == 1


def test_the_budget_of_a_group_holds_for_alarms_that_ring_together(
    govc: Govc, alarms: list[Dispatcher], start: Callable[..., WorkerProcess]
) -> None:
    govc.create_tag("app", "web")
    for name in TAGGED:
        govc.attach_tag("app", "web", govc.path_of(name))
    start(amount={"max_vms": 4}, protect={"groups": [{"category": "app", "keep": 7}]})
    all_at_once(alarms)
    assert 0 < len(off(govc)) <= 3
