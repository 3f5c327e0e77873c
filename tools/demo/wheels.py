# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheelhouse from which the worker is installed: it is filled once and kept between demos."""

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
    """The folder for this Python and this lock file; it only exists when it is complete."""
    digest = hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()[:16]
    return CACHE / "wheels" / f"{digest}-{sys.version_info.major}.{sys.version_info.minor}"


def unfinished(folder: Path) -> Path:
    """A temporary name next to a folder, under which it is filled."""
    name = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    shutil.rmtree(name, ignore_errors=True)
    name.parent.mkdir(parents=True, exist_ok=True)
    return name


def finish(part: Path, folder: Path) -> None:
    """Move the completed folder to its final name."""
    try:
        part.rename(folder)
    except OSError:
        # Another demo has completed the folder first.
        shutil.rmtree(part)


def lend_installed(worker: Path) -> None:
    """Copy the earlier installation into the worker's folder; installing it again would take half a minute."""
    if _installed().is_dir():
        worker.mkdir(parents=True, exist_ok=True)
        shutil.copytree(_installed(), worker / "venvs", symlinks=True, copy_function=_link)


def keep_installed(worker: Path) -> None:
    """Keep a copy of the installation for the next demo, because uninstalling the worker removes it."""
    if not _installed().is_dir():
        part = unfinished(_installed())
        shutil.copytree(worker / "venvs", part, symlinks=True, copy_function=_link)
        finish(part, _installed())


def index_settings() -> dict[str, str]:
    """The package index settings in the caller's environment."""
    return {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.lower() in SETTINGS}


def _installed() -> Path:
    return wheelhouse().with_name(f"{wheelhouse().name}.venvs")


def _link(source: str, target: str) -> str:
    """Hard-link files, which are never modified, or copy them if the file systems differ."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
