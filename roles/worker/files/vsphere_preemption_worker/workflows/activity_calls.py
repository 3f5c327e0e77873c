# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting activities, each with its timeouts, and waiting for them even after a cancellation.

Activities are limited by time, not by a number of attempts: two rolling restarts of a worker take three attempts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError
from temporalio.workflow import ActivityCancellationType, ActivityHandle

with workflow.unsafe.imports_passed_through():
    from ..messages.run import PLAN, STOP, PlanInput, PlanResult
    from .cancellation import CancellationGuard
    from .failures import is_final

Result = TypeVar("Result")

HEARTBEAT = timedelta(seconds=5)
ONE_ATTEMPT = timedelta(minutes=5)
PLAN_AT_ONCE_WITHIN = timedelta(minutes=1)
LONG_PLAN_SECONDS = 1.5
PLAN_WITHIN = timedelta(minutes=10)
RETRY = RetryPolicy(initial_interval=timedelta(seconds=0.5), maximum_interval=timedelta(seconds=10))


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
