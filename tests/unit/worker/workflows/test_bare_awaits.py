# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No workflow awaits the server directly where a cancellation would be lost, or would take a result with it.

A main task waits through `CancellationGuard`, which remembers a cancellation and keeps what arrived with it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from support.paths import CHECKOUT

WORKFLOWS = CHECKOUT / "roles" / "worker" / "files" / "vsphere_preemption_worker" / "workflows"
OPERATIONS = {
    "execute_activity",
    "execute_child_workflow",
    "execute_local_activity",
    "signal",
    "sleep",
    "start_child_workflow",
    "wait_condition",
}
# By file and function; None: the whole file.
ALLOWED = {
    ("alarm_watch.py", "run"): "has no result; a cancellation is to end it at once",
    ("cancellation.py", None): "the guard itself",
    ("claims.py", "run"): "has no result; a cancellation is to end it at once",
    ("dispatcher.py", "_start_run"): "a task of its own, which the main task awaits through the guard",
    ("dispatcher.py", "_tell"): "a task of its own, which the main task awaits through the guard",
    ("dispatcher.py", "preempt"): "an update handler, which a cancellation of the workflow does not interrupt",
    ("kill_switch.py", "run"): "a cancellation is its only purpose",
    (
        "inbox.py",
        "taken_so_far",
    ): "of an update handler, which a cancellation of the workflow does not interrupt",
    ("inbox.py", "work"): "a task of its own, which a cancellation of the workflow does not interrupt",
    ("scheduled.py", "_ask"): "starts one thing and ends; a cancellation is to end it at once",
    ("scheduled.py", "_restore"): "starts one thing and ends; a cancellation is to end it at once",
    ("scheduled.py", "run"): "a cancellation is to end it before the request is sent",
}


def bare_awaits(source: str) -> Iterator[str]:
    """The names of the functions that await an operation of the server directly."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.AsyncFunctionDef) and any(map(is_operation, ast.walk(function))):
            yield function.name


def is_operation(node: ast.AST) -> bool:
    called = node.value if isinstance(node, ast.Await) else None
    return isinstance(called, ast.Call) and isinstance(called.func, ast.Attribute) and called.func.attr in OPERATIONS


@pytest.mark.parametrize("name", sorted(file.name for file in WORKFLOWS.glob("*.py")))
def test_the_main_task_waits_through_the_guard(name: str) -> None:
    found = set(bare_awaits((WORKFLOWS / name).read_text(encoding="utf-8")))
    assert {function for function in found if (name, function) not in ALLOWED and (name, None) not in ALLOWED} == set()


def test_each_exception_is_still_needed() -> None:
    found = {(file.name, function) for file in WORKFLOWS.glob("*.py") for function in bare_awaits(file.read_text())}
    assert {key for key in ALLOWED if key[1] is not None} <= found


def test_a_bare_await_is_seen() -> None:
    assert list(bare_awaits("async def run():\n    await workflow.sleep(1)\n")) == ["run"]
