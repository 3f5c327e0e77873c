# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments for the worker: one per lock file and Python, with pinned and hashed requirements."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from . import files
from .errors import VenvFailed

OLDEST_PYTHON = (3, 11)
MANIFEST = "preemption-worker.json"
NAME_LENGTH = 16
INSTALL_SECONDS = 900
TIMED_OUT = 124
LAST_LINES = 8
PIP_INSTALL = (
    "-m",
    "pip",
    "install",
    "--require-hashes",
    "--no-input",
    "--no-cache-dir",
    "--disable-pip-version-check",
)
_ASK = "import json, sys; print(json.dumps([list(sys.version_info[:2]), getattr(sys, '_base_executable', '')]))"


class RunCommand(Protocol):
    """AnsibleModule.run_command."""

    def __call__(self, args: list[str], *, environ_update: Mapping[str, str] | None = None) -> tuple[int, str, str]: ...


@dataclass(frozen=True)
class Python:
    """An interpreter of the host. base: the one that is not in a virtual environment."""

    path: str
    version: tuple[int, int]
    base: str


@dataclass(frozen=True)
class PackageSource:
    """Where packages come from. Empty: pip's configuration on the host. index_url may contain a password."""

    wheelhouse: str = ""
    index_url: str = field(default="", repr=False)


def probe_python(path: str, run: RunCommand) -> Python:
    """The interpreter at a path. Raises VenvFailed if there is none, or if it is too old."""
    try:
        _code, out, _problem = run([path, "-I", "-c", _ASK])
        version, base = json.loads(out)
    except (OSError, ValueError) as error:
        why = f"it does not run ({error})"
        raise _failed(f"Cannot use the Python {path}", why, "Set python to Python 3.11 or newer.") from error
    found = Python(path, (version[0], version[1]), os.path.realpath(base or path))
    if found.version < OLDEST_PYTHON:
        why = f"it is Python {version[0]}.{version[1]}"
        raise _failed(f"Cannot use the Python {path}", why, "Install Python 3.11 or newer, and set python to it.")
    return found


def venv_name(lock_sha256: str, python: Python) -> str:
    """Name of the directory for this lock file and interpreter."""
    parts = (lock_sha256, python.base, "{}.{}".format(*python.version))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:NAME_LENGTH]


class Venvs:
    """The directory of all virtual environments."""

    def __init__(self, root: Path, run: RunCommand) -> None:
        self.folder = root / "venvs"
        self._run = run

    def path(self, name: str) -> Path:
        return self.folder / name

    def intact(self, name: str) -> bool:
        """Whether it is complete, and its interpreter is still on the host."""
        return (self.path(name) / MANIFEST).is_file() and (self.path(name) / "bin" / "python").exists()

    def make(self, name: str, python: Python, requirements: Path, source: PackageSource) -> None:
        """Create it if it does not exist yet. Raises VenvFailed, and then leaves nothing behind."""
        if self.intact(name):
            return
        folder = self.path(name)
        files.remove_tree(folder)
        files.make_folder(self.folder)
        try:
            self._create(folder, python)
            self._install(folder, requirements, source)
            record = {"python": python.base, "version": list(python.version)}
            files.write(folder / MANIFEST, json.dumps(record) + "\n", 0o644)
        except BaseException:
            files.remove_tree(folder)
            raise

    def mark_used(self, name: str) -> None:
        """Mark it as the newest, regardless of when it was created."""
        os.utime(self.path(name))

    def _create(self, folder: Path, python: Python) -> None:
        code, out, problem = self._run([python.path, "-I", "-m", "venv", str(folder)])
        if code:
            hint = "Install its venv module (Debian: python3-venv)."
            raise _failed(f"Cannot create a virtual environment with {python.path}", _last(out + problem), hint)
        # The worker may run under another account, so the umask of the deploying account must not apply.
        folder.chmod(0o755)

    def _install(self, folder: Path, requirements: Path, source: PackageSource) -> None:
        command = [str(folder / "bin" / "python"), *PIP_INSTALL, "--requirement", str(requirements)]
        if source.wheelhouse:
            command += ["--no-index", "--find-links", source.wheelhouse]
        # In the environment, because every user on the host can read argument lists.
        environment = {"PIP_INDEX_URL": source.index_url} if source.index_url else {}
        limit = shutil.which("timeout")
        limited = [limit, str(INSTALL_SECONDS), *command] if limit else command
        code, out, problem = self._run(limited, environ_update=environment)
        if code:
            late = f"it took more than {INSTALL_SECONDS} seconds; " if limit and code == TIMED_OUT else ""
            raise _failed(
                "Cannot install the worker's requirements",
                late + _last(problem or out),
                "Make the package index reachable from the host (index_url), or use a wheelhouse.",
            )


def _failed(what: str, why: str, next_step: str) -> VenvFailed:
    return VenvFailed(what, why=why.rstrip("."), next_step=next_step)


def _last(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " | ".join(lines[-LAST_LINES:]) or "pip reported no reason"
