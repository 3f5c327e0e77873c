# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The locations that setup uses, and the environment that keeps its tools inside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".cache"
VENV = CHECKOUT / ".venv"
TOOLS = CHECKOUT / ".tools" / "bin"
LOCK = CHECKOUT / "requirements" / "dev.txt"
NEWEST_VENV = CACHE / "newest" / "venv"
NEWEST_LOCK = CHECKOUT / "requirements" / "newest.txt"
GO_WHEEL = CHECKOUT / "requirements" / "go.txt"
GO_MODULE = CHECKOUT / "tools" / "go"


def python_environment() -> dict[str, str]:
    """The environment for pip and uv: the caller's settings (indexes, certificates), with caches in the checkout."""
    return {
        **os.environ,
        "PIP_CACHE_DIR": str(CACHE / "pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_CACHE_DIR": str(CACHE / "uv"),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        # pip uses the system's CA certificates; without this, uv would only use its bundled ones.
        "UV_SYSTEM_CERTS": os.environ.get("UV_SYSTEM_CERTS", "1"),
    }


def go_environment() -> dict[str, str]:
    """The environment for Go: the caller's module proxy, folders in the checkout, and the installed compiler."""
    home = CACHE / "home"
    home.mkdir(parents=True, exist_ok=True)
    caller = os.environ.get("XDG_CONFIG_HOME") or str(Path(os.environ.get("HOME", "/nonexistent")) / ".config")
    return {
        **os.environ,
        # Go keeps the settings of `go env -w` in the home directory: read them from there, but write nothing there.
        "GOENV": os.environ.get("GOENV", str(Path(caller) / "go" / "env")),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "GOPATH": str(CACHE / "go"),
        "GOMODCACHE": str(CACHE / "go" / "mod"),
        "GOCACHE": str(CACHE / "go" / "build"),
        "GOFLAGS": "-modcacherw -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
