# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting activities, each with its timeouts, and waiting for them even after a cancellation.

Activities are limited by time, not by a number of attempts: two rolling restarts of a worker take three attempts.

A failure is reported by the outermost application error in its chain of causes: that is the one that our code raised,
with what failed, why and what to do. Further in are the errors of libraries, further out the layers of Temporal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.workflow import ActivityCancellationType, ActivityHandle

# A run that started before this patch may have discarded a result that arrived with the cancellation.
RESULT_FIRST = "result-before-cancel"


class CancellationGuard:
    """Waits for conditions in one workflow that may be cancelled at any time, without losing the awaited result.

    If a cancellation and the awaited result arrive together, a plain `await` discards the result. Here the condition is
    checked again after a cancellation, which is remembered and passed on once.
    cancelled: whether the workflow was cancelled.
    """

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


with workflow.unsafe.imports_passed_through():
    from ..messages.run import PLAN, STOP, PlanInput, PlanResult


Result = TypeVar("Result")

HEARTBEAT = timedelta(seconds=5)
ONE_ATTEMPT = timedelta(minutes=5)
PLAN_AT_ONCE_WITHIN = timedelta(minutes=1)
LONG_PLAN_SECONDS = 1.5
PLAN_WITHIN = timedelta(minutes=10)
RETRY = RetryPolicy(initial_interval=timedelta(seconds=0.5), maximum_interval=timedelta(seconds=10))


def failure_message(error: BaseException) -> str:
    """The message of our own error, or of the innermost cause if there is none."""
    ours = _application_error(error)
    text = ours.message if ours else str(list(_causes(error))[-1])
    return text or type(error).__name__


def code_of(error: BaseException) -> str:
    """Our error code; empty if there is none."""
    ours = _application_error(error)
    return (ours.type or "") if ours else ""


def is_final(error: BaseException) -> bool:
    """Whether our error is not retryable."""
    ours = _application_error(error)
    return ours is not None and ours.non_retryable


def _application_error(error: BaseException) -> ApplicationError | None:
    return next((cause for cause in _causes(error) if isinstance(cause, ApplicationError)), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


class ActivityCalls:
    """The activities of one run."""

    def __init__(self, cancellation: CancellationGuard) -> None:
        self._cancellation = cancellation

    async def plan(self, input: PlanInput) -> PlanResult:
        """Plan in a local activity, without a round trip to the server; if vCenter is unreachable, in a normal one."""
        handle = workflow.start_local_activity(
            PLAN,
            input,
            result_type=PlanResult,
            start_to_close_timeout=PLAN_AT_ONCE_WITHIN,
            retry_policy=RetryPolicy(maximum_attempts=1),
        )
        try:
            # A local activity fails with the error itself, not wrapped in an ActivityError.
            await self._cancellation.wait_until(handle.done, on_cancel=handle.cancel)
            planned: PlanResult = await handle
        except FailureError as error:
            if self._cancellation.cancelled or is_final(error):
                raise
            return await self.carry_out(PLAN, input, PlanResult, PLAN_WITHIN, cancel=True)
        if planned.took_seconds > LONG_PLAN_SECONDS:
            await self._cancellation.yield_to_server()
        return planned

    async def carry_out(
        self, name: str, input: object, result: type[Result], within: timedelta, *, cancel: bool = False
    ) -> Result:
        """The activity's result. cancel: whether a cancellation of the run is passed on to the activity."""
        return await self.result_of(self.send(name, input, result, within), cancel=cancel)

    def send(self, name: str, input: object, result: type[Result], within: timedelta) -> ActivityHandle[Result]:
        """Start the activity."""
        return workflow.start_activity(
            name,
            input,
            result_type=result,
            schedule_to_close_timeout=within,
            start_to_close_timeout=within if name == STOP else min(within, ONE_ATTEMPT),
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRY,
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )

    async def result_of(self, handle: ActivityHandle[Result], *, cancel: bool = False) -> Result:
        """Wait for a started activity."""
        pass_on: Callable[[], object] | None = handle.cancel if cancel else None
        await self._cancellation.wait_until(handle.done, on_cancel=pass_on)
        return await handle
