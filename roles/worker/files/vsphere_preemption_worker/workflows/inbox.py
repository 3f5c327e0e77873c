# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signals of a workflow, stored as they arrive and taken a few per workflow task.

Thousands may have gathered while no worker was running, and all of them arrive in one workflow task. The SDK gives up
a task that takes two seconds, and Temporal repeats it indefinitely. Storing a signal takes a tenth of the time that it
takes to read it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from temporalio import workflow
from temporalio.common import RawValue

# A small request takes about 0.4 ms, on a busy machine several times as long.
PER_TASK = 200
BYTES_PER_TASK = 1024 * 1024
# Any timer ends the workflow task.
NEXT_TASK_SECONDS = 0.001


@dataclass(frozen=True)
class StoredSignal:
    """received: time in the wire format."""

    name: str
    payloads: Sequence[RawValue]
    received: str

    @cached_property
    def size(self) -> int:
        return sum(len(raw.payload.data) for raw in self.payloads)


class Inbox:
    """take: called once for each signal, in the order of arrival. It must not raise."""

    def __init__(self, take: Callable[[StoredSignal], None]) -> None:
        self._take = take
        self._waiting: deque[StoredSignal] = deque()
        self._taken = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def store(self, signal: StoredSignal) -> None:
        self._waiting.append(signal)

    async def work(self) -> None:
        """Take signals as long as the workflow runs. It is a task of its own: a run may be active for hours."""
        while True:
            await workflow.wait_condition(lambda: bool(self._waiting))
            self._take_some()
            if self._waiting:
                await workflow.sleep(NEXT_TASK_SECONDS)

    async def taken_so_far(self) -> None:
        """Wait until all signals that have arrived until now are taken."""
        wanted = self._taken + len(self._waiting)
        await workflow.wait_condition(lambda: self._taken >= wanted)

    def _take_some(self) -> None:
        number = size = 0
        while self._waiting and number < PER_TASK and size < BYTES_PER_TASK:
            signal = self._waiting.popleft()
            self._take(signal)
            number, size = number + 1, size + signal.size
            self._taken += 1
