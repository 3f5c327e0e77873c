# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VMs are given back on real parts: which ones, what vCenter shows afterwards, and what the sink was told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from support.dispatcher import Dispatcher, a_request
from support.govc import Govc
from support.sink import Sink
from support.vcenter_proxy import VCenterProxy
from support.vcsim import VCSim
from support.waiting import wait_until
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


@pytest.mark.parametrize("limit", ["only", "places", "run_id"])
def test_a_restore_whose_limit_is_given_but_empty_powers_on_no_vm(
    worker_with: Callable[..., WorkerProcess], govc: Govc, dispatcher: Dispatcher, limit: str
) -> None:
    worker_with()
    dispatcher.run(a_request("HIGH"))
    with pytest.raises(WorkflowFailureError) as refused:
        give_back(dispatcher, force=True, **{limit: []})
    assert f"{limit} is set but empty" in str(refused.value.cause)
    assert not set(TAGGED) & govc.powered_on()
    assert outcomes(give_back(dispatcher, force=True)) == dict.fromkeys(TAGGED, "restored")


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


def test_vms_come_back_in_batches_the_last_one_stopped_first(
    worker_with: Callable[..., WorkerProcess], vcsim: VCSim, govc: Govc, dispatcher: Dispatcher
) -> None:
    worker_with("{pause: 0s, batch: 1}")
    runs = [dispatcher.run(a_request("HIGH", narrow={"only": [name]})) for name in (TAGGED[2], TAGGED[0], TAGGED[3])]
    assert all(run["outcome"] == "done" for run in runs)
    first = give_back(dispatcher, force=True, run_id=runs[1]["runID"])
    assert outcomes(first) == {TAGGED[0]: "restored"}
    assert kept(first)[TAGGED[2]] == "another_run"
    rest = give_back(dispatcher, force=True)
    assert [machine["name"] for machine in rest["machines"]] == [TAGGED[3], TAGGED[2]]
    began = [machine["started"] for machine in rest["machines"]]
    assert began == sorted(began)
    assert set(TAGGED) <= govc.powered_on()


def test_the_room_on_the_hosts_bounds_what_is_given_back(
    worker_with: Callable[..., WorkerProcess], govc: Govc, dispatcher: Dispatcher
) -> None:
    """A host of the simulator always uses 1404 of its 4096 MiB, which are 34.3 %; a VM has 32 MiB, or 0.8 %."""
    worker_with("{pause: 0s, max_memory: 34.5%}")
    dispatcher.run(a_request("HIGH"))
    record = give_back(dispatcher, force=True)
    assert (record["outcome"], record["reasonCode"]) == ("skipped", "no_room")
    assert not set(TAGGED) & govc.powered_on()


def test_a_host_that_is_full_ends_the_restore(
    worker_with: Callable[..., WorkerProcess], govc: Govc, dispatcher: Dispatcher
) -> None:
    worker_with("{pause: 0s, max_memory: 34%}")
    dispatcher.run(a_request("HIGH"))
    record = give_back(dispatcher, force=True)
    assert (record["outcome"], record["reasonCode"]) == ("skipped", "pressure")
    assert "of its memory" in record["message"]
    assert not set(TAGGED) & govc.powered_on()


def test_suspended_vms_are_resumed(
    vcsim: VCSim, start_worker: StartWorker, govc: Govc, dispatcher: Dispatcher, tmp_path: Path
) -> None:
    vcsim.tag_machines(TAGGED)
    policy = tmp_path / "policy.yml"
    actions = "actions: {HIGH: {method: suspend}}"
    policy.write_text(f"version: 1\ndefault: only\npolicies:\n  - name: only\n    {actions}\n")
    start_worker(vcsim.client_environment(), {"PREEMPTION_POLICY_FILE": str(policy)})
    dispatcher.run(a_request("HIGH"))
    assert {govc.power_states()[name] for name in TAGGED} == {"suspended"}
    # Somebody gives up what one of them was doing: it is not ours any more.
    govc.power("off", TAGGED[1])
    record = give_back(dispatcher, force=True)
    assert record["outcome"] == "done"
    assert kept(record)[TAGGED[1]] == "changed_since"
    assert set(TAGGED) - govc.powered_on() == {TAGGED[1]}


def test_restores_at_the_same_time_do_no_harm(
    worker_with: Callable[..., WorkerProcess], govc: Govc, dispatcher: Dispatcher, task_queue: str, sink: Sink
) -> None:
    worker_with()
    dispatcher.run(a_request("HIGH"))
    order = {"workflow_id": dispatcher.workflow_id, "tag": "preemptible", "force": True, "reply_to": sink.url}

    async def both() -> list[Record]:
        start = dispatcher.client.start_workflow
        handles = [
            await start("PreemptionRestore", order, id=f"{task_queue}/{number}", task_queue=task_queue)
            for number in range(2)
        ]
        return [await handle.result() for handle in handles]

    records = dispatcher.do(both())
    assert all(record["outcome"] in ("done", "partial", "skipped") for record in records)
    assert set(TAGGED) <= govc.powered_on()
    assert {mark["phase"] for mark in govc.marks().values()} == {"restored"}
    told = [vm["Value"] for event in sink.events() for vm in event["data"]["virtualMachines"]]
    assert sorted(told) == sorted(govc.machine(name).ref for name in TAGGED)


def test_another_worker_goes_on_where_one_was_killed(
    vcsim: VCSim,
    vcenter_proxy: VCenterProxy,
    start_worker: StartWorker,
    govc: Govc,
    dispatcher: Dispatcher,
    task_queue: str,
) -> None:
    """The power-on takes two seconds, in which the worker dies: its task goes on, and is not taken for somebody's."""
    vcsim.restart(delays_ms={"PowerOn": 2000})
    vcsim.tag_machines(TAGGED)
    worker = start_worker(vcenter_proxy.client_environment())
    dispatcher.run(a_request("HIGH"))
    order = {"workflow_id": dispatcher.workflow_id, "tag": "preemptible", "force": True}

    async def start() -> Any:
        return await dispatcher.client.start_workflow(
            "PreemptionRestore", order, id=f"{task_queue}/restore", task_queue=task_queue
        )

    handle = dispatcher.do(start())
    wait_until(lambda: vcenter_proxy.calls.counts().get("PowerOnVM_Task"), 20, "a power-on should be under way")
    worker.kill()
    start_worker(vcsim.client_environment())
    record = dispatcher.do(handle.result())
    assert (record["outcome"], set(outcomes(record).values())) == ("done", {"restored"})
    assert set(TAGGED) <= govc.powered_on()
    assert {mark["phase"] for mark in govc.marks().values()} == {"restored"}
