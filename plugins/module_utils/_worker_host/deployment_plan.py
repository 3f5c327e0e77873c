# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deployment would change, as a value: from the current and the desired state. Nothing is changed here.

The diff lists secrets and whether they change, but never shows their values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from . import env_file
from .state import File, HostState, State

ENV_FILE, POLICY_FILE = "worker.env", "policy.yml"
SECRET_VARIABLES = frozenset({"TEMPORAL_API_KEY"})


class ServiceAction(Enum):
    """What must be done to the process."""

    NONE = "none"
    START = "started"
    RESTART = "restarted"
    RELOAD = "reloaded"
    REMOVE = "removed"


@dataclass(frozen=True)
class DeploymentPlan:
    """before, after: human-readable text."""

    action: ServiceAction
    before: str = ""
    after: str = ""

    @property
    def changed(self) -> bool:
        return self.action is not ServiceAction.NONE


def plan_present(found: HostState, wanted: State) -> DeploymentPlan:
    """The plan to bring the instance to the desired state."""
    before, after = _described(found, found.state, wanted), _described(found, wanted, found.state, running=True)
    return DeploymentPlan(_action(found, wanted), before, after)


def plan_absent(found: HostState) -> DeploymentPlan:
    """The plan to remove the instance."""
    action = ServiceAction.REMOVE if found.present or found.leftovers else ServiceAction.NONE
    leftovers = "releases and virtual environments that no instance uses\n" if found.leftovers else ""
    return DeploymentPlan(action, _described(found, found.state, found.state) + leftovers, "")


def _action(found: HostState, wanted: State) -> ServiceAction:
    state = found.state
    if not found.running:
        return ServiceAction.START
    moved = (state.service, state.release, state.venv) != (wanted.service, wanted.release, wanted.venv)
    if moved or found.damaged or dict(state.definition) != dict(wanted.definition):
        return ServiceAction.RESTART
    changed = {name for name in {*state.files, *wanted.files} if state.files.get(name) != wanted.files.get(name)}
    if not changed:
        return ServiceAction.NONE
    # Adding or removing a policy changes the environment as well.
    return ServiceAction.RELOAD if changed == {POLICY_FILE} else ServiceAction.RESTART


def _described(found: HostState, state: State, other: State, *, running: bool | None = None) -> str:
    """A state as lines of text. other: the state to compare with, to report changed secrets."""
    if state == State() and not found.running:
        return ""
    is_before = running is None
    lines = [
        f"service: {state.service} ({'running' if running or (is_before and found.running) else 'not running'})",
        f"release: {state.release}{_damage(found, state.release, is_before)}",
        f"venv: {state.venv}{_damage(found, state.venv, is_before)}",
    ]
    for name, file in sorted(state.files.items()):
        lines += _file_lines(name, file, other.files.get(name), is_before=is_before)
    for path, text in sorted(state.definition.items()):
        lines += [f"{path}:", *(f"  {line}" for line in text.splitlines())]
    return "".join(f"{line}\n" for line in lines)


def _damage(found: HostState, name: str, is_before: bool) -> str:
    return " (damaged)" if is_before and name in found.damaged else ""


def _file_lines(name: str, file: File, other: File | None, *, is_before: bool) -> Iterator[str]:
    yield f"{name}: {file.mode:04o}"
    if name == ENV_FILE:
        theirs = env_file.read(other.text) if other else {}
        for variable, value in env_file.read(file.text).items():
            hidden = variable in SECRET_VARIABLES
            yield f"  {variable}: {_hidden(value == theirs.get(variable), is_before) if hidden else value}"
    elif file.secret:
        yield f"  {_hidden(other is not None and other.text == file.text, is_before)}"
    else:
        yield from (f"  {line}" for line in file.text.splitlines())


def _hidden(same: bool, is_before: bool) -> str:
    return "(hidden)" if same or is_before else "(hidden, changed)"
