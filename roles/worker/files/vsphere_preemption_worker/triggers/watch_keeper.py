# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the alarm watch running as long as this worker has alarm rules."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from temporalio.client import Client

from vsphere_preemption.core.errors import PreemptionError
from vsphere_preemption.temporal.alarm_workflows import start_watch

log = logging.getLogger(__name__)

ASK_EVERY_SECONDS = 30.0
NOTICE_EVERY_SECONDS = 1.0


async def keep_watch(client: Client, task_queue: str, wanted: Callable[[], bool]) -> None:
    """Start the watch if it is not running, repeatedly, until this is cancelled.

    wanted: whether there are rules, which may change at any time.
    """
    asked, trouble = float("-inf"), ""
    while True:
        if wanted() and time.monotonic() >= asked + ASK_EVERY_SECONDS:
            try:
                await start_watch(client, task_queue)
                asked, trouble = time.monotonic(), ""
            except PreemptionError as error:
                if trouble != error.code:
                    log.warning("cannot start the alarm watch", extra={"error": str(error)})
                trouble = error.code
        elif not wanted():
            asked = float("-inf")
        await asyncio.sleep(NOTICE_EVERY_SECONDS)
