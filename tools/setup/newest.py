# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set up the second test environment: `.cache/newest/venv`, the newest Ansible on the newest Python.

It requires `make setup`, which installs uv and the programs that the tests need. Python itself is never downloaded.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from .places import CACHE, NEWEST_LOCK, NEWEST_VENV
from .steps import LAUNCHER, SetupFailed, alone, create_venv, fetch_uv, say, write_launcher

PYTHON = "3.13"
STAMP = NEWEST_VENV / "setup-stamp"

# A pyenv shim may exist for an inactive version, and Debian ships Python without ensurepip:
# so a candidate is accepted only if it runs and can import ensurepip.
USABLE = f"import sys, ensurepip, venv; sys.exit('%d.%d' % sys.version_info[:2] != '{PYTHON}')"


def candidates() -> list[Path]:
    """Possible locations of this Python version: on PATH, then the installations of pyenv."""
    home = os.environ.get("HOME", "/nonexistent")
    pyenv = Path(os.environ.get("PYENV_ROOT", str(Path(home) / ".pyenv")))
    on_path = [Path(folder) / f"python{PYTHON}" for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    return [*on_path, *sorted((pyenv / "versions").glob(f"{PYTHON}*/bin/python{PYTHON}"))]


def is_usable(python: Path) -> bool:
    if not python.exists():
        return False
    return subprocess.run([python, "-c", USABLE], capture_output=True, check=False).returncode == 0


def find_python() -> str:
    """The first Python that runs and can create virtual environments."""
    for python in candidates():
        if is_usable(python):
            return str(python)
    raise SetupFailed(
        f"no Python {PYTHON} with ensurepip was found on PATH or in pyenv.\n"
        f"  Install it (for example python{PYTHON} and python{PYTHON}-venv), or skip the tests with the newest Ansible."
    )


def main() -> int:
    wanted = hashlib.sha256(NEWEST_LOCK.read_bytes() + str(NEWEST_VENV).encode()).hexdigest()
    launcher = NEWEST_VENV / "bin" / LAUNCHER
    try:
        with alone(CACHE / "setup.lock"):
            if STAMP.exists() and STAMP.read_text() == wanted and launcher.exists():
                return 0
            create_venv(fetch_uv(), NEWEST_VENV, NEWEST_LOCK, find_python())
            write_launcher(NEWEST_VENV)
            STAMP.write_text(wanted)
    except SetupFailed as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    say(f"the environment with the newest Ansible is ready: {NEWEST_VENV}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
