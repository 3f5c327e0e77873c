# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command with a real worker and a simulated vCenter; govc and Temporal's own command are the witnesses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.dispatcher import Dispatcher, a_request
from support.fixtures import StartWorker
from support.govc import Govc
from support.preemptctl import Preemptctl, ended
from support.vcsim import VCSim
from support.waiting import wait_until

TAGGED = {"DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"}
HOSTILE = "test\x9b2J\u202eexe.txt"


@pytest.fixture
def worker(vcsim: VCSim, start_worker: StartWorker) -> None:
    vcsim.tag_machines(sorted(TAGGED))
    start_worker(vcsim.client_environment())


@pytest.mark.usefixtures("worker")
def test_preempt_look_and_give_back(preemptctl: Preemptctl, govc: Govc, workflow_id: str) -> None:
    mine = ("-w", workflow_id)
    before = govc.powered_on()
    done = preemptctl("workflow", "run", "-c", "high", "--wait", "--request-id", "r1", *mine)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "Request r1 done"
    assert before - govc.powered_on() == TAGGED

    status = preemptctl("workflow", "status", *mine, "--json").document
    assert json.loads(status["status"]) == status["state"]
    assert len(status["state"]["virtualMachines"]) == len(TAGGED)
    shown = preemptctl("workflow", "status", *mine).out
    assert "last preemption   20" in shown
    assert "VMs               2: vm-" in shown

    listed = preemptctl("runs", *mine)
    assert (listed.code, "2 stopped" in listed.out.splitlines()[1]) == (0, True)
    one = preemptctl("runs", "r1", *mine, "--json").document["runs"]
    assert {victim["name"] for victim in one[0]["victims"]} == TAGGED
    assert preemptctl("runs", "r2", *mine).code == 8

    told = preemptctl("explain", "DC0_C0_RP0_VM0", *mine)
    assert told.out.rstrip().endswith("The run for request r1 stopped the VM by power-off.")

    watched = preemptctl("watch", "r1", *mine)
    assert (watched.code, watched.out.splitlines()[-1]) == (0, "Request r1 done")

    restore = ("restore", *mine, "--force", "--vm", "DC0_C0_RP0_VM0")
    planned = preemptctl(*restore, "--dry-run", "--json").document["restore"]
    assert [machine["outcome"] for machine in planned["machines"]] == ["planned"]
    assert before - govc.powered_on() == TAGGED
    given = preemptctl(*restore)
    assert (given.code, given.out.splitlines()[-1]) == (0, "Restore done")
    assert before - govc.powered_on() == {"DC0_C0_RP0_VM1"}
    again = preemptctl(*restore)
    assert (again.code, again.out.splitlines()[-1]) == (0, "Restore done (nothing_to_restore)")

    cancelled = preemptctl("workflow", "cancel", *mine, "--wait")
    assert (cancelled.code, cancelled.out) == (0, f"Workflow {workflow_id} was cancelled.\n")
    assert preemptctl("workflow", "cancel", *mine).code == 8


@pytest.mark.usefixtures("worker")
def test_one_preemption_is_restored_by_the_id_that_is_shown(
    preemptctl: Preemptctl, govc: Govc, workflow_id: str
) -> None:
    mine = ("-w", workflow_id)
    before = govc.powered_on()
    sent = preemptctl("workflow", "run", "-c", "HIGH", "--wait", "--json", *mine).document
    preemption_id = sent["preemption_id"]
    assert preemption_id == sent["outcome"]["runID"]
    assert sent["execution_run_id"] == sent["workflowRunID"]
    assert preemption_id in preemptctl("runs", *mine).out
    assert f"Preemption id {preemption_id}" in preemptctl("runs", preemption_id, *mine).out
    state = preemptctl("workflow", "status", *mine, "--execution-run-id", sent["execution_run_id"], "--json").document
    assert (state["runID"], state["state"]["workflowRunID"]) == (sent["execution_run_id"], sent["execution_run_id"])
    restore = ("restore", *mine, "--force")
    for words in (["--preemption-id", sent["execution_run_id"]], ["--preemption-id", "none", "--dry-run"]):
        failed = preemptctl(*restore, *words, "--json")
        assert (failed.code, failed.error["error_code"]) == (8, "workflow_not_found")
        assert words[1] in failed.error["msg"]
    assert preemptctl(*restore, "--no-wait", "--of-run", "none").code == 8
    assert before - govc.powered_on() == TAGGED
    assert preemptctl(*restore, "--of-run", preemption_id).out.splitlines()[-1] == "Restore done"
    assert govc.powered_on() == before


@pytest.mark.parametrize("interval", ["0.1", pytest.param("2", id="the run is over before the next look")])
@pytest.mark.usefixtures("worker")
def test_watch_follows_the_next_run_to_its_end_and_fails_as_the_run_does(
    preemptctl: Preemptctl, govc: Govc, workflow_id: str, interval: str
) -> None:
    child = preemptctl.start("watch", "-w", workflow_id, "--interval", interval, "--json")
    assert child.stdout is not None
    assert json.loads(child.stdout.readline())["preemption_id"] == ""
    sent = preemptctl("workflow", "run", "-w", workflow_id, "-c", "HIGH", "--json").document
    watched = ended(child)
    last = watched.documents[-1]
    assert (watched.code, last["phase"], last["outcome"]["outcome"]) == (0, "ended", "done")
    assert last["request_id"] == sent["requestID"]
    assert TAGGED.isdisjoint(govc.powered_on())

    other = ("-w", f"{workflow_id}-other")
    failed = preemptctl("workflow", "run", *other, "-t", "no-such-tag", "-c", "HIGH", "--wait", "--json")
    assert (failed.code, failed.error["error_code"]) == (9, "run_failed")
    assert preemptctl("watch", failed.document["requestID"], *other).code == 9


def test_watch_stays_with_a_run_that_outlives_its_workflow(
    preemptctl: Preemptctl, vcsim: VCSim, start_worker: StartWorker, dispatcher: Dispatcher, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yml"
    policy.write_text("version: 1\npolicies: [{name: asks, mode: approve}]\n")
    vcsim.tag_machines(sorted(TAGGED))
    start_worker(vcsim.client_environment(), {"PREEMPTION_POLICY_FILE": str(policy)})
    dispatcher.send(a_request("HIGH"))
    child = preemptctl.start("watch", "-w", dispatcher.workflow_id, "--interval", "0.2", "--json")
    assert child.stdout is not None
    seen = json.loads(child.stdout.readline())
    while seen["phase"] != "waiting_for_approval":
        seen = json.loads(child.stdout.readline())
    assert [victim["rank"] for victim in seen["plan"]["victims"]] == [1, 2]
    dispatcher.do(dispatcher.handle.terminate())
    run = dispatcher.client.get_workflow_handle(seen["preemption_id"])
    dispatcher.do(run.execute_update("decide", {"approve": True, "by": "me", "note": ""}))
    watched = ended(child)
    assert (watched.code, watched.err) == (0, "")
    assert watched.documents[-1]["outcome"]["outcome"] == "done"


def test_plan_shows_what_would_happen_and_touches_nothing(
    preemptctl: Preemptctl, vcsim: VCSim, govc: Govc, tmp_path: Path
) -> None:
    vcsim.tag_machines(sorted(TAGGED))
    govc.run("object.rename", govc.path_of("DC0_C0_RP0_VM1"), HOSTILE)
    policy = tmp_path / "policy.yml"
    policy.write_text("version: 1\npolicies:\n  - name: careful\n    protect: {names: [DC0_C0_RP0_VM0]}\n")
    before, environment = govc.powered_on(), vcsim.client_environment()
    plan = preemptctl("plan", "-c", "HIGH", "--policy-file", str(policy), env=environment)
    assert (plan.code, plan.err) == (0, "")
    heads, victim, spared = plan.out.splitlines()[:3]
    assert heads.split() == ["RANK", "VM", "NAME", "ACTION", "REASON"]
    assert "test\\x9b2J\\u202eexe.txt  stop (hard)" in victim
    assert "\x9b" not in plan.out
    assert "\u202e" not in plan.out
    assert spared.split()[-3:] == ["DC0_C0_RP0_VM0", "leave", "protected_by_name"]
    by_json = preemptctl("plan", "-c", "HIGH", "--cluster", "DC0_C0", "--json", env=environment)
    assert by_json.out.isascii()
    assert {v["name"] for v in by_json.document["victims"]} == {"DC0_C0_RP0_VM0", HOSTILE}
    assert (govc.powered_on(), govc.marks()) == (before, {})

    assert preemptctl("plan", "-t", "no-such-tag", env=environment).code == 8
    policy.write_text("version: 1\npolicies: [{name: x, nonsense: 1}]\n")
    wrong = preemptctl("plan", "--policy-file", str(policy), env=environment)
    assert (wrong.code, "nonsense" in wrong.err, "Traceback" in wrong.err) == (2, True, False)
    secret = tmp_path / "empty"
    secret.mkdir()
    refused = preemptctl("plan", "--vcenter-secret-path", str(secret), env=environment)
    assert (refused.code, "[vcenter_login_refused]" in refused.err) == (4, True)


@pytest.mark.usefixtures("worker")
def test_pause_stops_requests_and_resume_lets_them_go_on(preemptctl: Preemptctl, govc: Govc, workflow_id: str) -> None:
    before = govc.powered_on()
    paused = preemptctl("pause", "--reason", "migration", "--json").document
    assert (paused["changed"], paused["switch"]["paused"], paused["switch"]["reason"]) == (True, True, "migration")
    assert not preemptctl("pause", "--json").document["changed"]
    skipped = preemptctl("workflow", "run", "-w", workflow_id, "-c", "HIGH", "--wait", "--json").document
    assert (skipped["outcome"]["outcome"], skipped["outcome"]["reason"]) == ("skipped", "paused")
    assert govc.powered_on() == before
    assert preemptctl("resume").out == "Preemption is active.\n"
    assert preemptctl("resume").out == "Preemption is active. Nothing was changed.\n"
    preemptctl("workflow", "run", "-w", workflow_id, "-c", "HIGH")
    wait_until(lambda: TAGGED.isdisjoint(govc.powered_on()), 30, "the tagged VMs to be off")
