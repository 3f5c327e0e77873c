# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a deployment: what is done to the process, and what people see of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from unit.modules._collection import imported

plan = imported("plugins.module_utils._worker_host.deployment_plan")
state = imported("plugins.module_utils._worker_host.state")
env_file = imported("plugins.module_utils._worker_host.env_file")
Action, File, Found, State = plan.ServiceAction, state.File, state.HostState, state.State


def env(**variables: str) -> Any:
    return File(env_file.written(variables), 0o600)


WANTED = State(
    service="detached",
    release="r1",
    venv="v1",
    files={
        "worker.env": env(VCENTER_URL="https://a", TEMPORAL_API_KEY="s3cret-key"),
        "policy.yml": File("version: 1\n"),
        "credentials/password": File.hidden("s3cret-password"),
    },
)


def with_file(name: str, file: Any) -> Any:
    return replace(WANTED, files={**WANTED.files, name: file})


def test_what_is_as_it_shall_be_is_left_alone() -> None:
    planned = plan.plan_present(Found(WANTED, running=True), WANTED)
    assert (planned.action, planned.changed) == (Action.NONE, False)
    assert planned.before == planned.after


def test_what_does_not_run_is_started() -> None:
    assert plan.plan_present(Found(WANTED), WANTED).action is Action.START
    first = plan.plan_present(Found(), WANTED)
    assert (first.action, first.before) == (Action.START, "")


def test_another_policy_alone_is_read_by_the_running_worker() -> None:
    found = Found(with_file("policy.yml", File("version: 2\n")), running=True)
    assert plan.plan_present(found, WANTED).action is Action.RELOAD


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(WANTED, release="r0"), id="release"),
        pytest.param(replace(WANTED, venv="v0"), id="venv"),
        pytest.param(replace(WANTED, service="systemd"), id="service"),
        pytest.param(replace(WANTED, definition={"/etc/x.service": ""}), id="definition"),
        pytest.param(with_file("worker.env", env(VCENTER_URL="https://b")), id="environment"),
        pytest.param(with_file("credentials/password", File.hidden("old")), id="password"),
        pytest.param(with_file("credentials/password", File("s3cret-password", 0o644, True)), id="mode"),
        pytest.param(with_file("tls/old.pem", File("x")), id="a file too many"),
    ],
)
def test_anything_else_restarts_it(other: Any) -> None:
    assert plan.plan_present(Found(other, running=True), WANTED).action is Action.RESTART


@pytest.mark.parametrize("damaged", ["r1", "v1"])
def test_what_was_damaged_is_made_anew(damaged: str) -> None:
    planned = plan.plan_present(Found(WANTED, running=True, damaged=frozenset({damaged})), WANTED)
    assert planned.action is Action.RESTART
    assert f"{damaged} (damaged)" in planned.before
    assert "(damaged)" not in planned.after


def test_the_difference_names_secrets_that_change_and_shows_none() -> None:
    before = replace(
        WANTED,
        files={
            **WANTED.files,
            "worker.env": env(VCENTER_URL="https://old", TEMPORAL_API_KEY="0ld-key"),
            "credentials/password": File.hidden("0ld-password"),
        },
    )
    planned = plan.plan_present(Found(before, running=True), WANTED)
    both = planned.before + planned.after
    assert not [secret for secret in ("s3cret", "0ld-key", "0ld-password") if secret in both]
    assert "TEMPORAL_API_KEY: (hidden, changed)" in planned.after
    assert "credentials/password: 0600\n  (hidden, changed)" in planned.after
    assert "VCENTER_URL: https://old" in planned.before
    assert "VCENTER_URL: https://a" in planned.after


def test_a_secret_that_stays_makes_no_difference() -> None:
    planned = plan.plan_present(Found(with_file("policy.yml", File("x")), running=True), WANTED)
    assert "changed" not in planned.after


@pytest.mark.parametrize(
    ("found", "changed"),
    [
        pytest.param(Found(), False, id="nothing"),
        pytest.param(Found(WANTED), True, id="files"),
        pytest.param(Found(running=True), True, id="a process"),
        pytest.param(Found(leftovers=True), True, id="leftovers"),
    ],
)
def test_what_is_there_is_removed(found: Any, changed: bool) -> None:
    planned = plan.plan_absent(found)
    assert (planned.changed, planned.after) == (changed, "")
    assert "s3cret" not in planned.before
