# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gate stays shut when it should, also where Ansible masks a password in the words that a playbook could compare.

Ansible replaces each secret of a task wherever it occurs in the texts and numbers of the result.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from support.ansible import Ansible, Completed

pytestmark = pytest.mark.timeout(600)

NOWHERE = "127.0.0.1:1"


@pytest.fixture
def nothing_reachable(tmp_path: Path) -> dict[str, Any]:
    """A site of which no server answers. Only the gate of deploy is between it and the host of the worker."""
    return {
        "preemption_temporal_address": NOWHERE,
        "preemption_vcenter_url": f"https://{NOWHERE}",
        "preemption_vcenter_username": "preemption",
        "preemption_manage_namespace": False,
        "preemption_manage_vcenter": False,
        "worker_service": "detached",
        "worker_directory": str(tmp_path / "opt"),
        "worker_python": str(tmp_path / "no-python"),
    }


def plays(ran: Completed) -> int:
    return ran.stdout.count("PLAY [")


@pytest.mark.parametrize("password", ["connection", "e", "1"])
def test_deploy_ends_at_its_gate_where_nothing_is_reachable_whatever_the_password(
    tmp_path: Path, nothing_reachable: dict[str, Any], password: str
) -> None:
    ran = Ansible(tmp_path, {}).named_playbook("deploy", {**nothing_reachable, "preemption_vcenter_password": password})
    assert (ran.returncode != 0, plays(ran), "changed=0" in ran.stdout) == (True, 1, True), ran.stdout + ran.stderr
    assert not (tmp_path / "opt").exists()


def test_the_first_error_of_deploy_is_the_table_with_what_to_do(
    tmp_path: Path, nothing_reachable: dict[str, Any]
) -> None:
    password = {"preemption_vcenter_password": "secret-word"}
    ran = Ansible(tmp_path, {}).named_playbook("deploy", {**nothing_reachable, **password})
    rows = re.findall(r'^ +"(ok|warning|failed|skipped) +(\w+)  .*?( -> .*)?",?$', ran.stdout, re.MULTILINE)
    assert len(rows) == 21, ran.stdout
    assert {name for status, name, step in rows if status == "failed" and step} == {
        "temporal_connection",
        "vcenter_connection",
    }
    assert "{'" not in ran.stdout
    assert '"name":' not in ran.stdout
    [named] = set(re.findall(r"these checks must be ok: ([\w, ]+)\.", ran.stdout))
    assert named.split(", ")[0] == "temporal_connection"
    assert "reply_address" not in named


def test_deploy_ends_where_a_limit_leaves_out_the_first_checks(
    tmp_path: Path, nothing_reachable: dict[str, Any]
) -> None:
    ansible = Ansible(tmp_path, {})
    with ansible.inventory.open("a") as inventory:
        inventory.write("[preemption_workers]\nworker-1 ansible_connection=local\n")
    ran = ansible.named_playbook("deploy", nothing_reachable, "--limit", "worker-1")
    assert (ran.returncode != 0, "Include localhost in --limit" in ran.stdout) == (True, True), ran.stdout + ran.stderr
    assert not (tmp_path / "opt").exists()
