# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preemption_query as users run it: the run at work, and why a VM was or was not preempted."""

from __future__ import annotations

from collections.abc import Callable

from unit.worker.world import Script

from support.ansible import Ansible
from support.fixtures import StartWorker
from support.vcsim import VCSim
from support.waiting import wait_until
from vsphere_preemption.core.policy.model import Mode, Policy

APPROVE, SIGNAL, QUERY = "preemption_approve", "preemption_signal", "preemption_query"


def test_the_run_at_work_is_shown_with_its_plan_until_it_has_ended(
    ansible: Ansible, work: Callable[[Script], None]
) -> None:
    work(Script(policy=Policy(mode=Mode.APPROVE)))
    ansible.module(SIGNAL, {"tag": "t", "request_id": "r1", "wait": False})
    at_work = wait_until(
        lambda: ansible.module(QUERY).result.get("at_work") or {},
        60,
        "a run that waits",
        until=lambda run: run.get("phase") == "waiting_for_approval",
    )
    assert (at_work["request_id"], at_work["criticality"]) == ("r1", "LOW")
    assert [victim["name"] for victim in at_work["plan"]["victims"]] == ["VM 0", "VM 1"]
    decided = ansible.module(
        APPROVE, {"preemption_id": at_work["preemption_id"], "decision": "reject", "by": "ops", "note": "no"}
    )
    assert decided.changed
    ended = ansible.module(SIGNAL, {"tag": "t", "request_id": "r1"})
    assert ended.result["outcome"]["reason"] == "not_approved"
    seen = ansible.module(QUERY, {"vm": "VM 0"}).result
    assert seen["at_work"] is None
    [found] = seen["explanation"]
    assert (found["run_id"], found["what"], found["reason"]) == (at_work["run_id"], "spared", "not_approved")
    assert found["text"].endswith("did not carry out the plan: the run was not approved (ops rejected the plan: no).")


def test_each_vm_has_its_reason(ansible: Ansible, vcsim: VCSim, start_worker: StartWorker) -> None:
    names = ["DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1", "DC0_C1_RP0_VM0"]
    vcsim.tag_machines(names)
    start_worker(vcsim.client_environment())
    asked = {"tag": "preemptible", "criticality": "HIGH", "scope": [{"cluster": "DC0_C0"}], "max_vms": 1}
    done = ansible.module(SIGNAL, {**asked, "request_id": "r1"})
    [stopped] = [victim["name"] for victim in done.result["outcome"]["victims"]]
    [other] = {*names[:2]} - {stopped}
    expected = {
        stopped: ("stopped", "", "The run for request r1 stopped the VM by power-off."),
        other: ("left_out", "over_cap", "the run had reached its VM limit."),
        names[2]: ("left_out", "out_of_scope", "it is outside the scope of the request."),
        "DC0_C1_RP0_VM1": ("not_seen", "", "found no such VM with the tag preemptible."),
    }
    for name, (what, reason, text) in expected.items():
        [found] = ansible.module(QUERY, {"vm": name}).result["explanation"]
        assert (found["what"], found["reason"], found["policy"]) == (what, reason, "built-in")
        assert found["text"].endswith(text)
