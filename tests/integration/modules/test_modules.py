# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules tell the truth about what they did, would do, and could not do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from unit.worker.world import Script, failing

from support.ansible import Ansible
from support.ports import LOOPBACK, free_port
from support.temporal import TemporalServer
from vsphere_preemption.core.records.outcome import VictimStatus

Work = Callable[[Script], None]

SIGNAL, QUERY, CANCEL = "preemption_signal", "preemption_query", "preemption_cancel"


def test_check_do_check_again_do_again(ansible: Ansible, work: Work) -> None:
    script = Script()
    work(script)
    asked = {"tag": "preemptible", "criticality": "HIGH", "request_id": "r1"}
    checked = ansible.module(SIGNAL, asked, "--check")
    assert checked.changed
    assert script.plans == []
    done = ansible.module(SIGNAL, asked)
    assert done.changed
    assert [victim["outcome"] for victim in done.result["outcome"]["victims"]] == ["stopped", "stopped"]
    assert done.result["complete"] is True
    assert done.result["request"] == checked.result["request"]
    assert done.result["request"]["event"]["id"] == "r1"
    ansible.module(SIGNAL, asked, "--check")
    again = ansible.module(SIGNAL, asked)
    assert not again.changed
    assert again.result["outcome"] == done.result["outcome"]
    assert len(script.plans) == 1
    seen = ansible.module(QUERY)
    assert not seen.changed
    assert seen.result["runs"] == [done.result["outcome"]]
    assert seen.result["counts"] == {"done": 1}
    assert seen.result["state"]["workflowRunID"] == done.result["execution_run_id"]


def test_a_request_within_the_window_changes_nothing(ansible: Ansible, work: Work) -> None:
    work(Script())
    assert ansible.module(SIGNAL, {"tag": "t", "criticality": "HIGH"}).changed
    late = ansible.module(SIGNAL, {"tag": "t", "criticality": "HIGH"})
    assert (late.code, late.changed) == (0, False)
    assert (late.result["outcome"]["reason"], late.result["complete"]) == ("within_rerun_window", False)


def test_nothing_to_stop_changes_nothing(ansible: Ansible, work: Work) -> None:
    work(Script(victims=0))
    done = ansible.module(SIGNAL, {"tag": "t"})
    assert (done.code, done.changed) == (0, False)
    assert done.result["outcome"]["reason"] == "nothing_eligible"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(Script(before_plan=failing("tag_not_found", retryable=False)), "plan_failed", id="no plan"),
        pytest.param(Script(end=VictimStatus.FAILED), "all_victims_failed", id="no victim stopped"),
    ],
)
def test_a_failed_run_fails_the_task_and_shows_its_outcome(
    ansible: Ansible, work: Work, script: Script, reason: str
) -> None:
    work(script)
    failed = ansible.module(SIGNAL, {"tag": "t"})
    assert failed.code != 0
    assert failed.error_code == "run_failed"
    assert failed.result["outcome"]["reason"] == reason
    assert not failed.changed


def test_without_waiting_no_worker_is_needed_and_the_outcome_comes_later(ansible: Ansible, work: Work) -> None:
    event = {"specversion": "1.0", "id": "e1", "source": "test", "type": "T", "data": {"a": [1, None]}, "ext": "x"}
    left = ansible.module(SIGNAL, {"tag": "t", "event": event, "wait": False})
    assert left.changed
    assert "outcome" not in left.result
    work(Script())
    joined = ansible.module(SIGNAL, {"tag": "t", "event": event})
    assert joined.result["outcome"]["outcome"] == "done"
    assert ansible.module(QUERY).result["state"]["event"] == event


def test_cancel_check_do_and_do_again(ansible: Ansible, work: Work) -> None:
    work(Script())
    ansible.module(SIGNAL, {"tag": "t", "request_id": "r1"})
    checked = ansible.module(CANCEL, {}, "--check")
    done = ansible.module(CANCEL)
    again = ansible.module(CANCEL)
    assert [ran.changed for ran in (checked, done, again)] == [True, True, False]
    assert done.result["state"] == again.result["state"] == checked.result["state"]
    assert done.result["state"]["event"]["id"] == "r1"
    assert ansible.module(QUERY).result["counts"] == {"done": 1}


def test_cancelling_what_never_was_changes_nothing(ansible: Ansible) -> None:
    done = ansible.module(CANCEL)
    assert (done.code, done.changed, done.result["state"]) == (0, False, None)


@pytest.mark.parametrize("flags", [(), ("--check",)], ids=["do", "check"])
def test_cancelling_an_execution_that_never_was_is_refused(ansible: Ansible, flags: tuple[str, ...]) -> None:
    failed = ansible.module(CANCEL, {"execution_run_id": "7f5c8a0e-3a3f-4d52-9a53-0d7a3c1f5b11"}, *flags)
    assert (failed.error_code, failed.changed) == ("workflow_not_found", False)
    assert_one_line(failed.result["msg"])


def test_a_server_that_is_down_is_one_clear_line(ansible: Ansible) -> None:
    address = f"{LOOPBACK}:{free_port()}"
    for name, options in ((SIGNAL, {"tag": "t"}), (QUERY, {}), (CANCEL, {})):
        failed = ansible.module(name, {**options, "temporal_address": address})
        assert failed.error_code == "temporal_unreachable"
        assert address in failed.result["msg"]
        assert failed.result["retryable"]
        assert_one_line(failed.result["msg"])


def test_a_namespace_that_does_not_exist_is_named(ansible: Ansible) -> None:
    for name, options in ((SIGNAL, {"tag": "t"}), (SIGNAL, {"tag": "t", "wait": False}), (QUERY, {}), (CANCEL, {})):
        failed = ansible.module(name, {**options, "temporal_namespace": "nowhere"})
        assert failed.error_code == "namespace_not_found"
        assert "nowhere" in failed.result["msg"]
        assert_one_line(failed.result["msg"])


def test_no_worker_is_said_within_the_time_limit(ansible: Ansible) -> None:
    waited = ansible.module(SIGNAL, {"tag": "t", "timeout": 2})
    assert waited.error_code == "no_worker"
    assert_one_line(waited.result["msg"])
    asked = ansible.module(QUERY)
    assert asked.error_code == "no_worker"
    assert_one_line(asked.result["msg"])


def test_an_unknown_workflow_is_named(ansible: Ansible) -> None:
    failed = ansible.module(QUERY)
    assert (failed.error_code, failed.result["failure"]) == ("workflow_not_found", {"workflow_not_found": True})
    assert_one_line(failed.result["msg"])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        pytest.param({"tag": "  "}, "tag", id="blank tag"),
        pytest.param({"tag": "t", "event": {"id": 5}}, "id", id="event id is a number"),
        pytest.param({"tag": "x" * 3000}, "tag", id="tag too long"),
    ],
)
def test_an_invalid_request_never_leaves_the_host(ansible: Ansible, options: dict[str, object], named: str) -> None:
    failed = ansible.module(SIGNAL, {**options, "temporal_address": "127.0.0.1:1"}, "--check")
    assert failed.error_code == "invalid_request"
    assert named in failed.result["msg"]
    assert_one_line(failed.result["msg"])


def test_a_missing_library_is_named_with_what_to_do(ansible: Ansible, tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "temporalio"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('No module named temporalio')\n")
    failed = ansible.module(QUERY, {}, env={"PYTHONPATH": str(broken.parent)})
    assert failed.error_code == "missing_library"
    assert "Install the Python package temporalio" in failed.result["msg"]
    assert_one_line(failed.result["msg"])


def test_event_and_its_parts_exclude_each_other(ansible: Ansible) -> None:
    failed = ansible.module(SIGNAL, {"tag": "t", "event": {"id": "1"}, "event_type": "T"}, "--check")
    assert "mutually exclusive" in failed.result["msg"]


def test_an_outcome_that_is_late_shows_the_last_state(ansible: Ansible, work: Work, workflow_id: str) -> None:
    script = Script(before_plan=failing("vcenter_unreachable", retryable=True))
    work(script)
    late = ansible.module(SIGNAL, {"tag": "t", "timeout": 2, "request_id": "r1"})
    assert late.error_code == "outcome_timeout"
    assert late.result["last_state"]["workflowID"] == workflow_id
    script.before_plan = None
    found = ansible.module(SIGNAL, {"tag": "t", "request_id": "r1"})
    assert found.result["outcome"]["outcome"] == "done"
    assert len(script.stops) == 1


def test_secrets_of_the_reply_address_are_shown_nowhere(ansible: Ansible, work: Work) -> None:
    work(Script())
    address = "https://bot:hunter2secret@sink.example/hook?token=tok3nsecret"
    ran = ansible.module(SIGNAL, {"tag": "t", "reply_to": address}, "-vvv")
    seen = ansible.module(QUERY, {}, "-vvv")
    for output in (ran.output, seen.output):
        assert "hunter2secret" not in output
        assert "tok3nsecret" not in output
    assert ran.result["request"]["replyTo"] == "https://***@sink.example/hook?***"
    assert seen.result["state"]["replyTo"] == "https://***@sink.example/hook?***"


def test_a_playbook_can_branch_on_what_the_modules_return(
    ansible: Ansible, work: Work, tmp_path: Path, workflow_id: str, temporal: TemporalServer
) -> None:
    work(Script())
    ran = ansible.playbook(BOOK, "-e", json.dumps({"temporal": temporal.address, "workflow": workflow_id}))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (tmp_path / "stopped.txt").read_text() == "VM 0,VM 1"


BOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Ask
      vsphere.preemption.preemption_signal:
        temporal_address: "{{ temporal }}"
        tag: preemptible
        criticality: HIGH
        event_data: {cluster: c1}
        workflow_id: "{{ workflow }}"
      register: asked
    - name: Write down what was stopped
      ansible.builtin.copy:
        content: "{{ asked.outcome.victims | map(attribute='name') | join(',') }}"
        dest: stopped.txt
        mode: "0600"
    - name: Ask a server that is not there
      vsphere.preemption.preemption_query:
        temporal_address: 127.0.0.1:1
      register: down
      failed_when: down.error_code != 'temporal_unreachable'
"""


def assert_one_line(message: str) -> None:
    assert "\n" not in message
    assert "Traceback" not in message
    assert message.endswith(".")
