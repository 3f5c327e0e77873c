# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims: a VM belongs to one run at a time, in this worker and in all others of the task queue.

Marks in vCenter also separate runs, but not if both write one at the same time. The shared claim is requested while the
run reads its victims from vCenter. A VM that another run has just released must be read again, because that run may
have changed it since.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from temporalio.client import Client

from vsphere_preemption.core.errors import PreemptionError
from vsphere_preemption.core.inventory import VIRTUAL_MACHINE, ManagedObject
from vsphere_preemption.temporal.claims import claim, release

log = logging.getLogger(__name__)

CLOSE_SECONDS = 3.0


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


class ClaimsClient:
    """Access to the workflow that keeps the claims of a task queue."""

    def __init__(self, client: Client, task_queue: str, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._task_queue = task_queue
        self._loop = loop
        self._releasing: set[asyncio.Task[None]] = set()

    def claim(self, run_id: str, machines: Iterable[ManagedObject], seconds: float) -> Future[ClaimedVms]:
        """Claim VMs for a run; the result is in the future."""
        vms = [machine.value for machine in machines]
        return asyncio.run_coroutine_threadsafe(self._claim(run_id, vms, seconds), self._loop)

    def release(self, run_id: str) -> None:
        """Release all VMs of the run, without waiting, because claims also expire."""
        self._loop.call_soon_threadsafe(self._begin_to_release, run_id)

    async def close(self) -> None:
        """Wait up to CLOSE_SECONDS until all releases have been sent."""
        if self._releasing:
            await asyncio.wait(self._releasing, timeout=CLOSE_SECONDS)

    def _begin_to_release(self, run_id: str) -> None:
        releasing = self._loop.create_task(self._release(run_id))
        self._releasing.add(releasing)
        releasing.add_done_callback(self._releasing.discard)

    async def _claim(self, run_id: str, vms: list[str], seconds: float) -> ClaimedVms:
        grant = await claim(self._client, self._task_queue, run_id=run_id, vms=vms, seconds=seconds)
        lately = {_machine(vm): seconds for vm, seconds in grant.lately.items()}
        return ClaimedVms(frozenset(map(_machine, grant.vms)), time.monotonic(), lately)

    async def _release(self, run_id: str) -> None:
        try:
            await release(self._client, self._task_queue, run_id=run_id)
        except PreemptionError as error:
            log.info("cannot release claims; they will expire", extra={"run_id": run_id, "error": str(error)})


def _machine(ref: str) -> ManagedObject:
    return ManagedObject(VIRTUAL_MACHINE, ref)
