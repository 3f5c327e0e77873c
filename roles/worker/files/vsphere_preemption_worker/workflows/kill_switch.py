# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill switch. Preemption is paused while this workflow is running; it has no other function."""

from __future__ import annotations

import asyncio

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core.contract import SWITCH_WORKFLOW_TYPE


@workflow.defn(name=SWITCH_WORKFLOW_TYPE)
class PreemptionSwitch:
    """Runs until preemption is resumed, by cancelling or terminating the workflow, or until it times out."""

    @workflow.run
    async def run(self) -> None:
        try:
            await workflow.wait_condition(lambda: False)
        except asyncio.CancelledError:
            return
