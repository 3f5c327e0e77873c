# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflows and activities that this worker registers with Temporal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from temporalio.client import Client

from vsphere_preemption.core.policy.model import PolicySet
from vsphere_preemption.events.sink import Sink
from vsphere_preemption.vcenter.client import VCenter

from ..activities.announcing import Announcing
from ..activities.claims import Claims
from ..activities.planning import Planning
from ..activities.pressure import Pressure
from ..activities.restoring import GivingBack, RestorePlanning, TellingRestored
from ..activities.settling import Settling
from ..activities.stopping import Stopping
from ..triggers.acting import Acting
from ..triggers.handing import Handing
from ..triggers.watching import Watching
from ..workflows.claims import PreemptionClaims
from ..workflows.dispatcher import PreemptVMsWorkflow
from ..workflows.raising import PreemptionRaise
from ..workflows.restore import PreemptionRestore
from ..workflows.run import PreemptionRun
from ..workflows.scheduled import PreemptionScheduled
from ..workflows.switch import PreemptionSwitch
from ..workflows.watch import PreemptionAlarmWatch
from .claims import SharedClaims
from .policies import Policies
from .preemptions import PreemptionLookup
from .settings import WorkerSettings
from .switch import PauseQuestion

WORKFLOWS: list[type] = [
    PreemptVMsWorkflow,
    PreemptionRun,
    PreemptionRestore,
    PreemptionSwitch,
    PreemptionClaims,
    PreemptionAlarmWatch,
    PreemptionScheduled,
    PreemptionRaise,
]


@dataclass(frozen=True)
class Means:
    """The dependencies of the activities. Created in the event loop."""

    settings: WorkerSettings
    client: Client
    vcenter: VCenter
    sink: Sink
    policies: Policies
    claims: SharedClaims


def activities(means: Means) -> list[Callable[..., Any]]:
    """All activities."""
    now, temporal, vcenter = partial(datetime.now, UTC), means.settings.temporal, means.vcenter
    queue, claims = means.settings.task_queue, Claims(means.claims)

    def policies() -> PolicySet:
        return means.policies.current

    loop = asyncio.get_running_loop()
    paused, lookup = PauseQuestion(means.client, queue, loop), PreemptionLookup(means.client, loop)
    announcing = Announcing(means.sink, vcenter, address=temporal.address, namespace=temporal.namespace)
    acting, source = Acting(means.client, queue), means.settings.vcenter.endpoint.event_source
    return [
        Planning(vcenter, policies, paused, now).plan,
        Stopping(vcenter, claims, paused.of_run, now).stop,
        Settling(vcenter).settle,
        Pressure(vcenter, paused).look,
        announcing.announce,
        announcing.give_notice,
        announcing.tell,
        RestorePlanning(vcenter, policies, paused, lookup, now).plan,
        GivingBack(vcenter, policies, claims, paused, now).give_back,
        TellingRestored(means.sink, address=temporal.address, namespace=temporal.namespace).tell,
        Watching(vcenter, policies, acting, source=source, now=now).watch,
        Handing(means.client, queue).ask,
    ]
