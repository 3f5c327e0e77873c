# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line beside a worker gets the worker's environment, whatever characters are in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from unit.modules._collection import imported

from .host_double import service

env_file = imported("plugins.module_utils._worker_host.env_file")
launcher = imported("plugins.module_utils._worker_host.launcher")

SHOW = '#!/bin/sh\nprintf "%s|" "$@" "$TEMPORAL_API_KEY" "$VCENTER_SECRET_PATH" "$PYTHONPATH"\n'
TRICKY = "a \"quoted\" $HOME `id` \\ 'word' !"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script of an instance whose Python only shows what it was given."""
    instance = service.Instance("default", tmp_path / "a folder")
    python = instance.python
    python.parent.mkdir(parents=True)
    python.write_text(SHOW)
    python.chmod(0o755)
    instance.env_file.write_text(env_file.written({"TEMPORAL_API_KEY": TRICKY}))
    file = launcher.launcher(instance)
    path: Path = instance.folder / launcher.LAUNCHER
    path.parent.mkdir()
    path.write_text(file.text)
    path.chmod(file.mode)
    return path


def test_it_starts_the_command_line_with_all_that_the_worker_has(script: Path) -> None:
    done = subprocess.run([script, "runs", "a b"], capture_output=True, text=True, check=True, env={})
    folder = script.parents[1]
    assert done.stdout.split("|")[:-1] == [
        "-m",
        "vsphere_preemption_worker.preemptctl",
        "runs",
        "a b",
        TRICKY,
        f"{folder}/credentials",
        f"{folder}/current",
    ]


def test_it_says_who_may_run_it_where_the_environment_cannot_be_read(script: Path) -> None:
    (script.parents[1] / "worker.env").unlink()
    done = subprocess.run([script, "runs"], capture_output=True, text=True, check=False, env={})
    assert (done.returncode, done.stdout) == (4, "")
    assert "Run this command as root or as the worker's account." in done.stderr
