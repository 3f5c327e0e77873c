# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A variable that limits and is set but empty never means all: the playbooks say so, and govc sees nothing happen."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.ansible import Ansible
from support.govc import Govc
from support.paths import CHECKOUT

from .conftest import TAGGED, Site

pytestmark = pytest.mark.timeout(600)
PLAYBOOKS = CHECKOUT / "playbooks"
# What says how urgent it is, why, and how long to wait; and what makes a restore do more only where it is true.
NO_LIMITS = {f"preempt_{name}" for name in ("criticality", "reason", "request_id", "wait", "timeout")} | {
    f"restore_{name}" for name in ("reason", "force", "wait", "timeout")
}
EMPTY: list[Any] = ["", None, [], {}]


def variables() -> set[str]:
    """All variables of a request that the playbooks read."""
    books = [PLAYBOOKS / name for name in ("vars/operations.yml", "preempt.yml", "plan.yml", "restore.yml")]
    read = re.findall(r"\b((?:preempt|restore)_\w+)(?=[ .)])", "\n".join(book.read_text() for book in books))
    return set(read) - {"preempt_result", "restore_result", "preempt_"}


def test_each_variable_that_limits_is_refused_when_it_is_empty_and_no_other_one(tmp_path: Path) -> None:
    limits = sorted(variables() - NO_LIMITS)
    assert {"preempt_scope", "preempt_vms", "preempt_until_cpu_percent", "restore_run_id"} <= set(limits)
    told = "operations_empty == told"
    cases = [
        {"ansible.builtin.assert": {"that": told, "quiet": True}, "vars": {name: empty, "told": [name]}}
        for name in limits
        for empty in EMPTY
    ]
    given = {"preempt_max_vms": 0, "preempt_dry_run": False, "preempt_vms": ["a"], "restore_run_id": "r", "told": []}
    cases.append({"ansible.builtin.assert": {"that": told, "quiet": True}, "vars": given})
    cases.append({"ansible.builtin.assert": {"that": told, "quiet": True}, "vars": {"told": []}})
    book = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "vars_files": [str(PLAYBOOKS / "vars" / "operations.yml")],
            "tasks": cases,
        }
    ]
    ran = Ansible(tmp_path, {}).playbook(json.dumps(book))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"ok={len(cases)} " in ran.stdout


@pytest.mark.usefixtures("tagged")
@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"preempt_vms": ""}, id="-e preempt_vms="),
        pytest.param({"preempt_vms": "\n \n"}, id="blank lines"),
        pytest.param({"preempt_scope": [], "preempt_cluster": "DC0_C0"}, id="no places, and a cluster"),
    ],
)
def test_an_empty_variable_stops_no_vm(site: Site, govc: Govc, given: dict[str, Any]) -> None:
    before = govc.powered_on()
    ran = site.run("preempt", preempt_criticality="HIGH", **given)
    assert ran.returncode != 0
    assert re.search(r"(preempt_vms|preempt_scope|vms) is set but empty", ran.stdout), ran.stdout
    assert (govc.powered_on(), govc.marks()) == (before, {})


@pytest.mark.usefixtures("tagged")
def test_an_empty_variable_restores_no_vm(site: Site, govc: Govc) -> None:
    site.changed("preempt", preempt_criticality="HIGH")
    ran = site.run("restore", restore_force=True, restore_vms=[], restore_run_id="")
    assert ran.returncode != 0
    assert "restore_vms, restore_run_id are set but empty" in ran.stdout
    assert not set(TAGGED) & govc.powered_on()


def test_no_question_of_a_survey_has_an_empty_answer_for_a_limit() -> None:
    """AWX hands an empty text on, where that is the default of a question."""
    surveys = yaml.safe_load((PLAYBOOKS / "vars" / "awx_surveys.yml").read_text())
    questions = [question for survey in surveys.values() for question in survey["spec"]]
    empty = {question["variable"] for question in questions if question.get("default") == ""}
    assert empty & (variables() - NO_LIMITS) == set()
