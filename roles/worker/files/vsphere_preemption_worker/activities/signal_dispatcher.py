# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passes a request of a workflow to the dispatcher. It is idempotent, because the event identifies the request."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from vsphere_preemption.core.errors import PreemptionError
from vsphere_preemption.core.requests.request import read_request
from vsphere_preemption.temporal.dispatcher import signal_request

from ..messages.scheduled import ASK, AskInput


@dataclass(frozen=True)
class DispatcherSignal:
    """The activity for the workflows of one task queue."""

    client: Client
    task_queue: str

    @activity.defn(name=ASK)
    async def ask(self, input: AskInput) -> str:
        """Signal the dispatcher, and start it if it is not running; return its execution run ID.

        A signal from a workflow could not start it, and it could not be started as a child while it is running.
        """
        try:
            accepted = await signal_request(
                self.client, read_request(input.request), workflow_id=input.workflow_id, task_queue=self.task_queue
            )
        except PreemptionError as error:
            raise ApplicationError(str(error), type=error.code, non_retryable=not error.retryable) from error
        return accepted.execution_run_id
