# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preemption_approve as users run it: a real Temporal server, and runs that wait for somebody to agree."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from unit.worker.world import Script

from support.ansible import Ansible
from vsphere_preemption.core.policy.model import Mode, Policy

APPROVE, SIGNAL, QUERY = "preemption_approve", "preemption_signal", "preemption_query"


@pytest.fixture
def script(work: Callable[[Script], None]) -> Script:
    """A worker whose runs wait for approval."""
    own = Script(policy=Policy(mode=Mode.APPROVE))
    work(own)
    return own


@pytest.mark.parametrize(("decision", "outcome"), [("approve", "done"), ("reject", "skipped")])
def test_check_do_check_again_do_again(ansible: Ansible, script: Script, decision: str, outcome: str) -> None:
    ansible.module(SIGNAL, {"tag": "t", "request_id": "r1", "wait": False})
    asked = {"decision": decision, "by": "ops", "note": "as agreed", "wait": True, "timeout": 30}
    checked = ansible.module(APPROVE, asked, "--check")
    assert checked.changed
    assert [victim["name"] for victim in checked.result["plan"]["victims"]] == ["VM 0", "VM 1"]
    assert checked.result["request_id"] == "r1"
    # Nobody has decided yet, or the plan would not be there any more.
    done = ansible.module(APPROVE, asked)
    assert done.changed
    for name in ("plan", "preemption_id", "run_id", "decision"):
        assert done.result[name] == checked.result[name]
    assert done.result["decision"] == {"decision": decision, "by": "ops", "note": "as agreed"}
    ended = ansible.module(SIGNAL, {"tag": "t", "request_id": "r1"})
    assert (ended.result["outcome"]["outcome"], len(script.stops)) == (outcome, int(decision == "approve"))
    of_this_run = {**asked, "preemption_id": done.result["preemption_id"]}
    for flags in (["--check"], []):
        again = ansible.module(APPROVE, of_this_run, *flags)
        assert (again.changed, again.result["decision"]) == (False, done.result["decision"])
    other = {"approve": "reject", "reject": "approve"}[decision]
    for flags in (["--check"], []):
        failed = ansible.module(APPROVE, {**of_this_run, "decision": other}, *flags)
        assert failed.error_code == "not_waiting_for_approval"
        assert "by ops" in failed.result["msg"]


def test_without_a_run_that_waits_the_task_fails_with_one_clear_line(ansible: Ansible, script: Script) -> None:
    script.victims = 0
    ansible.module(SIGNAL, {"tag": "t"})
    for asked in ({}, {"wait": True, "timeout": 1}):
        failed = ansible.module(APPROVE, {"decision": "approve", **asked})
        assert failed.error_code == "not_waiting_for_approval"
        assert "\n" not in failed.result["msg"]
    assert "after 1 seconds" in failed.result["msg"]


def test_a_run_that_never_was_is_named(ansible: Ansible, work: Callable[[Script], None]) -> None:
    work(Script())
    failed = ansible.module(APPROVE, {"decision": "approve", "run_id": "no/such-run"})
    assert (failed.error_code, "no/such-run" in failed.result["msg"]) == ("workflow_not_found", True)
