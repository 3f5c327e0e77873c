# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the deployed worker is installed from: a folder of packages that is filled once and outlives demonstrations."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

from support.paths import CACHE, CHECKOUT

LOCK_FILE = CHECKOUT / "roles" / "worker" / "files" / "requirements.txt"
SETTINGS = ("http_proxy", "https_proxy", "no_proxy", "ssl_cert_file", "requests_ca_bundle")


def wheelhouse() -> Path:
    """The folder for this Python and this lock file; it exists once it is filled."""
    digest = hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()[:16]
    return CACHE / "wheels" / f"{digest}-{sys.version_info.major}.{sys.version_info.minor}"


def unfinished() -> Path:
    """An empty folder beside it, to be filled."""
    folder = wheelhouse().with_name(f"{wheelhouse().name}.{os.getpid()}.part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def finish(folder: Path) -> None:
    """The folder is full: from now on it is the wheelhouse."""
    try:
        folder.rename(wheelhouse())
    except OSError:
        # Another demonstration was faster.
        shutil.rmtree(folder)


def index_settings() -> dict[str, str]:
    """How this machine reaches its package index, from the caller's environment."""
    return {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.lower() in SETTINGS}
