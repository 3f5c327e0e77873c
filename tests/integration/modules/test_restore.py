# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preemption_restore with the real worker and a simulated vCenter; govc is the witness."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from support.ansible import Ansible
from support.dispatcher import Dispatcher, a_request
from support.govc import Govc
from support.paths import CHECKOUT
from support.sink import Sink
from support.vcsim import VCSim
from support.worker import WorkerProcess

RESTORE, SIGNAL = "preemption_restore", "preemption_signal"
TAGGED = ["DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"]


@pytest.fixture
def preempted(vcsim: VCSim, start_worker: Callable[..., WorkerProcess], dispatcher: Dispatcher) -> VCSim:
    """Two VMs that were just preempted."""
    vcsim.tag_machines(TAGGED)
    start_worker(vcsim.client_environment())
    dispatcher.run(a_request())
    return vcsim


@pytest.mark.usefixtures("preempted")
def test_check_with_diff_then_do_then_check_again_then_do_again(govc: Govc, ansible: Ansible, sink: Sink) -> None:
    asked = {"tag": "preemptible", "force": True, "reason": "over", "reply_to": sink.url}
    marks = govc.marks()
    checked = ansible.module(RESTORE, asked, "--check", "--diff")
    assert (checked.code, checked.changed) == (0, True)
    assert checked.result["restore"]["dryRun"]
    for name in TAGGED:
        assert f"+{name} ({govc.machine(name).ref}): on" in checked.output
        assert f"-{name} ({govc.machine(name).ref}): off" in checked.output
    assert not set(TAGGED) & govc.powered_on()
    assert govc.marks() == marks
    done = ansible.module(RESTORE, asked)
    assert (done.changed, done.result["restore"]["outcome"]) == (True, "done")
    assert "diff" not in done.result
    assert set(TAGGED) <= govc.powered_on()
    assert {mark["phase"] for mark in govc.marks().values()} == {"restored"}
    [delivery] = sink.wait_for(1)
    assert len(delivery.event()["data"]["virtualMachines"]) == 2
    again = [ansible.module(RESTORE, asked, *flags) for flags in (["--check"], [])]
    assert [(ran.code, ran.changed) for ran in again] == [(0, False), (0, False)]


@pytest.mark.usefixtures("preempted")
def test_only_what_is_asked_for_is_given_back_and_not_before_the_hold_time(
    govc: Govc, ansible: Ansible, workflow_id: str
) -> None:
    held = ansible.module(RESTORE, {"tag": "preemptible"})
    assert (held.changed, held.result["restore"]["kept"]["byReason"]) == (False, {"hold_time": 2})
    elsewhere = ansible.module(RESTORE, {"tag": "preemptible", "force": True, "scope": [{"cluster": "DC0_C1"}]})
    assert elsewhere.result["restore"]["kept"]["byReason"] == {"out_of_scope": 2}
    drill = {"tag": "preemptible", "dry_run": True, "workflow_id": f"{workflow_id}-drill"}
    nothing = ansible.module(SIGNAL, drill).result["preemption_id"]
    other_run = ansible.module(RESTORE, {"tag": "preemptible", "force": True, "preemption_id": nothing})
    assert other_run.result["restore"]["kept"]["byReason"] == {"another_run": 2}
    one = ansible.module(
        RESTORE, {"tag": "preemptible", "force": True, "vms": TAGGED[1:], "scope": [{"cluster": "DC0_C0"}]}
    )
    assert [machine["name"] for machine in one.result["restore"]["machines"]] == TAGGED[1:]
    assert set(TAGGED) & govc.powered_on() == set(TAGGED[1:])


@pytest.mark.usefixtures("preempted")
def test_a_filter_that_found_nothing_restores_no_vm(govc: Govc, ansible: Ansible) -> None:
    asked = {"tag": "preemptible", "force": True}
    empties: list[dict[str, Any]] = [{"vms": []}, {"scope": []}]
    for empty in empties:
        refused = ansible.module(RESTORE, {**asked, **empty})
        assert refused.error_code == "invalid_request", empty
        assert f"{next(iter(empty))} is set but empty" in refused.result["msg"]
    assert not set(TAGGED) & govc.powered_on()


def test_a_failure_is_told_with_its_code(
    vcsim: VCSim, start_worker: Callable[..., WorkerProcess], ansible: Ansible, govc: Govc
) -> None:
    nobody = ansible.module(RESTORE, {"tag": "preemptible", "timeout": 1})
    assert nobody.error_code == "no_worker"
    another = ansible.module(RESTORE, {"tag": "other"})
    assert another.error_code == "restore_in_progress"
    start_worker(vcsim.client_environment())
    # The same task again waits for the restore that is at work.
    failed = ansible.module(RESTORE, {"tag": "preemptible"})
    assert failed.error_code == "restore_failed"
    assert "preemptible" in failed.result["msg"]
    assert failed.result["restore"]["reasonCode"] == "plan_failed"
    nowhere = ansible.module(RESTORE, {"tag": "preemptible", "scope": [{"cluster": " "}]})
    assert nowhere.error_code == "invalid_request"


def test_the_playbook_of_the_documentation_works_as_it_stands(
    vcsim: VCSim, start_worker: Callable[..., WorkerProcess], govc: Govc, ansible: Ansible, workflow_id: str
) -> None:
    vcsim.tag_machines(TAGGED)
    start_worker(vcsim.client_environment())
    [book] = re.findall(r"```yaml\n(.*?)```", (CHECKOUT / "docs" / "restore.md").read_text(), re.DOTALL)
    ran = ansible.playbook(book, "-e", json.dumps({"workflow_id": workflow_id}))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"ok=4 +changed=3 ", ran.stdout), ran.stdout
    assert (govc.marks()[TAGGED[0]]["phase"], set(govc.marks())) == ("restored", {TAGGED[0]})
    assert set(TAGGED) <= govc.powered_on()
