# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the checkout, its cache and its tools are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".cache"
WORKER_PYTHONPATH = os.pathsep.join(str(CHECKOUT / folder) for folder in ("plugins/module_utils", "roles/worker/files"))


class ToolMissing(RuntimeError):
    """A program that the tests need is not installed."""


def tool(name: str) -> Path:
    """The program `name` (temporal, vcsim or govc): the one of the checkout, else the one on PATH."""
    own = CHECKOUT / ".tools" / "bin" / name
    if own.exists():
        return own
    found = shutil.which(name)
    if found is None:
        raise ToolMissing(f"{name} is neither {own} nor on PATH. Run `make setup` once.")
    return Path(found)
