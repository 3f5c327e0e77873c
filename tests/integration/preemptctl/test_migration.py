# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cut-over of docs/migration.md with what was recorded of the prototype: requests that wait, alarms and marks."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from support.dispatcher import Dispatcher
from support.fixtures import StartWorker
from support.govc import MARK_ATTRIBUTE, Govc
from support.paths import CHECKOUT, tool
from support.preemptctl import Preemptctl
from support.sink import Sink
from support.temporal import NAMESPACE, TemporalServer
from support.vcsim import VCSim
from support.waiting import wait_until
from vsphere_preemption.policy_file.reading import read_policies

WIRE = CHECKOUT / "tests" / "fixtures" / "wire"
GUIDE = CHECKOUT / "docs" / "migration.md"
HERE, THERE = ["DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"], ["DC0_C1_RP0_VM0"]


def recorded_alarm(name: str, cluster: str, reply_to: str = "") -> dict[str, Any]:
    """A request that the VEBA function has sent, about a cluster of this vCenter."""
    request: dict[str, Any] = json.loads((WIRE / name).read_text())
    request["replyTo"] = reply_to
    request["event"]["data"]["ComputeResource"]["ComputeResource"]["Value"] = cluster
    return request


@pytest.mark.parametrize("name", ["request-alarm.json", "request-alarm-old-router.json"])
def test_a_request_that_was_sent_while_no_worker_ran_is_carried_out_by_ours(
    vcsim: VCSim,
    govc: Govc,
    start_worker: StartWorker,
    temporal: TemporalServer,
    task_queue: str,
    sink: Sink,
    name: str,
) -> None:
    vcsim.tag_machines(HERE + THERE)
    cluster = govc.run("find", "-i", "/DC0/host/DC0_C0", "-maxdepth", "0").strip().partition(":")[2]
    request = recorded_alarm(name, cluster, sink.url)
    alarm = request["event"]["data"]["Alarm"]["Name"] + task_queue
    as_the_function_does = ("--type", "PreemptVMsWorkflow", "--task-queue", task_queue, "--execution-timeout", "24h")
    signal = ("--signal-name", "PreemptVMsChan", "--signal-input", json.dumps(request))
    where = ("--address", temporal.address, "--namespace", NAMESPACE)
    command = ("workflow", "signal-with-start", "--workflow-id", alarm, *as_the_function_does, *signal, *where)
    subprocess.run([tool("temporal"), *command], check=True, capture_output=True)

    start_worker(vcsim.client_environment())
    wait_until(lambda: set(HERE).isdisjoint(govc.powered_on()), 30, "the VMs of the cluster to be off")
    assert set(THERE) <= govc.powered_on()
    dispatcher = Dispatcher(temporal, workflow_id=alarm, task_queue=task_queue)
    record = dispatcher.outcome_of(request["event"]["id"])
    assert (record["outcome"], record["criticality"]) == ("done", request["criticality"])
    assert list(dispatcher.state()) == list(json.loads((WIRE / "current_state-after-run.json").read_text()))
    [delivery] = sink.wait_for(1)
    assert unquote(delivery.headers["ce-id"]) == f"{alarm}-{request['event']['id']}"
    assert dispatcher.cancel()["workflowName"] == "PreemptVMsWorkflow"
    dispatcher.close()


def test_marks_of_the_prototype_hold_nothing_up_and_its_vms_are_not_given_back(
    vcsim: VCSim, govc: Govc, start_worker: StartWorker, preemptctl: Preemptctl, workflow_id: str
) -> None:
    vcsim.tag_machines(HERE)
    off, on = HERE
    mark = (WIRE / "mark.json").read_text().strip()
    govc.run("fields.add", "-type", "VirtualMachine", MARK_ATTRIBUTE)
    govc.power("off", off)
    for name in HERE:
        govc.set_attribute(MARK_ATTRIBUTE, mark, name)
    plan = preemptctl("plan", "-c", "HIGH", "--json", env=vcsim.client_environment()).document
    assert [victim["name"] for victim in plan["victims"]] == [on]
    assert [(spared["name"], spared["reason"]) for spared in plan["left_out"]] == [(off, "already_off")]

    start_worker(vcsim.client_environment())
    restore = ("restore", "-w", workflow_id, "--force", "--json")
    kept = preemptctl(*restore).document["restore"]["kept"]
    assert kept["byReason"] == {"not_preempted_by_us": len(HERE)}
    assert off not in govc.powered_on()
    assert govc.machine(off).attributes[MARK_ATTRIBUTE] == mark

    assert preemptctl("workflow", "run", "-w", workflow_id, "-c", "HIGH", "--wait").code == 0
    assert (govc.marks()[on]["phase"], govc.marks()[on]["workflowID"]) == ("preempted", workflow_id)
    given = preemptctl(*restore).document["restore"]
    assert [machine["name"] for machine in given["machines"]] == [on]
    assert on in govc.powered_on()


def test_the_policy_of_the_guide_says_what_the_functions_settings_said() -> None:
    [text] = re.findall(r"```yaml\n(version: 1\n.*?)```", GUIDE.read_text(), re.DOTALL)
    policies = read_policies(text, file="policy.yml")
    [rule] = policies.alarms
    assert (rule.tag, rule.alarms) == ("preemptible", ("cluster-cpu-above-80",))
    assert dict(rule.criticality) == {"yellow": "MEDIUM", "red": "HIGH"}
    assert rule.when_green == "cancel"


def test_every_command_of_the_guide_is_one(preemptctl: Preemptctl, tmp_path: Path) -> None:
    words = set(re.findall(r"`preemptctl ((?:workflow )?[a-z]+)", GUIDE.read_text()))
    assert len(words) >= 5
    for command in words:
        assert preemptctl(*command.split(), "--help").code == 0, command
