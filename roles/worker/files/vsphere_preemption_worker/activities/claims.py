# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims: within one worker, a VM belongs to one run at a time.

Marks in vCenter keep runs of different workers apart, but not in the instant in which both write one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from vsphere_preemption.core.inventory import ManagedObject


class Claims:
    """Who holds which VM. Safe for several threads; one object for a whole worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: dict[ManagedObject, str] = {}

    def take(self, vm: ManagedObject, run_id: str) -> bool:
        """Claim the VM for the run; False when another run holds it."""
        with self._lock:
            return self._holder.setdefault(vm, run_id) == run_id

    @contextmanager
    def of_run(self, run_id: str) -> Iterator[None]:
        """Whatever the run claims in this block is free again after it."""
        try:
            yield
        finally:
            with self._lock:
                self._holder = {vm: holder for vm, holder in self._holder.items() if holder != run_id}
