# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests a preemption after an alarm has lasted for a time. It is cancelled when the alarm is cleared.

It is used for senders that report a change once and keep no state; the alarm watch handles such delays by itself.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core.contract import RAISE_WORKFLOW_TYPE

    from ..messages.scheduled import ASK, AskInput, RaiseInput
    from .activity_calls import RETRY

ONE_ATTEMPT = timedelta(seconds=30)


@workflow.defn(name=RAISE_WORKFLOW_TYPE)
class PreemptionRaise:
    """The result is the execution run ID of the workflow that received the request."""

    @workflow.run
    async def run(self, input: RaiseInput) -> str:
        await workflow.sleep(timedelta(seconds=input.delay_seconds))
        run_id: str = await workflow.execute_activity(
            ASK,
            AskInput(input.workflow_id, input.request),
            result_type=str,
            start_to_close_timeout=ONE_ATTEMPT,
            retry_policy=RETRY,
            summary=f"Request a preemption from {input.workflow_id}",
        )
        return run_id
