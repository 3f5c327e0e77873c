# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules, the real worker and a simulated vCenter together; govc is the witness."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from support.ansible import Ansible
from support.govc import Govc
from support.paths import CHECKOUT
from support.vcsim import VCSim
from support.worker import WorkerProcess

TAGGED = {"DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"}


@pytest.fixture
def tagged(vcsim: VCSim, start_worker: Callable[..., WorkerProcess]) -> VCSim:
    vcsim.tag_machines(sorted(TAGGED))
    start_worker(vcsim.client_environment())
    return vcsim


@pytest.mark.usefixtures("tagged")
def test_what_the_module_says_is_what_the_witness_sees(govc: Govc, ansible: Ansible) -> None:
    before = govc.powered_on()
    asked = {"tag": "preemptible", "criticality": "HIGH", "request_id": "r1"}
    assert ansible.module("preemption_signal", asked, "--check").changed
    assert govc.powered_on() == before
    done = ansible.module("preemption_signal", asked)
    assert done.changed
    stopped = {victim["name"] for victim in done.result["outcome"]["victims"] if victim["outcome"] == "stopped"}
    assert stopped == before - govc.powered_on() == TAGGED
    assert not ansible.module("preemption_signal", asked).changed


def test_check_mode_with_vcenter_shows_whom_the_run_then_stops(tagged: VCSim, govc: Govc, ansible: Ansible) -> None:
    before = govc.powered_on()
    asked = {"tag": "preemptible", "criticality": "HIGH", "request_id": "r1", "max_vms": 1}
    checked = ansible.module("preemption_signal", asked, "--check", "--diff", "-vvv", env=tagged.client_environment())
    plan = checked.result["plan"]
    assert (checked.changed, len(plan["victims"]), plan["left_out_count"]) == (True, 1, {"over_cap": 1})
    victim = plan["victims"][0]
    line = f"1. {victim['name']} ({victim['vm']})"
    assert checked.result["diff"]["before"] == f"{line}: on\n"
    assert checked.result["diff"]["after"].startswith(f"{line}: off (hard)")
    assert (govc.powered_on(), govc.marks()) == (before, {})
    done = ansible.module("preemption_signal", asked)
    assert [stopped["name"] for stopped in done.result["outcome"]["victims"]] == [victim["name"]]
    assert before - govc.powered_on() == {victim["name"]}


def test_a_dry_run_stops_nothing_and_tells_whom_it_would(tagged: VCSim, govc: Govc, ansible: Ansible) -> None:
    before = govc.powered_on()
    asked = {"tag": "preemptible", "dry_run": True, "scope": [{"cluster": "DC0_C0"}], "reason": "drill"}
    checked = ansible.module("preemption_signal", asked, "--check", env=tagged.client_environment())
    assert (checked.changed, len(checked.result["plan"]["victims"])) == (False, 2)
    done = ansible.module("preemption_signal", asked)
    assert (done.code, done.changed, done.result["outcome"]["reason"]) == (0, False, "dry_run")
    planned = [victim["name"] for victim in done.result["outcome"]["planned"]]
    assert planned == [victim["name"] for victim in checked.result["plan"]["victims"]]
    assert govc.powered_on() == before


@pytest.mark.usefixtures("tagged")
def test_a_filter_that_found_nothing_stops_no_vm(govc: Govc, ansible: Ansible) -> None:
    before = govc.powered_on()
    asked = {"tag": "preemptible", "criticality": "HIGH"}
    empties: list[dict[str, Any]] = [{"vms": []}, {"vms": ""}, {"scope": []}, {"target": {}}, {"event": {}}]
    for empty in empties:
        refused = ansible.module("preemption_signal", {**asked, **empty})
        assert refused.error_code == "invalid_request", empty
        assert f"{next(iter(empty))} is set but empty" in refused.result["msg"]
    assert (govc.powered_on(), govc.marks()) == (before, {})


@pytest.mark.usefixtures("tagged")
def test_a_tag_that_does_not_exist_is_said(govc: Govc, ansible: Ansible) -> None:
    before = govc.powered_on()
    failed = ansible.module("preemption_signal", {"tag": "no-such-tag", "criticality": "HIGH"})
    assert failed.error_code == "run_failed"
    assert "no-such-tag" in failed.result["msg"]
    assert "\n" not in failed.result["msg"]
    assert govc.powered_on() == before


@pytest.mark.usefixtures("tagged")
def test_the_playbook_of_the_documentation_works_as_it_stands(govc: Govc, ansible: Ansible, workflow_id: str) -> None:
    text = (CHECKOUT / "docs" / "modules.md").read_text()
    book = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0]
    ran = ansible.playbook(book, "-e", json.dumps({"workflow_id": workflow_id}))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"ok=5 +changed=2 ", ran.stdout), ran.stdout
    assert not TAGGED & govc.powered_on()
    assert set(govc.marks()) == TAGGED
