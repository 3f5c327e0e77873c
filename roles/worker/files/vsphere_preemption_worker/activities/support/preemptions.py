# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which preemptions Temporal has: asked by activities, which are threads, of a client that lives in the event loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from temporalio.client import Client

from vsphere_preemption.temporal.preemptions import is_known


@dataclass(frozen=True)
class PreemptionLookup:
    """Finds a preemption by its id."""

    client: Client
    loop: asyncio.AbstractEventLoop

    def __call__(self, preemption_id: str, workflow_id: str) -> bool:
        """Whether Temporal has it. Raises WorkflowNotFound if the id belongs to something else, TemporalError."""
        looked = is_known(self.client, preemption_id, workflow_id=workflow_id)
        return asyncio.run_coroutine_threadsafe(looked, self.loop).result()
