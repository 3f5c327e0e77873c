# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The import contracts in pyproject.toml bite. `make test-lint` checks them on the code itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

from support.paths import CHECKOUT

LIBRARY_FOLDER = PurePosixPath("plugins/module_utils/vsphere_preemption")
WORKER_FOLDER = PurePosixPath("roles/worker/files/vsphere_preemption_worker")
PACKAGES = (LIBRARY_FOLDER, WORKER_FOLDER)

# A file, what is in it, and what import-linter reports about it.
FORBIDDEN = [
    (LIBRARY_FOLDER / "core/x.py", "from ..vcenter import client", ".core.x -> vsphere_preemption.vcenter"),
    (LIBRARY_FOLDER / "vcenter/x.py", "from .. import events", ".vcenter.x -> vsphere_preemption.events"),
    (
        LIBRARY_FOLDER / "events/x.py",
        "def f():\n    from .. import temporal",
        ".events.x -> vsphere_preemption.temporal",
    ),
    (
        LIBRARY_FOLDER / "temporal/x.py",
        "import vsphere_preemption.vcenter",
        ".temporal.x -> vsphere_preemption.vcenter",
    ),
    (LIBRARY_FOLDER / "policy_file/_x.py", "import vsphere_preemption_worker", "._x -> vsphere_preemption_worker"),
    (LIBRARY_FOLDER / "a_new_folder/__init__.py", "", "a_new_folder"),
    (WORKER_FOLDER / "activities/x.py", "from .. import service", ".activities.x -> vsphere_preemption_worker.service"),
    (WORKER_FOLDER / "triggers/x.py", "from .. import activities", ".x -> vsphere_preemption_worker.activities"),
    (WORKER_FOLDER / "workflows/x.py", "from .. import triggers", ".x -> vsphere_preemption_worker.triggers"),
    (WORKER_FOLDER / "workflows/y.py", "import vsphere_preemption.vcenter", ".y -> vsphere_preemption.vcenter"),
    (WORKER_FOLDER / "preemptctl/x.py", "from .. import workflows", ".x -> vsphere_preemption_worker.workflows"),
]


def test_the_contracts_bite(tmp_path: Path) -> None:
    """On a copy of both packages, to which all forbidden imports are added."""
    for package in PACKAGES:
        shutil.copytree(CHECKOUT / package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, source, _reported in FORBIDDEN:
        root = next(package.parent for package in PACKAGES if name.is_relative_to(package))
        file = tmp_path / name.relative_to(root)
        file.parent.mkdir(exist_ok=True)
        file.write_text(source)
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [program, "--no-cache", "--no-logo", CHECKOUT / "pyproject.toml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 1
    assert [reported for *importing, reported in FORBIDDEN if reported not in done.stdout] == [], done.stdout
