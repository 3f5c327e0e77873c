# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checkout as a collection, for modules that import one another by its name."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

CHECKOUT = Path(__file__).resolve().parents[3]


@cache
def _make_findable() -> None:
    """Put a folder on the path in which the checkout has its place among the collections."""
    links = CHECKOUT / ".cache" / "links"
    own = links / "ansible_collections" / "vsphere" / "preemption"
    if not own.exists():
        own.unlink(missing_ok=True)
        own.parent.mkdir(parents=True, exist_ok=True)
        own.symlink_to(CHECKOUT)
    sys.path.insert(0, str(links))


def imported(name: str) -> ModuleType:
    """A module of the collection by the end of its name, such as `plugins.modules.preemption_signal`."""
    _make_findable()
    return importlib.import_module(f"ansible_collections.vsphere.preemption.{name}")
