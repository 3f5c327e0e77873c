# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker is brought to a host, changed, and removed, by the module as users run it. Witnesses: govc and /proc."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from support.dispatcher import Dispatcher, a_request
from support.govc import Govc
from support.ports import LOOPBACK, free_port
from support.vcsim import VCSim

from .conftest import Host, command_lines
from .wheels import index_environment

# The first of them fetches and installs packages.
pytestmark = pytest.mark.timeout(600)
TAGGED = {f"DC0_C0_RP0_VM{number}" for number in range(5)}
PASSWORD_IN = "credentials/password"


def policy(name: str, most: int = 5) -> dict[str, Any]:
    return {"version": 1, "policies": [{"name": name, "amount": {"max_vms": most}}]}


def everything_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "site-packages" not in path.parts}


@pytest.fixture
def tagged(vcsim: VCSim) -> VCSim:
    vcsim.tag_machines(sorted(TAGGED))
    return vcsim


@pytest.mark.usefixtures("tagged")
def test_check_do_check_do_and_away_without_a_trace(host: Host, govc: Govc, dispatcher: Dispatcher) -> None:
    before = everything_in(host.root)
    checked = host.deploy("--check", "--diff")
    assert (checked.changed, everything_in(host.root), host.processes()) == (True, before, [])
    done = host.deploy("--diff")
    assert (done.changed, done.result["action"]) == (True, "started")
    assert checked.result["release"] == done.result["release"]
    assert len(host.processes()) == 1
    pid, after = host.pid(), everything_in(host.root)
    assert not host.deploy("--check").changed
    again = host.deploy()
    assert (again.changed, again.result["action"], host.pid()) == (False, "none", pid)
    assert everything_in(host.root) - after == set()
    record = dispatcher.run(a_request("HIGH"))
    assert (record["outcome"], TAGGED & govc.powered_on()) == ("done", set())
    command = [str(host.root / "instances" / "default" / "bin" / "preemptctl"), "runs", "-w", dispatcher.workflow_id]
    told = subprocess.run(command, env={}, capture_output=True, text=True, check=True).stdout
    assert f"{len(TAGGED)} stopped" in told
    assert everything_in(host.root) - after == set()
    assert host.deploy("--check", state="absent").changed
    assert host.processes() == [pid]
    assert host.remove().changed
    assert (host.processes(), host.root.exists()) == ([], False)
    assert not host.remove().changed


@pytest.mark.long
def test_no_secret_is_shown_or_lies_open(host: Host) -> None:
    secrets = {"vcenter_password": "s3cret-pass word", "index_url": "https://u:s3cret-index@127.0.0.1:9/simple"}
    # vcsim takes any password.
    ran = host.deploy("-vvv", "--diff", **secrets)
    assert "s3cret" not in ran.output
    assert not [
        line for line in command_lines().values() if "s3cret" in line and "preemption_worker_deploy" not in line
    ]
    folder = host.root / "instances" / "default"
    holding = [path for path in folder.rglob("*") if path.is_file() and "s3cret" in path.read_text()]
    assert [str(path.relative_to(folder)) for path in holding] == [PASSWORD_IN]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder / PASSWORD_IN, folder / "worker.env")}
    assert modes == {"password": 0o600, "worker.env": 0o600}
    changed = host.deploy("-vvv", "--diff", vcenter_password="an0ther-s3cret")
    assert changed.result["action"] == "restarted"
    assert "(hidden, changed)" in changed.output
    assert not [word for word in ("s3cret-pass", "an0ther") if word in changed.output]


@pytest.mark.usefixtures("tagged")
def test_another_policy_is_read_by_the_same_process(host: Host, govc: Govc, dispatcher: Dispatcher) -> None:
    host.deploy(policy=policy("one", 1))
    pid = host.pid()
    assert len(dispatcher.run(a_request("HIGH"))["victims"]) == 1
    checked = host.deploy("--check", policy=policy("two", 2))
    assert (checked.result["action"], host.log().count("policies reloaded")) == ("reloaded", 0)
    assert host.deploy(policy=policy("two", 2)).result["action"] == "reloaded"
    assert host.pid() == pid
    assert len(dispatcher.run(a_request("HIGH"))["victims"]) == 2
    assert not host.deploy(policy=policy("two", 2)).changed
    assert host.deploy().result["action"] == "restarted"
    assert not (host.root / "instances" / "default" / "policy.yml").exists()


def test_a_policy_with_mistakes_is_refused_with_all_of_them_and_nothing_is_done(host: Host) -> None:
    wrong = {"version": 1, "policies": [{"nme": "x"}]}
    failed = host.run(policy=wrong)
    assert (failed.error_code, len(failed.result["problems"])) == ("invalid_policy", 2)
    assert host.processes() == []


@pytest.mark.long
def test_two_instances_live_side_by_side(host: Host) -> None:
    other = {"name": "second", "health_address": f"{LOOPBACK}:{free_port()}"}
    host.deploy()
    taken = host.run(name="second")
    assert (taken.error_code, "another program is listening" in taken.result["msg"]) == ("invalid_setting", True)
    host.deploy(**other)
    assert len(host.processes()) == 2
    assert not host.deploy().changed
    assert not host.deploy(**other).changed
    host.remove()
    assert host.processes() == [host.pid("second")]
    assert not host.deploy(**other).changed
    host.remove(**other)
    assert not host.root.exists()


@pytest.mark.long
def test_two_deployments_at_once_do_not_meet(host: Host) -> None:
    addresses = {name: f"{LOOPBACK}:{free_port()}" for name in ("one", "two")}

    def deploy(name: str) -> bool:
        return host.deploy(name=name, health_address=addresses[name]).changed

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(deploy, addresses)) == [True, True]
    assert len(host.processes()) == 2


@pytest.mark.long
def test_a_worker_that_died_is_started_and_a_number_that_was_given_on_is_left_alone(host: Host) -> None:
    host.deploy()
    pid = host.pid()
    os.kill(pid, signal.SIGKILL)
    file = host.root / "instances" / "default" / "worker.pid"
    # As if the number were another process's by now: this test's.
    file.write_text(json.dumps({**json.loads(file.read_text()), "pid": os.getpid()}))
    done = host.deploy()
    assert (done.result["action"], len(host.processes())) == ("started", 1)
    assert host.pid() not in (pid, os.getpid())


@pytest.mark.long
def test_what_the_worker_needs_is_installed_from_a_wheelhouse_alone(bare_host: Host, wheels: Path) -> None:
    empty = bare_host.root.parent / "empty"
    empty.mkdir()
    failed = bare_host.run(wheelhouse=str(empty))
    assert failed.error_code == "venv_failed"
    assert list((bare_host.root / "venvs").iterdir()) == []
    unreachable = {**index_environment(), "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_FIND_LINKS": ""}
    ran = bare_host.ansible.module(
        "preemption_worker_deploy", {**bare_host.options, "wheelhouse": str(wheels)}, env=unreachable
    )
    assert (ran.code, ran.result.get("action")) == (0, "started"), ran.output
    assert len(bare_host.processes()) == 1


@pytest.mark.long
def test_the_role_does_the_same(host: Host) -> None:
    variables = {f"worker_{name}": value for name, value in host.options.items()}
    book = """
- hosts: localhost
  gather_facts: false
  roles: [vsphere.preemption.worker]
"""
    counts = [
        ("--check", "changed=1", 0),
        ("-v", "changed=1", 1),
        ("--check", "changed=0", 1),
        ("-v", "changed=0", 1),
    ]
    for flag, count, processes in counts:
        ran = host.ansible.playbook(book, flag, "-e", json.dumps(variables))
        assert (ran.returncode, count in ran.stdout) == (0, True), ran.stdout + ran.stderr
        assert len(host.processes()) == processes
    ran = host.ansible.playbook(book, "-e", json.dumps({**variables, "worker_state": "absent"}))
    assert (ran.returncode, host.root.exists()) == (0, False), ran.stdout + ran.stderr


@pytest.mark.long
def test_a_wheelhouse_that_is_full_is_left_alone(bare_host: Host, wheels: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in wheels.iterdir()}
    ran = bare_host.ansible.named_playbook("wheelhouse", {"wheelhouse_folder": str(wheels)})
    assert (ran.returncode, "changed=0" in ran.stdout) == (0, True), ran.stdout + ran.stderr
    assert {path.name: path.stat().st_mtime_ns for path in wheels.iterdir()} == before
    refused = bare_host.ansible.named_playbook("wheelhouse", {"wheelhouse_folder": "here"})
    assert "absolute path" in refused.stdout
