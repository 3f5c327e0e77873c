# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims: a VM belongs to one run at a time, in this worker and in all others of the task queue.

Marks in vCenter keep runs apart too, but not in the instant in which both write one. So a run claims its victims before
it looks at them for the last time: whatever the run before did to them is to be seen then.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from vsphere_preemption.core.inventory import ManagedObject


class Everybody(Protocol):
    """The claims of all workers. PreemptionError where nobody can be asked."""

    def claim(self, run_id: str, machines: Iterable[ManagedObject], seconds: float) -> frozenset[ManagedObject]: ...

    def release(self, run_id: str) -> None: ...


class Claims:
    """Who holds which VM. Safe for several threads; one for a whole worker. everybody: None for a lone worker."""

    def __init__(self, everybody: Everybody | None = None) -> None:
        self._everybody = everybody
        self._lock = threading.Lock()
        self._holder: dict[ManagedObject, str] = {}
        self._granted: dict[str, frozenset[ManagedObject]] = {}

    def take(self, vm: ManagedObject, run_id: str) -> bool:
        """Claim the VM for the run; False when another run holds it."""
        with self._lock:
            granted = self._granted.get(run_id)
            if granted is not None and vm not in granted:
                return False
            return self._holder.setdefault(vm, run_id) == run_id

    @contextmanager
    def of_run(self, run_id: str, machines: Iterable[ManagedObject] = (), seconds: float = 0.0) -> Iterator[None]:
        """Whatever the run claims in this block is free again after it, and after so many seconds in any case."""
        if self._everybody is not None:
            granted = self._everybody.claim(run_id, machines, seconds)
            with self._lock:
                self._granted[run_id] = self._granted.get(run_id, frozenset()) | granted
        try:
            yield
        finally:
            with self._lock:
                self._holder = {vm: holder for vm, holder in self._holder.items() if holder != run_id}
                self._granted.pop(run_id, None)
            if self._everybody is not None:
                self._everybody.release(run_id)
