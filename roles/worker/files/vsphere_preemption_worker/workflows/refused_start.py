# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in place of a workflow whose input it cannot take: it fails, with the reason."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core.errors import InvalidRequest


@workflow.defn
class RefusedStart:
    """Never registered: `service/checked_start.py` puts it in place of another workflow."""

    @workflow.run
    async def run(self, why: str) -> None:
        raise ApplicationError(why, type=InvalidRequest.code, non_retryable=True)
