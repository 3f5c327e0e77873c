# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alarm watch: one long-running activity, started again and again, on one worker at a time.

The workflow only ensures that a single worker watches the alarms.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core.contract import WATCH_WORKFLOW_TYPE

    from ..messages.run import WATCH, WatchState

# After this time without a heartbeat, another worker takes over.
HEARTBEAT = timedelta(seconds=5)
LONGEST_SHIFT = timedelta(hours=1)
SHIFTS = 100
RETRY = RetryPolicy(initial_interval=timedelta(seconds=0.5), maximum_interval=timedelta(seconds=5))


@workflow.defn(name=WATCH_WORKFLOW_TYPE)
class PreemptionAlarmWatch:
    """Runs as long as alarms are watched; cancelling it ends the watch."""

    @workflow.run
    async def run(self, known: WatchState) -> None:
        for _shift in range(SHIFTS):
            known = await workflow.execute_activity(
                WATCH,
                known,
                result_type=WatchState,
                start_to_close_timeout=LONGEST_SHIFT,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RETRY,
                summary="Check vCenter's alarms every second",
            )
        workflow.continue_as_new(known)
