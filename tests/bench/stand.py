# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of one scenario, and one round on them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from support.sink import Sink
from support.temporal import TemporalServer
from support.vcenter_proxy import VCenterProxy
from support.vcsim import WORKER_USER, VCSim
from support.waiting import wait_until
from support.witness import Witness
from support.worker import WorkerProcess

from . import request
from .measures import CallCount, Round
from .models import model_folder
from .scenarios import Scenario

CATEGORY, TAG = "preemption", "preemptible"
ROUND_SECONDS = 300
READY_POLL_SECONDS = 0.005
# Temporal's server reads the queue of a shard twenty times a second, and more often after a rest. Rounds in close order
# use that up, and then wait 50 ms again and again.
REST_SECONDS = 2.0


class RoundFailed(RuntimeError):
    """A round did not stop what it should have stopped; its times mean nothing."""


class Stand:
    """vCenter with the scenario's VMs, all tagged and on, a sink and a worker.

    through_proxy: the worker comes by way of the proxy, which delays (where the scenario says so) and counts its calls.
    """

    def __init__(self, scenario: Scenario, temporal: TemporalServer, vcsim: VCSim, folder: Path) -> None:
        self._scenario = scenario
        self._temporal = temporal
        self._vcsim = vcsim
        self._folder = folder
        self._sink = Sink()
        self._proxy = VCenterProxy(vcsim, delay_seconds=scenario.call_ms / 1000).start()
        self._refs: list[str] = []
        self._witness: Witness = vcsim.witness()

    def prepare(self) -> None:
        """Make the tags."""
        govc = self._vcsim.govc()
        for number in range(self._scenario.other_tags):
            govc.create_tag("other", f"other-{number:03}")
        tag_id = govc.create_tag(CATEGORY, TAG)
        self._refs = sorted(self._witness.refs().values())[: self._scenario.machines]
        self._witness.attach_tag(tag_id, self._refs)

    def close(self) -> None:
        """End what the stand started."""
        self._witness.close()
        self._proxy.close()
        self._sink.close()

    @contextlib.contextmanager
    def worker(self, *, through_proxy: bool, max_vms: int | None = None) -> Iterator[WorkerProcess]:
        """A running worker."""
        way = self._proxy if through_proxy else self._vcsim
        worker = WorkerProcess(
            self._folder / f"worker-{time.monotonic_ns()}",
            temporal_address=self._temporal.address,
            vcenter=way.client_environment(),
            settings={"PREEMPTION_MAX_VMS": str(max_vms or self._scenario.machines)},
        ).start()
        try:
            yield worker
        finally:
            worker.stop()

    async def round(self, worker: WorkerProcess) -> Round:
        """One preemption of all VMs, which are powered on again afterwards."""
        client = await self._temporal.client()
        already = len(self._sink.deliveries)
        with self._witness.watching_shutdowns(["VmPoweredOffEvent"]) as watch:
            sent = await self._send()
            announced = self._sink.wait_for(already + 1, ROUND_SECONDS)[already].received
            await request.finish(client, sent)
            off = watch.powered_off(WORKER_USER)
        if set(off) != set(self._refs):
            raise RoundFailed(f"{len(off)} VMs went off instead of {len(self._refs)}; log: {worker.process.log_file}")
        began = await request.accepted_at(client, sent)
        resident = worker.process.resident_mib()
        await request.terminate(client, sent)
        self._witness.power_on(self._refs)
        await asyncio.sleep(REST_SECONDS)
        return Round(len(off), min(off.values()) - began, max(off.values()) - began, announced - began, resident)

    async def counted_round(self, worker: WorkerProcess) -> CallCount:
        """A round whose vCenter calls are counted; the worker must come through the proxy."""
        self._proxy.calls.clear()
        measured = await self.round(worker)
        calls = self._proxy.calls
        return CallCount(measured.stopped, dict(calls.counts()), calls.most_at_once())

    async def plan_time(self) -> float:
        """Seconds that planning takes, in a run that stops one VM."""
        client = await self._temporal.client()
        sent = await self._send()
        self._sink.wait_for(1, ROUND_SECONDS)
        seconds = await request.plan_seconds(client, await request.finish(client, sent))
        await request.terminate(client, sent)
        return seconds

    async def _send(self) -> request.Sent:
        client = await self._temporal.client()
        tag = f"{CATEGORY}/{TAG}"
        return await request.send(client, task_queue="vsphere-preemption", tag=tag, reply_to=self._sink.url)


@contextlib.contextmanager
def stand(scenario: Scenario, temporal: TemporalServer, folder: Path) -> Iterator[Stand]:
    """A prepared stand for the scenario."""
    vcsim = VCSim(folder / "vcsim", load=model_folder(scenario.machines), delays_ms={"PowerOff": scenario.task_ms})
    vcsim.start()
    try:
        with contextlib.closing(Stand(scenario, temporal, vcsim, folder)) as ready:
            ready.prepare()
            yield ready
    finally:
        vcsim.stop()


def start_up(temporal: TemporalServer, vcsim: VCSim, folder: Path) -> tuple[float, float]:
    """Seconds from the start of the process to its readiness, and its memory then in MiB."""
    worker = WorkerProcess(folder, temporal_address=temporal.address, vcenter=vcsim.client_environment())
    began = time.monotonic()
    worker.start(wait=False)
    try:
        wait_until(worker.is_ready, 30, "the worker to be ready", poll_seconds=READY_POLL_SECONDS)
        return time.monotonic() - began, worker.process.resident_mib()
    finally:
        worker.stop()
