# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting in a workflow that may be cancelled at any time, without losing the awaited result.

If a cancellation and the awaited result arrive together, a plain `await` discards the result. Here the condition is
checked again after a cancellation, which is remembered and passed on once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow

# A run that started before this patch may have discarded a result that arrived with the cancellation.
RESULT_FIRST = "result-before-cancel"

Result = TypeVar("Result")


class CancellationGuard:
    """Waits for conditions in one workflow. cancelled: whether the workflow was cancelled."""

    def __init__(self) -> None:
        self.cancelled = False

    async def wait_until(self, condition: Callable[[], bool], *, on_cancel: Callable[[], object] | None = None) -> None:
        """Wait until the condition holds, even after a cancellation.

        on_cancel: called when a cancellation arrives; immediately if one has arrived before.
        """
        if self.cancelled and on_cancel and not condition():
            on_cancel()
        while not condition():
            try:
                await workflow.wait_condition(condition)
            except asyncio.CancelledError:
                self.cancelled = True
                if on_cancel and not (workflow.patched(RESULT_FIRST) and await self._has_come_too(condition)):
                    on_cancel()

    async def _has_come_too(self, condition: Callable[[], bool]) -> bool:
        """Whether the awaited result arrived in the same task as the cancellation; cancelling now would discard it."""
        # Conditions are evaluated after everything that has arrived was processed.
        await workflow.wait_condition(lambda: True)
        return condition()

    async def complete(self, operation: Coroutine[Any, Any, Result], *, patch: str) -> Result:
        """The result of a short operation on the server, such as a signal, which a cancellation does not interrupt.

        The SDK takes in a cancellation that arrives meanwhile, and cancels the operation in place of the workflow.
        patch: an execution that came here before this patch repeats that.
        """
        task = asyncio.create_task(operation)
        while not task.done():
            try:
                await workflow.wait_condition(task.done)
            except asyncio.CancelledError:
                if workflow.patched(patch):
                    self.cancelled = True
                else:
                    task.cancel()
        return await task

    async def wait_up_to(self, seconds: float, condition: Callable[[], bool]) -> bool:
        """Wait until the condition holds, the time is up or a cancellation arrives; return whether it holds."""
        if seconds > 0 and not self.cancelled and not condition():
            try:
                await workflow.wait_condition(condition, timeout=timedelta(seconds=seconds))
            except asyncio.CancelledError:
                self.cancelled = True
            except TimeoutError:
                return condition()
        return condition()

    async def yield_to_server(self) -> None:
        """Let the server deliver events that it buffered while a local activity was running, such as a cancellation."""
        try:
            await workflow.sleep(0.001)
        except asyncio.CancelledError:
            self.cancelled = True
