# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit of a worker, as text and before the eyes of systemd-analyze."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ..modules._collection import imported

unit = imported("plugins.module_utils._worker_host.systemd_unit")
service = imported("plugins.module_utils._worker_host.service")

STRANGE = "a strange %h folder, $HOME; 5%"
THRESHOLD = "20"  # ten times the score


def an_instance(root: Path = Path("/opt/vsphere-preemption"), user: str = "") -> Any:
    return service.Instance("north", root, "127.0.0.1:8080", user)


@pytest.fixture
def analyzed(tmp_path: Path) -> Any:
    """Run systemd-analyze on the unit of an instance whose interpreter exists."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not on this machine; `make test-systemd` has it")

    def analyze(folder: str, *command: str, user: str = "") -> subprocess.CompletedProcess[str]:
        instance = an_instance(tmp_path / folder, user)
        instance.python.parent.mkdir(parents=True)
        instance.python.symlink_to("/usr/bin/true")
        file = tmp_path / unit.unit_name(instance)
        file.write_text(unit.unit_text(instance, tuple(service.SECRET_FILES)))
        argv = ["systemd-analyze", *command, str(file)]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    return analyze


@pytest.mark.parametrize("folder", ["plain", "with space", "50%h", STRANGE])
def test_systemd_finds_nothing_wrong_with_the_unit_in_any_folder(analyzed: Any, folder: str) -> None:
    done = analyzed(folder, "verify")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("user", ["", "nobody"], ids=["made up", "own"])
def test_the_unit_may_do_little_enough(analyzed: Any, user: str) -> None:
    command = ("security", "--offline=true", f"--threshold={THRESHOLD}", "--no-pager")
    assert analyzed("plain", *command, user=user).returncode == 0


def test_the_unit_names_credentials_and_holds_none() -> None:
    text = unit.unit_text(an_instance(), tuple(service.SECRET_FILES))
    folder = "/opt/vsphere-preemption/instances/north/credentials"
    for name in ("username", "password", *service.SECRET_FILES):
        assert f"LoadCredential={name}:{folder}/{name}\n" in text
    assert "Environment=VCENTER_SECRET_PATH=%d\n" in text
    assert "Environment=TEMPORAL_TLS_CLIENT_KEY_PATH=%d/temporal_client_key\n" in text
    assert "Environment=PREEMPTION_WEBHOOK_TOKEN_FILE=%d/webhook_tokens\n" in text
    assert [name for name in service.SECRET_FILES if name in unit.unit_text(an_instance())] == []


def test_an_account_of_its_own_takes_the_place_of_the_made_up_one() -> None:
    assert "DynamicUser=yes\n" in unit.unit_text(an_instance())
    own = unit.unit_text(an_instance(user="preemption"))
    assert "User=preemption\n" in own
    assert "DynamicUser" not in own


def test_signs_that_mean_something_to_systemd_are_escaped() -> None:
    text = unit.unit_text(an_instance(Path("/opt") / STRANGE))
    folder = "/opt/a strange %%h folder, $HOME; 5%%/instances/north"
    assert f'ExecStart="{folder}/venv/bin/python" -m vsphere_preemption_worker\n' in text
    assert f'Environment="PYTHONPATH={folder}/current"\n' in text
    assert f"EnvironmentFile={folder}/worker.env\n" in text
    assert f"LoadCredential=username:{folder}/credentials/username\n" in text
