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


def unfinished(folder: Path) -> Path:
    """A name beside a folder, under which to fill it."""
    name = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    shutil.rmtree(name, ignore_errors=True)
    name.parent.mkdir(parents=True, exist_ok=True)
    return name


def finish(part: Path, folder: Path) -> None:
    """It is full: from now on it is the folder."""
    try:
        part.rename(folder)
    except OSError:
        # Another demonstration was faster.
        shutil.rmtree(part)


def lend_installed(worker: Path) -> None:
    """Give a worker's folder what was installed from the wheelhouse before; making it anew takes half a minute."""
    if _installed().is_dir():
        worker.mkdir(parents=True, exist_ok=True)
        shutil.copytree(_installed(), worker / "venvs", symlinks=True, copy_function=_link)


def keep_installed(worker: Path) -> None:
    """Keep what was installed for the next demonstration, because the worker is removed with all that belongs to it."""
    if not _installed().is_dir():
        part = unfinished(_installed())
        shutil.copytree(worker / "venvs", part, symlinks=True, copy_function=_link)
        finish(part, _installed())


def index_settings() -> dict[str, str]:
    """How this machine reaches its package index, from the caller's environment."""
    return {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.lower() in SETTINGS}


def _installed() -> Path:
    return wheelhouse().with_name(f"{wheelhouse().name}.venvs")


def _link(source: str, target: str) -> str:
    """Nobody writes into these files, so both places may share them, where they are on one file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
