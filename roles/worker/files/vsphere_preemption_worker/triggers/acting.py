# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand on to Temporal what an alarm asks for. All of it may be done twice without harm."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from temporalio.client import Client

from vsphere_preemption.core.alarm import AlarmEvent
from vsphere_preemption.core.alarm_requests import request_for, workflow_id_for
from vsphere_preemption.core.event import TriggerEvent
from vsphere_preemption.core.policy.alarm_rule import AlarmRule, WhenGreen
from vsphere_preemption.core.reasons import RunReason
from vsphere_preemption.temporal.asking import Accepted, cancel_workflow, signal_request
from vsphere_preemption.temporal.raising import calm, raise_later
from vsphere_preemption.temporal.restoring import start_restore_when_green

from ..restore_messages import RestoreInput

log = logging.getLogger(__name__)

CANCEL_SECONDS = 30.0


@dataclass(frozen=True)
class Acting:
    """For the workflows of one task queue. Errors are those of `temporal.asking`."""

    client: Client
    task_queue: str

    async def ask(self, rule: AlarmRule, alarm: AlarmEvent, event: TriggerEvent) -> Accepted | None:
        """Ask for a preemption; Temporal has the request when this returns. None where the colour asks for nothing.

        The same event again is the same request.
        """
        request = request_for(rule, alarm, event)
        if request is None:
            return None
        accepted = await signal_request(
            self.client, request, workflow_id=workflow_id_for(alarm, self.task_queue), task_queue=self.task_queue
        )
        log.info(
            "an alarm asks for a preemption",
            extra={**_named(rule, alarm), "criticality": request.criticality.value, "event_id": event.id},
        )
        return accepted

    async def ask_later(self, rule: AlarmRule, alarm: AlarmEvent, event: TriggerEvent) -> None:
        """Ask once the alarm has had its colour for the rule's raise delay, unless it is calmed before.

        Temporal has it when this returns. For an alarm whose colour asks for something.
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
        log.info("an alarm will ask for a preemption", extra=told)

    async def calm(self, alarm: AlarmEvent, *colours: str) -> bool:
        """The alarm does not have these colours any more: whether somebody waited for it to last."""
        workflow_id = workflow_id_for(alarm, self.task_queue)
        waited = [await calm(self.client, workflow_id, colour) for colour in colours]
        return any(waited)

    async def end(self, rule: AlarmRule, alarm: AlarmEvent) -> bool:
        """The alarm is over: do what its rule says, to the workflow of this alarm and scope alone.

        Whether that was anything: a rule may want nothing, and there may be no run to cancel.
        """
        log.info("an alarm is over", extra={**_named(rule, alarm), "when_green": rule.when_green.value})
        if rule.when_green is WhenGreen.CANCEL:
            cancelled = await cancel_workflow(
                self.client, workflow_id_for(alarm, self.task_queue), wait=False, timeout_seconds=CANCEL_SECONDS
            )
            return cancelled.was_running
        if rule.when_green is WhenGreen.RESTORE:
            await self._restore(rule, alarm)
        return rule.when_green is WhenGreen.RESTORE

    async def _restore(self, rule: AlarmRule, alarm: AlarmEvent) -> None:
        """Start the restore, which waits until the alarm was green for the hold time; or leave it to one that waits."""
        workflow_id = workflow_id_for(alarm, self.task_queue)
        order = RestoreInput(
            workflow_id=workflow_id,
            tag=rule.tag,
            reason=RunReason.PRESSURE_GONE.value,
            reply_to=rule.reply_to,
            alarm=alarm,
            wait_for_green=True,
            by_rule=True,
            policy_name=rule.policy,
        )
        await start_restore_when_green(self.client, workflow_id, order.as_wire(), task_queue=self.task_queue)


def _named(rule: AlarmRule, alarm: AlarmEvent) -> dict[str, str]:
    place = alarm.compute_resource
    told = {"rule": rule.name, "alarm": alarm.name, "colour": alarm.to_colour}
    return {**told, "cluster": alarm.compute_resource_name, "place": place.value if place else ""}
