# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules as users run them: the `ansible` commands, a collection found by its name, a real Temporal server.

The worker here has the real workflows; what it would do in vCenter is scripted, so that each outcome can be had.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from temporalio.worker import Worker
from unit.worker.world import Script

from support.ansible import Ansible
from support.temporal import TemporalServer
from vsphere_preemption_worker.service.registry import sandboxed_runner
from vsphere_preemption_worker.workflows.dispatcher import PreemptVMsWorkflow
from vsphere_preemption_worker.workflows.run import PreemptionRun

START_SECONDS = 20.0


@pytest.fixture
def ansible(tmp_path: Path, temporal: TemporalServer, task_queue: str, workflow_id: str) -> Ansible:
    """The ansible commands, with the collection and a Temporal server of the test's own workflow id and task queue."""
    return Ansible(
        tmp_path,
        {"TEMPORAL_ADDRESS": temporal.address, "TEMPORAL_TASKQUEUE": task_queue},
        workflow_id=workflow_id,
    )


@pytest.fixture
def nameless(tmp_path: Path, temporal: TemporalServer, task_queue: str) -> Ansible:
    """As `ansible`, for modules that are about no workflow."""
    folder = tmp_path / "nameless"
    folder.mkdir()
    return Ansible(folder, {"TEMPORAL_ADDRESS": temporal.address, "TEMPORAL_TASKQUEUE": task_queue})


@pytest.fixture
def work(temporal: TemporalServer, task_queue: str) -> Iterator[Callable[[Script], None]]:
    """Start the worker with a script."""
    with _stack() as running:

        def start(script: Script) -> None:
            running.append(_ScriptedWorker(temporal, task_queue, script))

        yield start


@contextmanager
def _stack() -> Iterator[list[_ScriptedWorker]]:
    running: list[_ScriptedWorker] = []
    try:
        yield running
    finally:
        for worker in running:
            worker.stop()


class _ScriptedWorker:
    """A worker in a thread, because the test itself waits for commands."""

    def __init__(self, temporal: TemporalServer, queue: str, script: Script) -> None:
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._run(temporal, queue, script),), daemon=True
        )
        self._thread.start()
        if not self._started.wait(START_SECONDS):
            raise RuntimeError("the scripted worker did not start")

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(START_SECONDS)

    async def _run(self, temporal: TemporalServer, queue: str, script: Script) -> None:
        async with Worker(
            await temporal.client(),
            task_queue=queue,
            workflows=[PreemptVMsWorkflow, PreemptionRun],
            activities=script.activities(),
            workflow_runner=sandboxed_runner(),
        ):
            self._started.set()
            await self._ended.wait()
