# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of requests from alarms: the alarm watch, and the webhook if it is enabled."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

from temporalio.client import Client
from temporalio.runtime import Runtime

from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.errors import MissingLibrary, VCenterObjectGone
from vsphere_preemption.core.policy.alarm_rule import AlarmRule
from vsphere_preemption.vcenter.client import VCenter

from ..activities.pressure import alarm_colour
from ..triggers.alarm_actions import AlarmActions
from ..triggers.watch_keeper import keep_watch
from .settings import WorkerSettings

Rules = Callable[[], Sequence[AlarmRule]]

log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def triggered(
    settings: WorkerSettings, client: Client, vcenter: VCenter, rules: Rules, runtime: Runtime
) -> AsyncIterator[None]:
    """Create requests from alarms while this context is open. rules: returns the current rules."""
    watch = asyncio.create_task(
        keep_watch(client, settings.task_queue, lambda: settings.watch_alarms and bool(rules()))
    )
    try:
        async with _webhook(settings, client, vcenter, rules, runtime):
            yield
    finally:
        watch.cancel()


@contextlib.asynccontextmanager
async def _webhook(
    settings: WorkerSettings, client: Client, vcenter: VCenter, rules: Rules, runtime: Runtime
) -> AsyncIterator[None]:
    if settings.webhook is None:
        yield
        return
    try:
        # Imported here, because the library takes 10 MiB, which a worker without a webhook saves.
        from ..triggers.webhook.server import Webhook
    except ImportError as error:
        raise MissingLibrary(
            "Cannot serve the webhook",
            why=str(error),
            next_step="Install the Python packages aiohttp and cloudevents, or unset PREEMPTION_WEBHOOK_ADDRESS.",
        ) from error
    source = settings.vcenter.endpoint.event_source
    acting, colour_of = AlarmActions(client, settings.task_queue), partial(_colour, vcenter)
    webhook = Webhook(settings.webhook, rules, acting, colour_of, source=source, runtime=runtime)
    if not rules():
        log.warning("the policy file has no alarm rules, so the webhook ignores all events")
    try:
        yield
    finally:
        await webhook.close()


def _colour(vcenter: VCenter, alarm: AlarmEvent) -> str:
    """The current colour of an alarm; green if its object no longer exists."""
    try:
        return alarm_colour(vcenter, alarm)
    except VCenterObjectGone:
        return "green"
