# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker with a policy file, against a real Temporal server and a simulated vCenter; govc reads the result back."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.service import RPCError

from support.alarms import AlarmDesk
from support.dispatcher import Dispatcher, a_request
from support.govc import Govc
from support.sink import Sink
from support.vcenter_faults import Swallow
from support.vcenter_proxy import VCenterProxy
from support.vcsim import VCSim
from support.waiting import wait_until
from support.worker import WorkerProcess
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.temporal.kill_switch import pause, resume

FIRST = [f"DC0_C0_RP0_VM{number}" for number in range(5)]
SECOND = [f"DC0_C1_RP0_VM{number}" for number in range(5)]
CHANGING = ("PowerOff*", "ShutdownGuest", "Suspend*", "PowerOn*", "SetField", "Reconfig*")
StartWorker = Callable[..., WorkerProcess]
Worker = Callable[..., WorkerProcess]


@pytest.fixture
def worker_with(
    tmp_path: Path, vcsim: VCSim, vcenter_proxy: VCenterProxy, start_worker: StartWorker
) -> Callable[..., WorkerProcess]:
    """Start a worker whose one policy has these rules, written as YAML (which JSON is)."""
    vcsim.tag_machines(FIRST + SECOND)

    def start(**rules: Any) -> WorkerProcess:
        write_policy(tmp_path / "policy.yml", **rules)
        settings = {"PREEMPTION_POLICY_FILE": str(tmp_path / "policy.yml")}
        return start_worker(vcenter_proxy.client_environment(), settings)

    return start


def write_policy(file: Path, **rules: Any) -> None:
    policy = {"name": "standard", "rerun_window": 0, **rules}
    file.write_text(json.dumps({"version": 1, "policies": [policy]}))


@pytest.fixture
def desk(vcsim: VCSim) -> Iterator[AlarmDesk]:
    with contextlib.closing(vcsim.witness()) as witness:
        yield AlarmDesk(witness)


def cluster(govc: Govc, name: str) -> ManagedObject:
    found = govc.run("find", "-i", f"/DC0/host/{name}", "-maxdepth", "0").strip()
    return ManagedObject(*found.split(":", 1))


def an_alarm_request(place: ManagedObject | None, criticality: str = "HIGH", **alarm: Any) -> dict[str, Any]:
    """A request as the VMware Event Broker Appliance makes it of an alarm on a compute resource."""
    request = a_request(criticality)
    argument = {"Name": "the cluster", "ComputeResource": place.as_wire()} if place else None
    data = {"Alarm": {"Name": "Cluster memory", **alarm}, "From": "yellow", "To": "red", "ComputeResource": argument}
    event = {**request["event"], "type": "com.vmware.vsphere.AlarmStatusChangedEvent.v0", "data": data}
    return {**request, "event": event}


def left_out(record: dict[str, Any]) -> dict[str, str]:
    return {spared["name"]: spared["reason"] for spared in record["leftOut"]["vms"]}


def stopped(record: dict[str, Any]) -> set[str]:
    return {victim["name"] for victim in record["victims"] if victim["outcome"] == "stopped"}


def test_an_alarm_reaches_its_own_cluster_only(govc: Govc, dispatcher: Dispatcher, worker_with: Worker) -> None:
    worker_with()
    record = dispatcher.run(an_alarm_request(cluster(govc, "DC0_C1")))
    assert stopped(record) == set(SECOND)
    assert govc.powered_on() & set(FIRST + SECOND) == set(FIRST)
    assert left_out(record) == dict.fromkeys(FIRST, "out_of_scope")


def test_an_alarm_without_a_compute_resource_is_refused_and_never_widened(
    govc: Govc, dispatcher: Dispatcher, worker_with: Worker, vcenter_proxy: VCenterProxy
) -> None:
    worker_with()
    record = dispatcher.run(an_alarm_request(None))
    assert (record["outcome"], record["reason"]) == ("skipped", "not_allowed_by_policy")
    assert "compute resource" in record["message"]
    assert govc.powered_on() >= set(FIRST + SECOND)
    assert sum(vcenter_proxy.calls.count(name) for name in CHANGING) == 0


@pytest.mark.parametrize("scope", [{"cluster": "DC0_C0"}, {"cluster": "/DC0/host/DC0_C0"}])
def test_a_request_may_narrow_its_scope_and_never_beyond_the_policy(
    dispatcher: Dispatcher, worker_with: Worker, scope: dict[str, str]
) -> None:
    worker_with(scope={"within": [{"cluster": "DC0_C0"}]})
    assert stopped(dispatcher.run(a_request(narrow={"scope": [{"cluster": "DC0_C1"}]}))) == set()
    assert stopped(dispatcher.run(a_request(narrow={"scope": [scope], "maxVMs": 2}))) <= set(FIRST)


def test_a_request_by_hand_has_to_name_its_scope_where_the_policy_says_so(
    dispatcher: Dispatcher, worker_with: Worker
) -> None:
    worker_with(scope={"vcenter_wide": False})
    assert dispatcher.run(a_request())["reason"] == "not_allowed_by_policy"
    assert stopped(dispatcher.run(a_request(narrow={"scope": [{"cluster": "DC0_C0"}]}))) == set(FIRST)


def test_the_protected_are_never_stopped(govc: Govc, dispatcher: Dispatcher, worker_with: Worker) -> None:
    govc.create_tag("safety", "protected")
    govc.attach_tag("safety", "protected", govc.path_of(FIRST[0]))
    worker_with(protect={"tags": ["protected"], "names": ["dc0_c1*"], "vms": [govc.machine(FIRST[1]).ref]})
    record = dispatcher.run(a_request())
    assert stopped(record) == set(FIRST[2:])
    reasons = left_out(record)
    assert (reasons[FIRST[0]], reasons[FIRST[1]]) == ("protected_by_tag", "protected_by_reference")
    assert {reasons[name] for name in SECOND} == {"protected_by_name"}


def test_a_vm_that_becomes_protected_after_planning_is_spared(
    govc: Govc, dispatcher: Dispatcher, worker_with: Worker
) -> None:
    govc.create_tag("safety", "protected")
    worker_with(protect={"tags": ["protected"]}, notice={"lead": 2, "criticalities": ["HIGH"]})
    request = a_request(narrow={"only": FIRST[:2]})
    dispatcher.send(request)
    progress = wait_for_phase(dispatcher, "lead_time")
    assert len(progress["plan"]["victims"]) == 2
    govc.attach_tag("safety", "protected", govc.path_of(FIRST[0]))
    record = dispatcher.outcome_of(request["event"]["id"])
    assert stopped(record) == {FIRST[1]}
    assert govc.powered_on() >= {FIRST[0]}


def test_a_name_with_a_slash_is_protected_as_people_write_it(
    govc: Govc, dispatcher: Dispatcher, worker_with: Worker
) -> None:
    """vCenter lists the slash as %2f; the simulator keeps a new name as it was given."""
    listed = "db%2fprod-1"
    govc.run("object.rename", govc.path_of(FIRST[0]), listed)
    assert listed in govc.powered_on()
    worker_with(protect={"names": ["DB/*"]})
    record = dispatcher.run(a_request())
    assert left_out(record) == {listed: "protected_by_name"}
    assert stopped(record) == set(FIRST[1:] + SECOND)
    assert listed in govc.powered_on()


@pytest.mark.parametrize(
    ("protect", "named"),
    [
        pytest.param({"tags": ["safety:never"]}, "the tag 'safety:never'", id="colon"),
        pytest.param({"tags": ["safety/nver"]}, "the tag 'safety/nver'", id="typo"),
        pytest.param({"groups": [{"category": "apps", "keep": 1}]}, "the tag category 'apps'", id="category"),
        pytest.param({"groups": [{"attribute": "Owner", "keep": 1}]}, "the custom attribute 'Owner'", id="attribute"),
    ],
)
def test_a_protection_that_names_nothing_stops_no_vm_and_says_so(
    govc: Govc,
    dispatcher: Dispatcher,
    worker_with: Worker,
    vcenter_proxy: VCenterProxy,
    protect: dict[str, Any],
    named: str,
) -> None:
    govc.create_tag("safety", "never")
    govc.attach_tag("safety", "never", govc.path_of(FIRST[0]))
    worker_with(protect=protect)
    record = dispatcher.run(a_request())
    assert (record["outcome"], record["reason"]) == ("skipped", "protection_not_found")
    assert named in record["message"]
    assert govc.powered_on() >= set(FIRST + SECOND)
    assert sum(vcenter_proxy.calls.count(name) for name in CHANGING) == 0


def test_a_protection_that_is_deleted_after_planning_stops_no_vm(
    govc: Govc, dispatcher: Dispatcher, worker_with: Worker
) -> None:
    govc.create_tag("safety", "protected")
    worker_with(protect={"tags": ["safety/protected"]}, notice={"lead": 2, "criticalities": ["HIGH"]})
    request = a_request(narrow={"only": FIRST[:2]})
    dispatcher.send(request)
    assert len(wait_for_phase(dispatcher, "lead_time")["plan"]["victims"]) == 2
    govc.remove_tag("safety", "protected")
    record = dispatcher.outcome_of(request["event"]["id"])
    assert {(victim["outcome"], victim["message"]) for victim in record["victims"]} == {
        ("spared", "protection_not_found")
    }
    assert govc.powered_on() >= set(FIRST + SECOND)


def test_a_dry_run_makes_no_changing_call(
    govc: Govc, dispatcher: Dispatcher, worker_with: Worker, vcenter_proxy: VCenterProxy
) -> None:
    worker_with(mode="dry_run")
    record = dispatcher.run(a_request())
    assert (record["outcome"], record["reason"]) == ("skipped", "dry_run")
    assert {victim["name"] for victim in record["planned"]} == set(FIRST + SECOND)
    assert sum(vcenter_proxy.calls.count(name) for name in CHANGING) == 0
    assert govc.powered_on() >= set(FIRST + SECOND)


def test_a_run_that_needs_approval_stops_only_what_was_agreed_to(
    govc: Govc, dispatcher: Dispatcher, worker_with: Worker
) -> None:
    worker_with(mode="approve", amount={"max_vms": 2})
    request = a_request()
    dispatcher.send(request)
    progress = wait_for_phase(dispatcher, "waiting_for_approval")
    agreed = {victim["name"] for victim in progress["plan"]["victims"]}
    gone = sorted(agreed)[0]
    govc.power("off", gone)
    dispatcher.do(the_run(dispatcher).execute_update("decide", {"approve": True, "by": "ada"}))
    record = dispatcher.outcome_of(request["event"]["id"])
    assert stopped(record) == agreed - {gone}
    assert record["approval"]["by"] == "ada"


def test_suspending_frees_the_cluster_too(govc: Govc, dispatcher: Dispatcher, worker_with: Worker) -> None:
    worker_with(actions={"HIGH": {"method": "suspend"}}, amount={"max_vms": 3})
    record = dispatcher.run(a_request())
    states = govc.power_states()
    assert {states[name] for name in stopped(record)} == {"suspended"}
    assert len(stopped(record)) == 3
    assert {mark["method"] for mark in govc.marks().values()} == {"suspend"}
    assert {mark["phase"] for mark in govc.marks().values()} == {"preempted"}


def test_waves_end_as_soon_as_the_alarm_is_green(
    govc: Govc, dispatcher: Dispatcher, worker_with: Worker, desk: AlarmDesk, vcenter_proxy: VCenterProxy
) -> None:
    place = cluster(govc, "DC0_C0")
    alarm = desk.define("Cluster memory", "ClusterComputeResource")
    desk.paint("Cluster memory", place, "red")
    worker_with(waves={"size": 2, "pause": 3})
    request = an_alarm_request(place, Alarm=alarm.as_wire())
    dispatcher.send(request)
    wait_until(lambda: vcenter_proxy.calls.count("PowerOff*"), 20, "the first wave", until=lambda seen: seen == 2)
    desk.paint("Cluster memory", place, "green")
    record = dispatcher.outcome_of(request["event"]["id"])
    assert (record["outcome"], record["reason"]) == ("done", "pressure_gone")
    assert len(stopped(record)) == 2
    assert [victim["reason"] for victim in record["victims"]] == ["", "", *["pressure_gone"] * 3]


def test_the_kill_switch_holds_over_a_restart_and_until_somebody_resumes(
    govc: Govc, dispatcher: Dispatcher, worker_with: Worker, task_queue: str
) -> None:
    worker = worker_with()
    switch, changed = dispatcher.do(pause(dispatcher.client, task_queue, reason="audit", by="ada"))
    assert (switch.paused, changed) == (True, True)
    worker.restart()
    record = dispatcher.run(a_request())
    assert (record["outcome"], record["reason"]) == ("skipped", "paused")
    assert "ada: audit" in record["message"]
    assert govc.powered_on() >= set(FIRST + SECOND)
    dispatcher.do(resume(dispatcher.client, task_queue, by="ada"))
    assert stopped(dispatcher.run(a_request())) == set(FIRST + SECOND)


def test_the_kill_switch_ends_a_run_in_its_grace_period(
    govc: Govc, dispatcher: Dispatcher, worker_with: Worker, task_queue: str, vcenter_proxy: VCenterProxy
) -> None:
    vcenter_proxy.on("ShutdownGuest", Swallow(), times=None)
    worker_with(actions={"MEDIUM": {"method": "soft_then_hard", "grace": 20}}, amount={"max_vms": 2})
    request = a_request("MEDIUM")
    dispatcher.send(request)
    wait_until(lambda: vcenter_proxy.calls.count("ShutdownGuest"), 20, "two calls", until=lambda seen: seen == 2)
    dispatcher.do(pause(dispatcher.client, task_queue, reason="stop it", by="ada"))
    record = dispatcher.outcome_of(request["event"]["id"])
    assert {victim["reason"] for victim in record["victims"]} == {"paused"}
    assert (record["outcome"], record["reason"]) == ("failed", "paused")
    assert govc.powered_on() >= set(FIRST + SECOND)
    dispatcher.do(resume(dispatcher.client, task_queue, by="ada"))


def test_a_policy_is_read_again_on_demand_and_a_wrong_one_changes_nothing(
    tmp_path: Path, dispatcher: Dispatcher, worker_with: Worker
) -> None:
    worker = worker_with(mode="dry_run")
    (tmp_path / "policy.yml").write_text("version: 1\npolicies: [{name: broken, amount: {max_vm: 1}}]\n")
    worker.process.send(signal.SIGHUP)
    wait_until(worker.log_text, 10, "a line about the mistake", until=lambda text: "did you mean max_vms" in text)
    assert dispatcher.run(a_request())["reason"] == "dry_run"
    write_policy(tmp_path / "policy.yml", amount={"max_vms": 1})
    worker.process.send(signal.SIGHUP)
    wait_until(worker.log_text, 10, "a line about the new file", until=lambda text: "changed=true" in text)
    assert len(stopped(dispatcher.run(a_request()))) == 1


def test_a_wrong_policy_stops_the_start_and_each_mistake_is_one_line(
    tmp_path: Path, vcsim: VCSim, start_worker: StartWorker
) -> None:
    (tmp_path / "policy.yml").write_text("version: 2\ndefault: x\npolicies: []\n")
    settings = {"PREEMPTION_POLICY_FILE": str(tmp_path / "policy.yml")}
    worker = start_worker(vcsim.client_environment(), settings, wait=False)
    assert worker.wait_ended() == 2
    assert worker.log_text().count("error in the policy file") >= 2


def test_a_notice_goes_to_the_guest_and_to_the_address_before_anything_is_stopped(
    govc: Govc, dispatcher: Dispatcher, worker_with: Worker, sink: Sink
) -> None:
    worker_with(notice={"lead": 2, "criticalities": ["HIGH"], "guestinfo": True}, amount={"max_vms": 1})
    record = dispatcher.run(a_request(replyTo=sink.url))
    [victim] = stopped(record)
    deliveries = sink.wait_for(2)
    kinds = [delivery.headers["ce-type"].rpartition(".vsphere.")[2] for delivery in deliveries]
    assert kinds == ["VmPreemptionNoticeEvent.v0", "VmPreemptedEvent.v0"]
    assert "guestinfo.vsphere.preemption" in govc.run("vm.info", "-e", victim)


def test_vms_come_back_by_themselves_once_the_alarm_was_green_for_the_hold_time(
    govc: Govc, dispatcher: Dispatcher, worker_with: Worker, desk: AlarmDesk, sink: Sink
) -> None:
    place = cluster(govc, "DC0_C0")
    alarm = desk.define("Cluster memory", "ClusterComputeResource")
    desk.paint("Cluster memory", place, "red")
    worker_with(restore={"automatic": True, "hold": 4, "batch": 2, "pause": 0, "max_memory": "100%", "max_cpu": "100%"})
    record = dispatcher.run({**an_alarm_request(place, Alarm=alarm.as_wire()), "replyTo": sink.url})
    assert stopped(record) == set(FIRST)
    restore = dispatcher.client.get_workflow_handle(f"{record['runID']}/restore")
    desk.paint("Cluster memory", place, "green")
    restored = dispatcher.do(restore.result())
    assert restored["outcome"] == "done"
    assert govc.powered_on() >= set(FIRST)
    assert {mark["phase"] for mark in govc.marks().values()} == {"restored"}
    assert sink.wait_for(2)[-1].event()["type"].endswith("VmRestoredEvent.v0")


def wait_for_phase(dispatcher: Dispatcher, phase: str) -> dict[str, Any]:
    def look() -> dict[str, Any]:
        return dict(dispatcher.do(the_run(dispatcher).query("progress")))

    return wait_until(
        look, 20, f"the phase {phase}", until=lambda seen: seen["phase"] == phase, ignoring=(RPCError, TypeError)
    )


def the_run(dispatcher: Dispatcher) -> Any:
    at_work = dispatcher.do(dispatcher.handle.query("requests"))["atWork"]
    return dispatcher.client.get_workflow_handle(f"{dispatcher.workflow_id}/{at_work['runKey']}")
