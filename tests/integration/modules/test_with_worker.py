# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules, the real worker and a simulated vCenter together; govc is the witness."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

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
    [book] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    ran = ansible.playbook(book, "-e", json.dumps({"workflow_id": workflow_id}))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"ok=5 +changed=2 ", ran.stdout), ran.stdout
    assert not TAGGED & govc.powered_on()
    assert set(govc.marks()) == TAGGED
