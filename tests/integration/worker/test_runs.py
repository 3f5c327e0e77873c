# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on real parts: who is stopped and how, what vCenter shows afterwards, and what the sink was told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from support.dispatcher import Dispatcher, a_request
from support.govc import Govc
from support.sink import Sink
from support.vcenter_proxy import VCenterProxy
from support.vcsim import WORKER_USER, VCSim
from support.worker import WorkerProcess

WIRE = Path(__file__).parents[2] / "fixtures" / "wire"
TAGGED = [f"DC0_C0_RP0_VM{number}" for number in range(5)]
StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def worker(vcsim: VCSim, vcenter_proxy: VCenterProxy, start_worker: StartWorker) -> WorkerProcess:
    vcsim.tag_machines(TAGGED)
    return start_worker(vcenter_proxy.client_environment(), {"PREEMPTION_WINDOW_SECONDS": "0"})


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(("criticality", "method"), [("HIGH", "hard"), ("MEDIUM", "soft"), ("LOW", "soft")])
def test_criticality_decides_how_the_tagged_vms_are_stopped(
    vcsim: VCSim, govc: Govc, dispatcher: Dispatcher, criticality: str, method: str
) -> None:
    untagged = govc.powered_on() - set(TAGGED)
    witness = vcsim.witness()
    with witness.watching_shutdowns() as shutdowns:
        record = dispatcher.run(a_request(criticality))
        assert set(shutdowns.methods(WORKER_USER).values()) == {method}
    witness.close()
    assert record["outcome"] == "done"
    assert govc.powered_on() == untagged
    assert set(govc.marks()) == set(TAGGED)


@pytest.mark.usefixtures("worker")
def test_a_limit_that_is_given_but_empty_stops_no_vm_and_is_rejected(govc: Govc, dispatcher: Dispatcher) -> None:
    before = govc.powered_on()
    empty = [{"only": []}, {"scope": []}, {"target": {}}, {"maxVMs": None}, {}, None]
    dispatcher.send(*(a_request("HIGH", narrow=narrow) for narrow in empty))
    dispatcher.wait_counts(rejected=len(empty))
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        dispatcher.preempt(a_request("HIGH", narrow={"only": []}), request_id="r1")
    assert "narrow.only is set but empty" in str(refused.value.cause)
    assert (govc.powered_on(), govc.marks()) == (before, {})


@pytest.mark.usefixtures("worker")
def test_mark_and_event_keep_every_field_of_the_prototype(govc: Govc, dispatcher: Dispatcher, sink: Sink) -> None:
    request = json.loads((WIRE / "request-alarm.json").read_text())
    request["replyTo"] = sink.url
    dispatcher.run(request)
    recorded_mark = json.loads((WIRE / "mark.json").read_text())
    for mark in govc.marks().values():
        assert list(mark)[: len(recorded_mark)] == list(recorded_mark)
        assert mark["event"] == request["event"]
        assert (mark["preempted"], mark["forcedShutdown"], mark["criticality"]) == (True, True, "HIGH")
        assert mark["workflowID"] == dispatcher.workflow_id
    [delivery] = sink.wait_for(1)
    recorded = json.loads((WIRE / "reply-event.json").read_text())
    assert {name.lower() for name in recorded["headers"]} <= set(delivery.headers)
    assert delivery.headers["ce-type"] == recorded["headers"]["Ce-Type"]
    assert delivery.headers["ce-id"] == f"{dispatcher.workflow_id}-{request['event']['id']}"
    assert delivery.headers["ce-source"].endswith("/vsphere-preemption")
    data = json.loads(delivery.body)
    assert list(data)[: len(recorded["data"])] == list(recorded["data"])
    assert {vm["Value"] for vm in data["virtualMachines"]} == {govc.machine(name).ref for name in TAGGED}


@pytest.mark.usefixtures("worker")
def test_the_state_shows_the_run_and_a_cancelled_workflow_ends_completed(govc: Govc, dispatcher: Dispatcher) -> None:
    request = a_request("HIGH")
    dispatcher.run(request)
    state = dispatcher.state()
    recorded = json.loads((WIRE / "current_state-after-run.json").read_text())
    assert list(state) == list(recorded)
    assert state["event"] == request["event"]
    assert {vm["Value"] for vm in state["virtualMachines"]} == {govc.machine(name).ref for name in TAGGED}
    assert dispatcher.cancel() == state
    assert dispatcher.state() == state


def test_those_that_cannot_be_stopped_are_left_out_with_a_reason_and_never_use_up_the_cap(
    vcsim: VCSim, govc: Govc, dispatcher: Dispatcher, start_worker: StartWorker
) -> None:
    others = [f"DC0_C1_RP0_VM{number}" for number in range(5)]
    tag_id = vcsim.tag_machines(TAGGED + others)
    witness = vcsim.witness()
    witness.attach_tag(tag_id, ["host-22"], kind="HostSystem")
    witness.set_connection_state(govc.machine(TAGGED[2]).ref, "disconnected")
    witness.close()
    govc.power("off", TAGGED[0])
    govc.power("suspend", TAGGED[1])
    govc.power("off", TAGGED[3])
    govc.run("vm.markastemplate", TAGGED[3])
    start_worker(vcsim.client_environment(), {"PREEMPTION_MAX_VMS": "2"})
    record = dispatcher.run(a_request())
    reasons = {spared["name"] or "host": spared["reason"] for spared in record["leftOut"]["vms"]}
    assert len(record["victims"]) == 2
    assert {victim["name"] for victim in record["victims"]} <= {TAGGED[4], *others}
    assert {name: reasons[name] for name in [*TAGGED[:4], "host"]} == {
        TAGGED[0]: "already_off",
        TAGGED[1]: "suspended",
        TAGGED[2]: "unreachable",
        TAGGED[3]: "template",
        "host": "not_a_vm",
    }
    assert record["leftOut"]["byReason"]["over_cap"] == 4


@pytest.mark.usefixtures("worker")
def test_a_run_makes_three_calls_for_each_vm_and_few_that_do_not_grow(
    vcsim: VCSim, govc: Govc, vcenter_proxy: VCenterProxy, dispatcher: Dispatcher
) -> None:
    dispatcher.run(a_request())
    totals = {}
    for machines in (TAGGED[:1], TAGGED):
        witness = vcsim.witness()
        witness.power_on([govc.machine(name).ref for name in machines])
        witness.close()
        vcenter_proxy.calls.clear()
        dispatcher.run(a_request())
        totals[len(machines)] = sum(vcenter_proxy.calls.counts().values())
    assert totals[5] - totals[1] <= 3 * 4
    assert totals[1] - 3 <= 10
    assert vcenter_proxy.calls.most_at_once() <= 5


@pytest.mark.usefixtures("worker")
def test_an_update_waits_for_the_outcome_and_the_same_request_id_gets_the_same_answer(dispatcher: Dispatcher) -> None:
    first = dispatcher.preempt(a_request(), request_id="change-4711")
    again = dispatcher.preempt(a_request(), request_id="change-4711")
    assert first["outcome"] == "done"
    assert again == first


def test_two_workflows_for_the_same_tag_at_once_stop_and_announce_each_vm_once(
    vcsim: VCSim, govc: Govc, sink: Sink, temporal: Any, task_queue: str, unique: str, start_worker: StartWorker
) -> None:
    vcsim.tag_machines(TAGGED)
    start_worker(vcsim.client_environment())
    pair = [Dispatcher(temporal, workflow_id=f"{unique}-{n}", task_queue=task_queue) for n in range(2)]
    requests = [a_request(replyTo=sink.url) for dispatcher in pair]
    for one, request in zip(pair, requests, strict=True):
        one.send(request)
    records = [one.outcome_of(request["event"]["id"]) for one, request in zip(pair, requests, strict=True)]
    stopped = [v["name"] for record in records for v in record["victims"] if v["outcome"] == "stopped"]
    assert sorted(stopped) == TAGGED
    told = [vm["Value"] for event in sink.events() for vm in event["data"]["virtualMachines"]]
    assert sorted(told) == sorted(govc.machine(name).ref for name in TAGGED)
    for one in pair:
        one.close()
