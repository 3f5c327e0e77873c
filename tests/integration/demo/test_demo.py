# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration from beginning to end, as a person would start it, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.paths import CHECKOUT

# The first time, the packages of the worker are fetched.
SECONDS = 400
pytestmark = pytest.mark.timeout(900)


class Demo:
    """`python -m demo` with its own folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(str(CHECKOUT / part) for part in ("tools", "tests", "plugins/module_utils"))
        environment = {**os.environ, "PYTHONPATH": path, "PREEMPTION_DEMO_FOLDER": str(self.folder)}
        argv = [sys.executable, "-m", "demo", command]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)

    def servers(self) -> list[dict[str, object]]:
        return list(json.loads((self.folder / "running.json").read_text()))

    def running(self) -> list[str]:
        return [str(entry["name"]) for entry in still_running(self.servers())]


def still_running(servers: list[dict[str, object]]) -> list[dict[str, object]]:
    """Those whose process does something; a dead one that nobody has waited for yet is no longer running."""

    def runs(pid: object) -> bool:
        status = Path(f"/proc/{pid}/status")
        return status.exists() and "State:\tZ" not in status.read_text()

    return [entry for entry in servers if runs(entry["pid"])]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    played = Demo(tmp_path_factory.mktemp("demo"))
    yield played
    played.run("down")


@pytest.fixture(scope="module")
def shown(demo: Demo) -> str:
    done = demo.run("up")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def row(shown: str, name: str) -> str:
    return next(line for line in shown.splitlines() if line.startswith(f"{name} "))


def test_the_playbook_brings_everything_and_tries_it_without_harm(shown: str, demo: Demo) -> None:
    assert "vsphere.preemption.deploy" in shown
    assert (demo.folder / "worker" / "instances" / "default" / "worker.log").exists()
    tried = shown.index("Request a dry run")
    assert "planned" in shown[tried : shown.index("Triggering an alarm in vCenter")]
    assert "failed  " not in shown


def test_nobody_but_the_worker_sends_the_request_of_the_alarm(shown: str) -> None:
    assert '"workflowID": "alarm/vsphere-preemption/Cluster memory/' in shown


def test_both_requests_stop_as_many_vms_as_the_cap_allows(shown: str) -> None:
    assert shown.count(" preempted ") == 8
    assert shown.count("by power-off, for the HIGH request") == 4
    assert shown.count("by guest shutdown, for the LOW request") == 4


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("render-01", "was already powered off"),
        ("render-02", "was already suspended"),
        ("golden-image-1", "is a template"),
        ("branch-office", "vCenter had no connection to it"),
        ("db-01", "does not have the tag"),
    ],
)
def test_the_table_says_why_a_vm_was_spared(shown: str, name: str, reason: str) -> None:
    assert "spared" in row(shown, name)
    assert row(shown, name).endswith(reason)


def test_the_mark_and_the_event_are_shown(shown: str) -> None:
    assert '"preempted": true' in shown
    assert '"type": "com.vmware.workflows.vsphere.VmPreemptedEvent.v0"' in shown


def test_the_report_holds_the_same_and_escapes_names(shown: str, demo: Demo) -> None:
    page = (demo.folder / "report.html").read_text()
    assert "R&amp;D-sandbox" in page
    assert "R&D-sandbox" not in page
    assert page.count('<tr class="preempted">') == 8
    assert "http://" not in page.replace("http://127.0.0.1", "")


def test_a_second_showing_replaces_the_first_and_down_takes_it_away(shown: str, demo: Demo) -> None:
    first = demo.servers()
    again = demo.run("up")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "An earlier demo was running; stopped worker, sink, vcsim, temporal." in again.stdout
    assert still_running(first) == []
    assert sorted(demo.running()) == ["sink", "temporal", "vcsim", "worker"]
    second = demo.servers()
    gone = demo.run("down")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert gone.stdout.endswith("Stopped sink, vcsim, temporal.\n"), "the playbook has stopped the worker"
    assert (still_running(second), (demo.folder / "worker").exists()) == ([], False)
    assert demo.run("down").stdout == "No demo is running.\n"
