# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The claims shared by all workers, for activities, which run in threads, with a client in the event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from concurrent.futures import Future

from temporalio.client import Client

from vsphere_preemption.core.errors import PreemptionError
from vsphere_preemption.core.inventory import VIRTUAL_MACHINE, ManagedObject
from vsphere_preemption.temporal.claims import claim, release

from ..activities.support.claims import ClaimedVms

log = logging.getLogger(__name__)

CLOSE_SECONDS = 3.0


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
