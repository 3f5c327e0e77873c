# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preemption_policy_check as users run it. It needs nothing but the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.ansible import Ansible
from support.paths import CHECKOUT

EXAMPLE = CHECKOUT / "docs" / "examples" / "policy.yml"
CHECK = "preemption_policy_check"


@pytest.fixture
def ansible(tmp_path: Path) -> Ansible:
    """The ansible commands, without any server."""
    return Ansible(tmp_path, {})


def test_the_example_is_good_with_and_without_check_mode(ansible: Ansible) -> None:
    done, checked = (
        ansible.module(CHECK, {"path": str(EXAMPLE)}),
        ansible.module(CHECK, {"path": str(EXAMPLE)}, "--check"),
    )
    assert done.result == checked.result
    assert (done.code, done.changed) == (0, False)
    assert (done.result["policies"], done.result["default"]) == (["gentle", "standard"], "standard")


def test_all_mistakes_are_in_the_result_and_in_the_message(ansible: Ansible, tmp_path: Path) -> None:
    file = tmp_path / "policy.yml"
    file.write_text("version: 1\npolicies:\n  - name: x\n    mode: atuo\n    amount: {max_vms: 0}\n")
    failed = ansible.module(CHECK, {"path": str(file)})
    assert (failed.code != 0, failed.changed, failed.error_code) == (True, False, "invalid_policy")
    assert not failed.result["retryable"]
    assert [(found["line"], found["column"], found["path"]) for found in failed.result["problems"]] == [
        (4, 11, "policies[0].mode"),
        (5, 23, "policies[0].amount.max_vms"),
    ]
    assert f"{file}:4:11: policies[0].mode: there is no choice 'atuo'; did you mean auto?" in failed.result["msg"]


def test_a_text_from_a_playbook_is_checked_beside_options_for_temporal(ansible: Ansible) -> None:
    book = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/vsphere.preemption.preemption: {temporal_address: "nowhere.example.com:7233"}
  tasks:
    - vsphere.preemption.preemption_policy_check:
        content: "{{ {'version': 1, 'policies': [{'name': 'x'}]} | ansible.builtin.to_yaml }}"
      register: found
    - ansible.builtin.assert: {that: "found.policies == ['x'] and found.default == 'x' and not found.changed"}
"""
    done = ansible.playbook(book)
    assert done.returncode == 0, done.stdout + done.stderr


def test_path_and_content_exclude_one_another(ansible: Ansible) -> None:
    failed = ansible.module(CHECK, {"path": "/a", "content": "b"})
    assert failed.code != 0
    assert "path|content" in failed.result["msg"]


def test_nothing_at_all_is_an_empty_file(ansible: Ansible) -> None:
    assert ansible.module(CHECK, {"content": None}).error_code == "invalid_policy"
