# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill switch, for activities that plan. Activities that stop VMs pass the gate, which checks more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from temporalio.client import Client

from vsphere_preemption.temporal.kill_switch import KillSwitch, read_kill_switch
from vsphere_preemption.temporal.preemptions import is_known
from vsphere_preemption.temporal.run_control import Attempt, RunControl, read_restore_control, read_run_control

# Who paused preemption and why; empty where nobody did. PreemptionError where nobody can tell.
PauseQuery = Callable[[], str]


class KillSwitchClient:
    """Ask the kill switch of a task queue; the answer contains who paused it, and is empty if it is not paused."""

    def __init__(self, client: Client, task_queue: str, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._task_queue = task_queue
        self._loop = loop

    def __call__(self) -> str:
        question = asyncio.run_coroutine_threadsafe(read_kill_switch(self._client, self._task_queue), self._loop)
        switch: KillSwitch = question.result()
        return str(switch) if switch.paused else ""

    def of_run(self, attempt: Attempt) -> RunControl:
        """The same, and whether the attempt's run was cancelled or another attempt has taken over."""
        question = read_run_control(self._client, self._task_queue, attempt)
        return asyncio.run_coroutine_threadsafe(question, self._loop).result()

    def of_restore(self, attempt: Attempt) -> RunControl:
        """The same for the attempt of a restore, which a cancellation only ends after the current batch."""
        question = read_restore_control(self._client, self._task_queue, attempt)
        return asyncio.run_coroutine_threadsafe(question, self._loop).result()


@dataclass(frozen=True)
class PreemptionLookup:
    """Finds a preemption by its id."""

    client: Client
    loop: asyncio.AbstractEventLoop

    def __call__(self, preemption_id: str, workflow_id: str) -> bool:
        """Whether Temporal has it. Raises WorkflowNotFound if the id belongs to something else, TemporalError."""
        looked = is_known(self.client, preemption_id, workflow_id=workflow_id)
        return asyncio.run_coroutine_threadsafe(looked, self.loop).result()
