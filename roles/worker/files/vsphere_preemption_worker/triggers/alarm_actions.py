# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out the actions of an alarm rule in Temporal. All of them are idempotent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client

from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.errors import WorkflowNotFound
from vsphere_preemption.core.event import TriggerEvent
from vsphere_preemption.core.policy.alarm_rule import AlarmRule, WhenGreen
from vsphere_preemption.core.reasons import RunReason
from vsphere_preemption.core.requests.alarm_requests import request_for, workflow_id_for
from vsphere_preemption.temporal.alarm_workflows import calm, end_runs, raise_later
from vsphere_preemption.temporal.dispatcher import Accepted, read_requests, signal_request
from vsphere_preemption.temporal.kill_switch import read_kill_switch
from vsphere_preemption.temporal.restores import start_restore_when_green

from ..messages.restore import RestoreInput

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """outcome: of a request (`RunRecord.brief`); None if it is not on record. is_open: it may still get one."""

    outcome: Mapping[str, Any] | None
    is_open: bool


@dataclass(frozen=True)
class AlarmActions:
    """The actions for the workflows of one task queue. Raises the errors of `temporal.asking`."""

    client: Client
    task_queue: str

    async def ask(self, rule: AlarmRule, alarm: AlarmEvent, event: TriggerEvent) -> Accepted | None:
        """Request a preemption; Temporal has stored it when this returns. None if the colour needs no request.

        The same event results in the same request.
        """
        request = request_for(rule, alarm, event)
        if request is None:
            return None
        accepted = await signal_request(
            self.client, request, workflow_id=workflow_id_for(alarm, self.task_queue), task_queue=self.task_queue
        )
        log.info(
            "alarm requests a preemption",
            extra={**_named(rule, alarm), "criticality": request.criticality.value, "event_id": event.id},
        )
        return accepted

    async def is_paused(self) -> bool:
        """Whether preemption is paused."""
        return (await read_kill_switch(self.client, self.task_queue)).paused

    async def answer(self, alarm: AlarmEvent, event_id: str) -> Answer:
        """What became of a request."""
        try:
            seen = await read_requests(self.client, workflow_id_for(alarm, self.task_queue))
        except WorkflowNotFound:
            return Answer(None, is_open=False)
        outcomes = [brief for brief in seen["recent"] if brief["event"]["id"] == event_id]
        # A worker that was replaced may have sent the same request once more.
        first = next((brief for brief in outcomes if brief["reason"] != RunReason.SAME_EVENT), None)
        return Answer(first, is_open=first is None and bool(seen["waiting"] or seen["atWork"]))

    async def ask_later(self, rule: AlarmRule, alarm: AlarmEvent, event: TriggerEvent) -> None:
        """Request a preemption after the rule's raise delay, unless the alarm loses its colour before.

        Temporal has stored it when this returns. Nothing is done if the colour needs no request.
        """
        request = request_for(rule, alarm, event)
        if request is None:
            return
        await raise_later(
            self.client,
            request,
            workflow_id=workflow_id_for(alarm, self.task_queue),
            colour=alarm.to_colour,
            delay_seconds=rule.raise_delay_seconds,
            task_queue=self.task_queue,
        )
        told = {**_named(rule, alarm), "seconds": rule.raise_delay_seconds, "event_id": event.id}
        log.info("alarm will request a preemption after its raise delay", extra=told)

    async def calm(self, alarm: AlarmEvent, *colours: str) -> bool:
        """Cancel the raise delays for these colours, which the alarm no longer has; return whether there were any."""
        workflow_id = workflow_id_for(alarm, self.task_queue)
        waited = [await calm(self.client, workflow_id, colour) for colour in colours]
        return any(waited)

    async def end(self, rule: AlarmRule, alarm: AlarmEvent) -> bool:
        """The alarm is cleared: apply the rule's action to the workflow of this alarm and scope only.

        Return whether there was an action: a rule may have none, and there may be no run to cancel.
        """
        log.info("alarm is cleared", extra={**_named(rule, alarm), "when_green": rule.when_green.value})
        if rule.when_green is WhenGreen.CANCEL:
            return await end_runs(self.client, workflow_id_for(alarm, self.task_queue))
        if rule.when_green is WhenGreen.RESTORE:
            await self._restore(rule, alarm)
        return rule.when_green is WhenGreen.RESTORE

    async def _restore(self, rule: AlarmRule, alarm: AlarmEvent) -> None:
        """Start the restore, which waits until the alarm has been green for the hold time, or join a waiting one."""
        workflow_id = workflow_id_for(alarm, self.task_queue)
        input = RestoreInput(
            workflow_id=workflow_id,
            tag=rule.tag,
            reason=RunReason.PRESSURE_GONE.value,
            reply_to=rule.reply_to,
            alarm=alarm,
            wait_for_green=True,
            by_rule=True,
            policy_name=rule.policy,
        )
        await start_restore_when_green(self.client, workflow_id, input.as_wire(), task_queue=self.task_queue)


def _named(rule: AlarmRule, alarm: AlarmEvent) -> dict[str, str]:
    place = alarm.compute_resource
    told = {"rule": rule.name, "alarm": alarm.name, "colour": alarm.to_colour}
    return {**told, "cluster": alarm.compute_resource_name, "place": place.value if place else ""}
