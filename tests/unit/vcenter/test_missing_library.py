# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where pyVmomi is not installed."""

from __future__ import annotations

import subprocess
import sys

from support.paths import WORKER_PYTHONPATH

WITHOUT_PYVMOMI = """
import sys
sys.modules["pyVmomi"] = None
from vsphere_preemption.core.errors import MissingLibrary
from vsphere_preemption.vcenter.client import VCenter
from vsphere_preemption.vcenter.settings import GivenCredentials, VCenterSettings
try:
    VCenter(VCenterSettings("vcenter.example.com"), GivenCredentials("me", "secret"))
except MissingLibrary as error:
    sys.stdout.write(str(error))
"""


def test_every_file_can_be_imported_and_the_client_says_what_to_install() -> None:
    environment = {"PYTHONPATH": WORKER_PYTHONPATH}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PYVMOMI], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert "Install the Python package pyvmomi" in done.stdout
