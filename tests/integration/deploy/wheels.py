# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages for deployed workers, fetched once and kept in the cache of the checkout."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

from unit.modules._collection import imported

from support.paths import CACHE

venv = imported("plugins.module_utils._worker_host.venv")

REQUIREMENTS = Path("roles/worker/files/requirements.txt")
FOLDER = CACHE / "deploy"


def lock_sha256(collection: Path) -> str:
    return hashlib.sha256((collection / REQUIREMENTS).read_bytes()).hexdigest()


def index_environment() -> dict[str, str]:
    """How this machine reaches its package index, from the caller's environment."""
    ours = ("http_proxy", "https_proxy", "no_proxy", "ssl_cert_file", "requests_ca_bundle")
    return {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.lower() in ours}


def run(args: list[str], *, environ_update: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """As AnsibleModule.run_command."""
    environment = {**os.environ, **(environ_update or {})}
    done = subprocess.run(args, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@contextmanager
def alone() -> Iterator[None]:
    """Several test processes share the cache."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as file:
        flock(file, LOCK_EX)
        yield


def wheelhouse(collection: Path) -> Path:
    """Where the wheels for the lock file are, or shall be; another lock file has another folder."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return FOLDER / f"wheelhouse-{lock_sha256(collection)[:16]}-{version}"


def lend_venvs(collection: Path, wheels: Path, root: Path) -> None:
    """Put a virtual environment that was made from the wheels into a folder of workers, as links to its files."""
    python = venv.probe_python(sys.executable, run)
    name = venv.venv_name(lock_sha256(collection), python)
    with alone():
        venv.Venvs(FOLDER, run).make(name, python, collection / REQUIREMENTS, venv.PackageSource(str(wheels)))
    (root / "venvs").mkdir(parents=True)
    shutil.copytree(FOLDER / "venvs" / name, root / "venvs" / name, symlinks=True, copy_function=os.link)
