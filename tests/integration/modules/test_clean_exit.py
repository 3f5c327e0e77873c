# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that has answered also ends well: temporalio's threads may kill a process that leaves at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.paths import CHECKOUT
from support.temporal import TemporalServer

RUNS = 30


@pytest.fixture
def links(tmp_path: Path) -> Path:
    folder = tmp_path / "links" / "ansible_collections" / "vsphere"
    folder.mkdir(parents=True)
    (folder / "preemption").symlink_to(CHECKOUT)
    return tmp_path / "links"


def test_thirty_module_processes_all_end_with_zero(links: Path, temporal: TemporalServer, workflow_id: str) -> None:
    module = "ansible_collections.vsphere.preemption.plugins.modules.preemption_cancel"
    options = {"temporal_address": temporal.address, "workflow_id": workflow_id}
    asked = json.dumps({"ANSIBLE_MODULE_ARGS": options})
    endings: list[int] = []
    for _run in range(RUNS):
        ran = subprocess.run(
            [sys.executable, "-m", module],
            input=asked,
            env={"PYTHONPATH": str(links)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert json.loads(ran.stdout)["changed"] is False, ran.stdout + ran.stderr
        assert ran.stderr == ""
        endings.append(ran.returncode)
    assert endings == [0] * RUNS
