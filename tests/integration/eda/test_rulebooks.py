# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ansible-rulebook: alarms of a simulated vCenter run the collection's playbooks."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.dispatcher import Dispatcher
from support.eda import Rulebook, has_java
from support.govc import Govc
from support.temporal import TemporalServer
from support.vcsim import VCSim
from support.waiting import wait_until
from support.worker import WorkerProcess

from .conftest import HostAlarm

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not has_java(), reason="ansible-rulebook needs Java 17: openjdk-17-jre-headless"),
]

HERE, THERE = ["DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"], ["DC0_C1_RP0_VM0"]
PRINTING = """
- name: Print all
  hosts: localhost
  sources:
    - vsphere.preemption.alarms:
        alarms: ["*memory*"]
        state_file: "{{ preemption_alarm_state_file }}"
        interval: 0.2
        surprise: "{{ surprise | default('') }}"
  rules:
    - name: Green
      condition: event.preemption_alarm.to_colour == "green"
      action:
        shutdown:
          message: all is well
    - name: Any
      condition: event.preemption_alarm is defined
      action:
        debug:
          msg: "saw {{ event.id }}: {{ event.preemption_alarm.to_colour }} by {{ event.preemption_alarm.seen_in }}"
"""

Start = Callable[..., Rulebook]


@pytest.fixture
def start(vcsim: VCSim, tmp_path: Path) -> Iterator[Start]:
    """Start a rulebook by its name in the collection, with variables; it finds vCenter by the environment.

    It returns after the first look. looks: whether there will be one.
    """
    started: list[Rulebook] = []
    state_file = tmp_path / "alarms.json"

    def start(name: str, *, looks: bool = True, **variables: Any) -> Rulebook:
        known = {"preemption_alarm_state_file": str(state_file)}
        rulebook = Rulebook(tmp_path / "rulebook", name, {**known, **variables}, vcsim.client_environment())
        started.append(rulebook)
        rulebook.start()
        if looks:
            wait_until(state_file.exists, 60, "the first look")
        return rulebook

    yield start
    for rulebook in started:
        rulebook.process.kill()


@pytest.fixture
def site(temporal: TemporalServer, task_queue: str) -> dict[str, Any]:
    return {
        "preemption_temporal_address": temporal.address,
        "preemption_task_queue": task_queue,
        "preemption_alarms": ["*memory*"],
        "preemption_alarm_interval": 0.2,
        "preemption_restore_force": True,
    }


@pytest.fixture
def of_alarm(temporal: TemporalServer, task_queue: str, alarm: HostAlarm) -> Iterator[Dispatcher]:
    """The workflow of the alarm in its cluster."""
    workflow_id = f"eda/{task_queue}/{alarm.alarm.value}/{alarm.cluster.value}"
    with contextlib.closing(Dispatcher(temporal, workflow_id=workflow_id, task_queue=task_queue)) as dispatcher:
        yield dispatcher


@pytest.fixture
def printing(tmp_path: Path) -> str:
    file = tmp_path / "printing.yml"
    file.write_text(PRINTING)
    return str(file)


def what_was_asked(workflow: Dispatcher) -> tuple[list[dict[str, Any]], bool]:
    """The requests in the workflow's history, and whether it was asked to end."""
    events = workflow.do(workflow.handle.fetch_history()).events
    signals = [event.workflow_execution_signaled_event_attributes for event in events]
    asked = [json.loads(signal.input.payloads[0].data) for signal in signals if signal.signal_name]
    kinds = [event.WhichOneof("attributes") for event in events]
    return asked, "workflow_execution_cancel_requested_event_attributes" in kinds


def test_red_stops_vms_of_its_cluster_once_and_green_gives_them_back(
    vcsim: VCSim,
    govc: Govc,
    start: Start,
    site: dict[str, Any],
    start_worker: Callable[..., WorkerProcess],
    alarm: HostAlarm,
    of_alarm: Dispatcher,
) -> None:
    vcsim.tag_machines(HERE + THERE)
    running = govc.powered_on()
    start_worker(vcsim.client_environment())
    rulebook = start("vsphere.preemption.preempt_and_restore", **site)
    alarm.turn("green", "red")
    alarm.turn("green", "red", host=1)
    wait_until(lambda: govc.powered_on() == running - set(HERE), 60, "the VMs of the cluster to go off")
    alarm.turn("red", "green")
    alarm.turn("red", "green", host=1)
    wait_until(lambda: govc.powered_on() == running, 60, "the VMs to come back")
    (run,) = of_alarm.runs()
    assert run["criticality"] == "HIGH"
    assert (rulebook.log.count("[Preempt virtual"), rulebook.log.count("[Restore preempted")) == (1, 1)


def test_yellow_asks_softly_red_hard_and_green_ends_the_workflow(
    start: Start, site: dict[str, Any], alarm: HostAlarm, of_alarm: Dispatcher
) -> None:
    """Nobody works on it, so what was asked can be read from Temporal."""
    rulebook = start("vsphere.preemption.preempt_and_cancel", **site)
    alarm.turn("green", "yellow")
    alarm.turn("yellow", "red")
    rulebook.wait_for("was accepted by workflow", count=2)
    alarm.turn("red", "green")
    rulebook.wait_for("cancellation requested")
    asked, ended = what_was_asked(of_alarm)
    assert [request["criticality"] for request in asked] == ["LOW", "HIGH"]
    assert asked[0]["event"]["data"]["ComputeResource"]["ComputeResource"]["Value"] == alarm.cluster.value
    assert ended


def test_a_restart_repeats_no_change_and_loses_none(
    start: Start, printing: str, alarm: HostAlarm, tmp_path: Path
) -> None:
    first = start(printing)
    alarm.turn("green", "yellow")
    first.wait_for("yellow by log")
    wait_until(lambda: "yellow" in (tmp_path / "alarms.json").read_text(), 10, "the change to be kept")
    first.interrupt()
    alarm.turn("yellow", "red")
    sessions = len(alarm.desk.witness.sessions())
    second = start(printing)
    second.wait_for("red by log")
    assert second.log.count("saw alarm") == 2
    alarm.turn("red", "green")
    assert second.process.wait_ended(60) == 0
    # Ended in good order, it has logged out.
    assert len(alarm.desk.witness.sessions()) == sessions


def test_an_option_that_does_not_exist_ends_the_rulebook_and_is_named(start: Start, printing: str) -> None:
    rulebook = start(printing, looks=False, surprise="yes")
    assert rulebook.process.wait_ended(60) != 0
    assert "Cannot use the option surprise: there is no such option" in rulebook.log
