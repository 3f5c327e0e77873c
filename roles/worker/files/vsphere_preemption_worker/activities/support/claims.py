# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims: a VM belongs to one run at a time, in this worker and in all others of the task queue.

Marks in vCenter also separate runs, but not if both write one at the same time. The shared claim is requested while the
run reads its victims from vCenter. A VM that another run has just released must be read again, because that run may
have changed it since.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from vsphere_preemption.core.inventory import ManagedObject


@dataclass(frozen=True)
class ClaimedVms:
    """machines: the VMs that the run now holds. at: when they were granted, on the monotonic clock.

    lately: how many seconds before that another run released them, if that was recently.
    """

    machines: frozenset[ManagedObject]
    at: float = 0.0
    lately: Mapping[ManagedObject, float] = field(default_factory=dict)


class SharedClaims(Protocol):
    """The claims shared by all workers. The future raises PreemptionError if they are not reachable."""

    def claim(self, run_id: str, machines: Iterable[ManagedObject], seconds: float) -> Future[ClaimedVms]: ...

    def release(self, run_id: str) -> None: ...


class Claims:
    """Which run holds which VM. Thread-safe, one object per worker. shared: None if no claims are shared."""

    def __init__(self, shared: SharedClaims | None = None) -> None:
        self._shared = shared
        self._lock = threading.Lock()
        self._holder: dict[ManagedObject, str] = {}
        self._asked: dict[str, Future[ClaimedVms]] = {}

    def take(self, vm: ManagedObject, run_id: str) -> bool:
        """Claim the VM for the run; False if another run holds it. PreemptionError if claims are not reachable."""
        asked = self._asked.get(run_id)
        if asked is not None and vm not in asked.result().machines:
            return False
        with self._lock:
            return self._holder.setdefault(vm, run_id) == run_id

    def had_another_since(self, vm: ManagedObject, run_id: str, looked: float) -> bool:
        """Whether another run may have changed the VM after it was read at that time (monotonic clock)."""
        asked = self._asked.get(run_id)
        if asked is None:
            return False
        granted = asked.result()
        return vm in granted.lately and granted.at - granted.lately[vm] >= looked

    @contextmanager
    def of_run(self, run_id: str, machines: Iterable[ManagedObject] = (), seconds: float = 0.0) -> Iterator[None]:
        """Release the run's claims after this block. seconds: when they expire in any case."""
        if self._shared is not None:
            self._asked[run_id] = self._shared.claim(run_id, machines, seconds)
        try:
            yield
        finally:
            with self._lock:
                self._holder = {vm: holder for vm, holder in self._holder.items() if holder != run_id}
            self._asked.pop(run_id, None)
            if self._shared is not None:
                self._shared.release(run_id)
