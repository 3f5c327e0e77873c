# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflows and activities that this worker registers with Temporal, and the sandbox in which workflows run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from temporalio.client import Client
from temporalio.worker.workflow_sandbox import SandboxRestrictions

from vsphere_preemption.core.policy.model import PolicySet
from vsphere_preemption.events.sink import Sink
from vsphere_preemption.vcenter.client import VCenter

from ..activities.alarm_watch import AlarmWatch
from ..activities.announce import Announcer
from ..activities.plan_victims import PlanVictims
from ..activities.pressure import Pressure
from ..activities.restore.activities import GiveBack, PlanRestore, TellRestored
from ..activities.settle import SettleMarks
from ..activities.signal_dispatcher import DispatcherSignal
from ..activities.stop.activity import StopVictims
from ..activities.support.claims import Claims, ClaimsClient
from ..activities.support.kill_switch import KillSwitchClient, PreemptionLookup
from ..triggers.alarm_actions import AlarmActions
from ..workflows.alarm_watch import PreemptionAlarmWatch
from ..workflows.claims import PreemptionClaims
from ..workflows.dispatcher import PreemptVMsWorkflow
from ..workflows.kill_switch import PreemptionSwitch
from ..workflows.restore import PreemptionRestore
from ..workflows.run import PreemptionRun
from ..workflows.scheduled import PreemptionRaise, PreemptionScheduled
from .checked_start import CheckedRunner
from .policies import Policies
from .settings import WorkerSettings

# Values of the library are passed through unchanged. Type hints of their fields are resolved through sys.modules, so it
# is not enough to pass the modules through where a workflow imports them.
_PASSED_THROUGH = (
    "vsphere_preemption",
    "vsphere_preemption_worker.messages",
)


def sandboxed_runner() -> CheckedRunner:
    """The runner for `Worker(workflow_runner=…)` and `Replayer(workflow_runner=…)`."""
    return CheckedRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*_PASSED_THROUGH))


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
class ActivityDependencies:
    """The dependencies of the activities. Created in the event loop."""

    settings: WorkerSettings
    client: Client
    vcenter: VCenter
    sink: Sink
    policies: Policies
    claims: ClaimsClient


def activities(dependencies: ActivityDependencies) -> list[Callable[..., Any]]:
    """All activities."""
    now, temporal, vcenter = partial(datetime.now, UTC), dependencies.settings.temporal, dependencies.vcenter
    queue, claims = dependencies.settings.task_queue, Claims(dependencies.claims)

    def policies() -> PolicySet:
        return dependencies.policies.current

    loop = asyncio.get_running_loop()
    paused, lookup = KillSwitchClient(dependencies.client, queue, loop), PreemptionLookup(dependencies.client, loop)
    announcer = Announcer(dependencies.sink, vcenter, address=temporal.address, namespace=temporal.namespace)
    actions, source = AlarmActions(dependencies.client, queue), dependencies.settings.vcenter.endpoint.event_source
    return [
        PlanVictims(vcenter, policies, paused, now).plan,
        StopVictims(vcenter, claims, paused.of_run, now).stop,
        SettleMarks(vcenter, now).settle,
        Pressure(vcenter, paused).look,
        announcer.announce,
        announcer.give_notice,
        announcer.tell,
        PlanRestore(vcenter, policies, paused, lookup, now).plan,
        GiveBack(vcenter, policies, claims, paused.of_restore, now).give_back,
        TellRestored(dependencies.sink, address=temporal.address, namespace=temporal.namespace).tell,
        AlarmWatch(vcenter, policies, actions, source=source, now=now).watch,
        DispatcherSignal(dependencies.client, queue).ask,
    ]
