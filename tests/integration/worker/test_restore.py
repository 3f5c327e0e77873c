# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VMs are given back on real parts: which ones, what vCenter shows afterwards, and what the sink was told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.dispatcher import Dispatcher, a_request
from support.govc import Govc
from support.sink import Sink
from support.vcsim import VCSim
from support.worker import WorkerProcess

TAGGED = [f"DC0_C0_RP0_VM{number}" for number in range(4)]
DRILLED = TAGGED[0]
RESTORED = "com.vmware.workflows.vsphere.VmRestoredEvent.v0"
PREEMPTED = "com.vmware.workflows.vsphere.VmPreemptedEvent.v0"

StartWorker = Callable[..., WorkerProcess]
Record = dict[str, Any]


@pytest.fixture
def worker_with(vcsim: VCSim, start_worker: StartWorker, tmp_path: Path) -> Callable[..., WorkerProcess]:
    """Start a worker whose policy has these lines under `restore`."""

    def start(restore: str = "{pause: 0s}") -> WorkerProcess:
        vcsim.tag_machines(TAGGED)
        policy = tmp_path / "policy.yml"
        policy.write_text(f"version: 1\ndefault: only\npolicies:\n  - name: only\n    restore: {restore}\n")
        settings = {"PREEMPTION_POLICY_FILE": str(policy), "PREEMPTION_WINDOW_SECONDS": "0"}
        return start_worker(vcsim.client_environment(), settings)

    return start


def give_back(dispatcher: Dispatcher, **more: Any) -> Record:
    """Start a restore as the module does, and wait for its record."""
    order = {"workflow_id": dispatcher.workflow_id, "tag": "preemptible", "reason": "test", **more}
    record: Record = dispatcher.do(
        dispatcher.client.execute_workflow(
            "PreemptionRestore",
            order,
            id=f"{dispatcher.workflow_id}/restore",
            task_queue=dispatcher.workflow_id.replace("workflow", "queue"),
        )
    )
    return record


def outcomes(record: Record) -> dict[str, str]:
    return {machine["name"]: machine["outcome"] for machine in record["machines"]}


def kept(record: Record) -> dict[str, str]:
    return {left["name"]: left["reason"] for left in record["kept"]["vms"]}


def test_a_drill_stops_one_vm_through_the_normal_path_and_gives_it_back(
    worker_with: Callable[..., WorkerProcess], govc: Govc, dispatcher: Dispatcher, sink: Sink
) -> None:
    worker_with()
    before = govc.powered_on()
    drill = {"only": [DRILLED], "reason": "drill"}
    run = dispatcher.run(a_request("HIGH", narrow=drill, replyTo=sink.url))
    assert govc.powered_on() == before - {DRILLED}
    mark = govc.marks()[DRILLED]
    assert (mark["phase"], mark["note"]) == ("preempted", "drill")
    record = give_back(dispatcher, only=[DRILLED], reason="drill", force=True, reply_to=sink.url)
    assert (record["outcome"], outcomes(record)) == ("done", {DRILLED: "restored"})
    assert govc.powered_on() == before
    mark = govc.marks()[DRILLED]
    assert (mark["phase"], mark["preempted"], mark["note"], mark["reason"]) == ("restored", False, "drill", "drill")
    assert mark["runID"] == run["runID"]
    assert len(mark["history"]) == 1
    stopped, returned = sink.wait_for(2)
    assert (stopped.headers["ce-type"], returned.headers["ce-type"]) == (PREEMPTED, RESTORED)
    data = returned.event()["data"]
    assert data["reason"] == "drill"
    assert [machine["name"] for machine in data["victims"]] == [DRILLED]
    assert data["victims"][0]["preemptionRunID"] == run["runID"]
    assert data["runID"] == record["restoreID"] == returned.headers["ce-id"]


def test_a_vm_that_a_person_powered_on_and_off_again_is_left_alone(
    worker_with: Callable[..., WorkerProcess], govc: Govc, dispatcher: Dispatcher
) -> None:
    worker_with()
    dispatcher.run(a_request("HIGH"))
    govc.power("on", TAGGED[1])
    govc.power("off", TAGGED[1])
    govc.power("on", TAGGED[2])
    record = give_back(dispatcher, force=True)
    assert outcomes(record) == {TAGGED[0]: "restored", TAGGED[3]: "restored"}
    assert kept(record)[TAGGED[1]] == "changed_since"
    assert kept(record)[TAGGED[2]] == "is_on"
    assert govc.power_states()[TAGGED[1]] == "poweredOff"
    assert govc.marks()[TAGGED[1]]["phase"] == "preempted"
    again = give_back(dispatcher, force=True)
    assert (again["outcome"], again["reasonCode"], again["machines"]) == ("done", "nothing_to_restore", [])


def test_a_vm_that_was_stopped_a_moment_ago_is_held_back_and_one_given_back_is_not_stopped_again(
    worker_with: Callable[..., WorkerProcess], govc: Govc, dispatcher: Dispatcher
) -> None:
    worker_with("{pause: 0s, hold: 1h}")
    dispatcher.run(a_request("HIGH"))
    held = give_back(dispatcher)
    assert held["kept"]["byReason"] == {"hold_time": 4}
    assert give_back(dispatcher, force=True)["outcome"] == "done"
    again = dispatcher.run(a_request("HIGH"))
    assert again["victims"] == []
    assert again["leftOut"]["byReason"]["restored_recently"] == 4
    assert set(TAGGED) <= govc.powered_on()
