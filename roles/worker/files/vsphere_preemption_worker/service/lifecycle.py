# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifecycle of the worker: connect, run, and shut down gracefully.

Temporal may start after the worker, so the connection is retried; vCenter may be unreachable at any time, so it only
affects readiness. Permanent errors (a missing namespace, a rejected key) end the startup immediately.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError
from temporalio.worker import Worker

from vsphere_preemption.core.environment import Address
from vsphere_preemption.core.errors import InvalidSetting, PreemptionError, TemporalUnreachable
from vsphere_preemption.core.policy.alarm_rule import AlarmRule
from vsphere_preemption.events.sink import Sink
from vsphere_preemption.temporal.connection import check_namespace
from vsphere_preemption.vcenter.client import VCenter

from ..activities.support.claims import ClaimsClient
from .health import HealthServer
from .notify import ServiceManager
from .policies import Policies
from .registry import WORKFLOWS, ActivityDependencies, activities, sandboxed_runner
from .settings import WorkerSettings
from .triggers import triggered

CallObserver = Callable[[str, float, str | None], None]


def make_runtime(address: Address | None) -> Runtime:
    """The SDK's runtime; with an address, it serves its own metrics and ours there."""
    if address is None:
        return Runtime(telemetry=TelemetryConfig())
    prometheus = PrometheusConfig(
        bind_address=str(address), counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
    )
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=prometheus))
    except (RuntimeError, ValueError) as error:
        raise InvalidSetting(
            f"Cannot serve metrics on {address}",
            why=str(error),
            next_step="Set PREEMPTION_METRICS_ADDRESS to a free IP address and port of this host.",
        ) from error


def observe_calls(runtime: Runtime) -> CallObserver:
    """Count the calls to vCenter and their errors by method, and measure their duration."""
    meter = runtime.metric_meter
    calls = meter.create_counter("preemption_vcenter_calls", "Calls to vCenter by method.")
    errors = meter.create_counter("preemption_vcenter_errors", "Failed calls to vCenter by method and error code.")
    seconds = meter.create_histogram_float("preemption_vcenter_call_seconds", "Time of a call to vCenter.")

    def observe(method: str, took: float, error_code: str | None) -> None:
        calls.add(1, {"method": method})
        seconds.record(took, {"method": method})
        if error_code:
            errors.add(1, {"method": method, "error_code": error_code})

    return observe


ACTIVITIES_AT_ONCE = 20
DRAIN = timedelta(seconds=10)
HEARTBEAT_EVERY = timedelta(seconds=1)
# How long workflow tasks wait for the worker that has the workflow in its cache, before any worker may take them.
BELIEVED_DEAD = timedelta(seconds=2)
# A workflow takes 50 to 90 KiB, and senders of events can start as many as there are cluster names. A workflow that is
# not cached is replayed from its history when it is needed.
WORKFLOWS_KEPT = 100
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 10.0
SESSION_BELIEVED_SECONDS = 10.0

log = logging.getLogger(__name__)


class Service:
    """One worker process."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._stop = asyncio.Event()
        self._client: Client | None = None
        self._polling = False
        self._session_checked = float("-inf")
        self._runtime = make_runtime(settings.metrics)
        observe = observe_calls(self._runtime)
        self._vcenter = VCenter(settings.vcenter, settings.credentials, observe=observe)
        self._sink = Sink(settings.sink)
        self._policies = Policies(settings.policy_file, settings.base_policy)
        self._manager = ServiceManager(settings.notify)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT. Raises PreemptionError if that is not possible."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._begin_to_stop)
        # In a thread, because reading a large file takes about a second.
        loop.add_signal_handler(signal.SIGHUP, loop.run_in_executor, None, self._reload)
        health = HealthServer(self._settings.health, self._readiness, loop) if self._settings.health else None
        companions = [
            asyncio.create_task(self._log_in()),
            asyncio.create_task(self._manager.accompany(self._readiness, lambda: self._polling)),
        ]
        try:
            self._client = await self._connect(self._runtime)
            if self._client:
                await check_namespace(self._client)
                await self._work(self._client)
        finally:
            for companion in companions:
                companion.cancel()
            if health:
                health.close()
            await asyncio.to_thread(self._vcenter.close)

    def _begin_to_stop(self) -> None:
        self._manager.stopping()
        self._stop.set()

    def _reload(self) -> None:
        self._manager.reloading()
        taken = False
        try:
            taken = self._policies.reload()
        finally:
            self._manager.reloaded(taken=taken)

    async def _connect(self, runtime: Runtime) -> Client | None:
        """Connect to Temporal, retrying indefinitely; None if the worker is stopped before that."""
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            try:
                return await self._settings.temporal.connect(runtime=runtime)
            except TemporalUnreachable as error:
                log.warning("waiting for Temporal", extra={"error": str(error), "next_try_seconds": pause})
            await self._pause(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        return None

    async def _work(self, client: Client) -> None:
        settings = self._settings
        shared = ClaimsClient(client, settings.task_queue, asyncio.get_running_loop())
        with ThreadPoolExecutor(ACTIVITIES_AT_ONCE, "activity") as threads:
            worker = Worker(
                client,
                task_queue=settings.task_queue,
                workflows=WORKFLOWS,
                activities=activities(
                    ActivityDependencies(settings, client, self._vcenter, self._sink, self._policies, shared)
                ),
                activity_executor=threads,
                workflow_runner=sandboxed_runner(),
                max_cached_workflows=WORKFLOWS_KEPT,
                max_concurrent_activities=ACTIVITIES_AT_ONCE,
                graceful_shutdown_timeout=DRAIN,
                max_heartbeat_throttle_interval=HEARTBEAT_EVERY,
                default_heartbeat_throttle_interval=HEARTBEAT_EVERY,
                sticky_queue_schedule_to_start_timeout=BELIEVED_DEAD,
            )
            async with worker, triggered(settings, client, self._vcenter, self._alarm_rules, self._runtime):
                self._polling = True
                log.info("worker is polling", extra={"task_queue": settings.task_queue})
                # After startup, which it would slow down, and before the first event, which it would delay.
                await asyncio.to_thread(self._sink.prepare)
                await self._stop.wait()
                self._polling = False
                log.info("worker is draining", extra={"at_most_seconds": DRAIN.total_seconds()})
            await shared.close()

    def _alarm_rules(self) -> Sequence[AlarmRule]:
        return self._policies.current.alarms

    async def _log_in(self) -> None:
        """Open the vCenter session before the first request needs it."""
        trouble = await self._vcenter_trouble()
        if trouble:
            log.warning("vCenter is not reachable yet", extra={"error": trouble})

    async def _readiness(self) -> Mapping[str, str]:
        temporal, vcenter = await asyncio.gather(self._temporal_trouble(), self._vcenter_trouble())
        return {"temporal": temporal, "vcenter": vcenter, "worker": "" if self._polling else "not polling"}

    async def _temporal_trouble(self) -> str:
        if self._client is None:
            return "not connected yet"
        try:
            await self._client.service_client.check_health(timeout=timedelta(seconds=2))
        except RPCError as error:
            return error.message or "no response"
        return ""

    async def _vcenter_trouble(self) -> str:
        if time.monotonic() - self._session_checked < SESSION_BELIEVED_SECONDS:
            return ""
        try:
            await asyncio.to_thread(self._vcenter.check)
        except PreemptionError as error:
            return str(error)
        self._session_checked = time.monotonic()
        return ""

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return
