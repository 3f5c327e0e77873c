# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module ends: with its result, with an error that has a code, and never with a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ._collection import imported

runner = imported("plugins.module_utils._modules.runner")
errors = imported("plugins.module_utils.vsphere_preemption.core.errors")

SPEC = {"reply_to": {"type": "str", "no_log": True}}
ADDRESS = "https://bot:hunter2@sink/p?token=abcdef"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a module with the given arguments; its exit code and what it printed."""

    def ended(work: Any, **arguments: Any) -> tuple[int, dict[str, Any]]:
        with patch_module_args(arguments), pytest.raises(SystemExit) as left:
            runner.run(work, dict(SPEC))
        printed: dict[str, Any] = json.loads(capsys.readouterr().out)
        return int(left.value.code or 0), printed

    return ended


def test_work_is_told_of_check_mode_and_its_difference_is_shown_in_diff_mode_only(run: Any) -> None:
    def work(module: Any) -> dict[str, Any]:
        return {"changed": module.check_mode, "diff": {"before": "a", "after": "b"}}

    code, plain = run(work)
    assert (code, plain["changed"], "diff" in plain) == (0, False, False)
    code, full = run(work, _ansible_check_mode=True, _ansible_diff=True)
    assert (code, full["changed"], full["diff"]) == (0, True, {"before": "a", "after": "b"})


def test_an_error_fails_the_task_with_its_code_and_without_the_secrets_of_a_reply_address(run: Any) -> None:
    error = errors.InvalidSetting("Cannot work", why="it is broken", next_step="Mend it.")
    leaky = {**error.as_result(), "replyTo": ADDRESS}
    error.as_result = lambda: leaky

    def work(_module: Any) -> dict[str, Any]:
        raise error

    code, result = run(work)
    assert (code, result["failed"], result["error_code"]) == (1, True, "invalid_setting")
    assert result["msg"] == "Cannot work: it is broken. Mend it."
    assert result["replyTo"] == "https://***@sink/p?***"


def test_a_result_with_an_error_code_fails_the_task_and_keeps_the_rest(run: Any) -> None:
    code, result = run(lambda _module: {"changed": True, "error_code": "run_failed", "msg": "It failed."})
    assert (code, result["failed"], result["changed"], result["error_code"]) == (1, True, True, "run_failed")


def test_of_a_reply_address_only_the_secrets_are_masked(run: Any) -> None:
    _code, result = run(lambda _module: {"shown": "https://sink/p", "leaked": "hunter2 abcdef"}, reply_to=ADDRESS)
    assert result["shown"] == "https://sink/p"
    assert "hunter2" not in result["leaked"]
    assert "abcdef" not in result["leaked"]
