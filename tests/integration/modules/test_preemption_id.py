# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One id names one preemption, from the request to the restore; an id that nothing has is an error.

With the real worker and a simulated vCenter; govc is the witness.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError

from support.ansible import Ansible, Ran
from support.dispatcher import Dispatcher
from support.govc import Govc
from support.paths import CHECKOUT
from support.vcsim import VCSim
from support.waiting import wait_until
from support.worker import WorkerProcess

pytestmark = pytest.mark.timeout(300)

SIGNAL, RESTORE, APPROVE, QUERY = (f"preemption_{name}" for name in ("signal", "restore", "approve", "query"))
TAGGED = {"DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"}
GIVE_BACK: dict[str, Any] = {"tag": "preemptible", "force": True}
ONE_ID = "Restore exactly these VMs"


@pytest.fixture
def tagged(vcsim: VCSim, start_worker: Callable[..., WorkerProcess]) -> VCSim:
    """Two tagged VMs, and a worker that does not skip a second request."""
    vcsim.tag_machines(sorted(TAGGED))
    start_worker(vcsim.client_environment(), {"PREEMPTION_WINDOW_SECONDS": "0"})
    return vcsim


@pytest.fixture
def preempted(tagged: VCSim, ansible: Ansible) -> Ran:
    """What the module answered when it stopped them."""
    return ansible.module(SIGNAL, {"tag": "preemptible", "criticality": "HIGH"})


def assert_no_such_preemption(ran: Ran, *named: str) -> None:
    """The task has failed with one line that names all this."""
    assert (ran.code != 0, ran.error_code) == (True, "workflow_not_found"), ran.output
    assert "\n" not in ran.result["msg"]
    assert [text for text in (*named, "preemption_id") if text not in ran.result["msg"]] == [], ran.result["msg"]


@pytest.mark.usefixtures("tagged")
def test_the_natural_playbook_of_the_documentation_brings_the_vms_back(
    govc: Govc, ansible: Ansible, workflow_id: str
) -> None:
    before = govc.powered_on()
    text = (CHECKOUT / "docs" / "modules.md").read_text()
    [book] = [book for book in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if ONE_ID in book]
    ran = ansible.playbook(book, "-e", json.dumps({"workflow_id": workflow_id}))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"ok=2 +changed=2 ", ran.stdout), ran.stdout
    assert {name: mark["phase"] for name, mark in govc.marks().items()} == dict.fromkeys(TAGGED, "restored")
    assert govc.powered_on() == before


@pytest.mark.long
def test_each_preemption_is_restored_by_its_own_id(
    tagged: VCSim, govc: Govc, ansible: Ansible, workflow_id: str
) -> None:
    before = govc.powered_on()
    first, second = (
        ansible.module(SIGNAL, {"tag": "preemptible", "criticality": "HIGH", "vms": [name]}).result
        for name in sorted(TAGGED)
    )
    assert first["preemption_id"] == first["outcome"]["runID"] != second["preemption_id"]
    assert first["execution_run_id"] == first["run_id"] == second["execution_run_id"]
    [explained] = [
        entry
        for entry in ansible.module(QUERY, {"vm": sorted(TAGGED)[0]}).result["explanation"]
        if entry["what"] == "stopped"
    ]
    assert explained["preemption_id"] == explained["run_id"] == first["preemption_id"]
    asked = {**GIVE_BACK, "preemption_id": first["preemption_id"]}
    assert [ansible.module(RESTORE, asked, *flags).changed for flags in (["--check"], [], [])] == [True, True, False]
    assert before - govc.powered_on() == {sorted(TAGGED)[1]}
    # The option's name of 0.2.0 takes the same id.
    assert ansible.module(RESTORE, {**GIVE_BACK, "run_id": second["preemption_id"]}).changed
    assert govc.powered_on() == before


def test_an_id_that_nothing_has_fails_the_restore_and_changes_nothing(
    preempted: Ran, govc: Govc, ansible: Ansible, workflow_id: str
) -> None:
    off, marks = govc.powered_on(), govc.marks()
    # What somebody would take who thinks of Temporal, under the name of the option that looks the same.
    of_dispatcher = preempted.result["run_id"]
    told = f"{of_dispatcher} is the execution_run_id of the workflow {workflow_id}, not a preemption_id"
    assert_no_such_preemption(ansible.module(RESTORE, {**GIVE_BACK, "run_id": of_dispatcher}), told)
    other = {**GIVE_BACK, "workflow_id": "another", "preemption_id": of_dispatcher}
    assert_no_such_preemption(ansible.module(RESTORE, other, "--check"), told)
    nothing = f"{workflow_id}/nothing"
    for more, flags in (({}, []), ({}, ["--check"]), ({"wait": False}, [])):
        ran = ansible.module(RESTORE, {**GIVE_BACK, **more, "preemption_id": nothing}, *flags)
        assert_no_such_preemption(ran, nothing, "no VM with the tag preemptible")
    assert (govc.powered_on(), govc.marks()) == (off, marks)


def test_the_id_of_the_dispatcher_and_an_empty_id_are_no_preemption(
    preempted: Ran, govc: Govc, ansible: Ansible, workflow_id: str
) -> None:
    off = govc.powered_on()
    ran = ansible.module(RESTORE, {**GIVE_BACK, "preemption_id": workflow_id})
    assert_no_such_preemption(ran, f"{workflow_id} is the workflow id of a PreemptVMsWorkflow")
    # An id that was to be filled in must not come to mean every preemption.
    for name, asked in ((RESTORE, GIVE_BACK), (APPROVE, {"decision": "approve"})):
        ran = ansible.module(name, {**asked, "preemption_id": ""})
        assert (ran.code != 0, ran.error_code) == (True, "invalid_request")
    assert govc.powered_on() == off


@pytest.mark.long
def test_marks_stand_for_a_preemption_whose_history_is_gone(
    preempted: Ran, govc: Govc, ansible: Ansible, dispatcher: Dispatcher
) -> None:
    preemption_id = preempted.result["preemption_id"]
    delete(dispatcher, preemption_id)
    asked = {**GIVE_BACK, "preemption_id": preemption_id}
    checked = ansible.module(RESTORE, asked, "--check")
    assert (checked.code, checked.changed) == (0, True), checked.output
    assert ansible.module(RESTORE, {**asked, "wait": False}).changed
    wait_until(govc.powered_on, 60, "the VMs are on", until=TAGGED.issubset)
    # Marks that say restored still name it: there is nothing to restore, and that is no mistake.
    again = ansible.module(RESTORE, asked)
    assert (again.code, again.result["restore"]["reasonCode"]) == (0, "nothing_to_restore")


def test_a_preemption_that_stopped_nothing_is_known_all_the_same(tagged: VCSim, ansible: Ansible) -> None:
    drilled = ansible.module(SIGNAL, {"tag": "preemptible", "dry_run": True}).result
    done = ansible.module(RESTORE, {**GIVE_BACK, "preemption_id": drilled["preemption_id"]})
    assert (done.code, done.changed, done.result["restore"]["reasonCode"]) == (0, False, "nothing_to_restore")


def test_a_restore_that_is_started_by_hand_in_temporal_fails_as_well(
    preempted: Ran, dispatcher: Dispatcher, task_queue: str
) -> None:
    order = {"workflow_id": dispatcher.workflow_id, "tag": "preemptible", "force": True}
    for wrong in (preempted.result["execution_run_id"], "nothing"):
        record: dict[str, Any] = dispatcher.do(
            dispatcher.client.execute_workflow(
                "PreemptionRestore", {**order, "run_id": wrong}, id=f"by-hand-{task_queue}", task_queue=task_queue
            )
        )
        assert (record["outcome"], record["reasonCode"], record["machines"]) == ("failed", "preemption_not_found", [])
        assert wrong in record["message"]


@pytest.mark.long
def test_an_approval_of_an_id_that_nothing_has_says_what_it_is(
    preempted: Ran, ansible: Ansible, workflow_id: str
) -> None:
    of_dispatcher, asked = preempted.result["run_id"], {"decision": "approve"}
    told = f"{of_dispatcher} is the execution_run_id of the workflow {workflow_id}, not a preemption_id"
    assert_no_such_preemption(ansible.module(APPROVE, {**asked, "run_id": of_dispatcher}), told)
    waiting = {**asked, "preemption_id": of_dispatcher, "wait": True, "timeout": 60}
    assert_no_such_preemption(ansible.module(APPROVE, waiting, "--check"), told)
    nothing = f"{workflow_id}/nothing"
    ran = ansible.module(APPROVE, {**asked, "preemption_id": nothing, "wait": True, "timeout": 1})
    assert_no_such_preemption(ran, nothing)


def delete(dispatcher: Dispatcher, workflow_id: str) -> None:
    """Delete a closed workflow, as retention does, and wait until it is gone."""
    service, namespace = dispatcher.client.workflow_service, dispatcher.client.namespace
    execution = WorkflowExecution(workflow_id=workflow_id)
    request = DeleteWorkflowExecutionRequest(namespace=namespace, workflow_execution=execution)
    dispatcher.do(service.delete_workflow_execution(request))

    def is_gone() -> bool:
        try:
            dispatcher.do(dispatcher.client.get_workflow_handle(workflow_id).describe())
        except RPCError:
            return True
        return False

    wait_until(is_gone, 60, "the history is deleted")
