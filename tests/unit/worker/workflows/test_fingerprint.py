# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guard against a workflow that changes without anybody meaning it.

Histories of running workflows are replayed against new code. Whoever adds, drops or reorders a command makes them fail,
unless the change is behind `workflow.patched`. This test keeps a list of every command in the source, in order; a
change of it has to be looked at, and then recorded with `UPDATE_FINGERPRINT=1 pytest tests/unit/worker`.
"""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path

import vsphere_preemption_worker.workflows.dispatcher as dispatcher_module
from support.paths import CHECKOUT

WORKFLOWS = Path(dispatcher_module.__file__).parent
RECORDED = CHECKOUT / "tests" / "fixtures" / "workflow_fingerprint.json"
COMMANDS = {
    "start_activity",
    "execute_activity",
    "start_local_activity",
    "start_child_workflow",
    "execute_child_workflow",
    "continue_as_new",
    "wait_condition",
    "sleep",
    "patched",
    "deprecate_patch",
    "upsert_search_attributes",
    "upsert_memo",
    "uuid4",
    "random",
    "_carry_out",
    "wait_until",
    "yield_to_server",
}


def commands_of(source: str) -> dict[str, list[str]]:
    """The commands of each function in the order of the source, with the name that the first argument gives."""
    found: dict[str, list[str]] = {}
    for scope in ast.walk(ast.parse(source)):
        if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
            calls = sorted(
                (node.lineno, node.col_offset, _name(node)) for node in ast.walk(scope) if isinstance(node, ast.Call)
            )
            named = [name for line, column, name in calls if name.partition("(")[0] in COMMANDS]
            if named:
                found[scope.name] = named
    return found


def _name(call: ast.Call) -> str:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    first = call.args[0] if call.args else None
    if name in ("_carry_out", "start_activity") and isinstance(first, ast.Name):
        return f"{name}({first.id})"
    return name


def fingerprint() -> dict[str, dict[str, list[str]]]:
    return {
        path.name: commands
        for path in sorted(WORKFLOWS.glob("*.py"))
        if (commands := commands_of(path.read_text(encoding="utf-8")))
    }


def test_the_commands_of_the_workflows_are_those_on_record() -> None:
    if os.environ.get("UPDATE_FINGERPRINT"):
        RECORDED.write_text(json.dumps(fingerprint(), indent=2) + "\n", encoding="utf-8")
    assert fingerprint() == json.loads(RECORDED.read_text(encoding="utf-8"))


def test_a_reordered_command_is_noticed() -> None:
    first = "async def run(self):\n    await self._carry_out(PLAN)\n    await self._carry_out(STOP)\n"
    second = "async def run(self):\n    await self._carry_out(STOP)\n    await self._carry_out(PLAN)\n"
    assert commands_of(first) != commands_of(second)
