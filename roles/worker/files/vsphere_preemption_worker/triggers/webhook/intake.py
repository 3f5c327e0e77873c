# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processing of an event according to the alarm rules. Temporal has stored the request before the webhook confirms it.

A repeated event gets the first response, which is remembered here; after a restart, Temporal recognises the request by
its key, so it still results in one run.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any, Protocol

from vsphere_preemption.core.alarm_event import AlarmEvent, read_alarm
from vsphere_preemption.core.errors import InvalidInput, PreemptionError, VCenterError
from vsphere_preemption.core.event import TriggerEvent
from vsphere_preemption.core.policy.alarm_rule import AlarmRule, WhenGreen, rule_for
from vsphere_preemption.core.requests.alarm_requests import request_for, workflow_id_for
from vsphere_preemption.temporal.dispatcher import Accepted

from .answers import Ignored, Memory, Result, WebhookResponse, away, ignored, wrong

RETRY_SECONDS = 5

_CHANGES = re.compile(r"AlarmStatusChangedEvent", re.IGNORECASE)

log = logging.getLogger(__name__)


# Reads the current colour of an alarm from vCenter; blocking. Raises VCenterError.
ColourOf = Callable[[AlarmEvent], str]


class AlarmHandler(Protocol):
    """The interface of `triggers.acting.Acting`."""

    @property
    def task_queue(self) -> str: ...

    async def ask(self, rule: AlarmRule, alarm: AlarmEvent, event: TriggerEvent) -> Accepted | None: ...

    async def ask_later(self, rule: AlarmRule, alarm: AlarmEvent, event: TriggerEvent) -> None: ...

    async def calm(self, alarm: AlarmEvent, *colours: str) -> bool: ...

    async def end(self, rule: AlarmRule, alarm: AlarmEvent) -> bool: ...


class Intake:
    """Processes one event at a time. rules: returns the current rules. sources: patterns for the source; empty for any.

    colour_of: checked before a preemption is ended, because an event may be late, or concern one of several hosts.
    """

    def __init__(
        self,
        rules: Callable[[], Sequence[AlarmRule]],
        acting: AlarmHandler,
        colour_of: ColourOf,
        memory: Memory,
        sources: Sequence[str] = (),
    ) -> None:
        self._rules = rules
        self._acting = acting
        self._colour_of = colour_of
        self._memory = memory
        self._sources = sources

    async def take(self, event: TriggerEvent) -> WebhookResponse:
        """202 when Temporal has stored the request. Errors become responses; only unexpected ones are raised."""
        key = f"event {event.source}\0{event.id}"
        if known := self._memory.find(key):
            return known.again()
        try:
            answer = await self._judge(event)
        except InvalidInput as error:
            return wrong(error.why)
        except PreemptionError as error:
            log.error("cannot process event", extra={"error": str(error), "error_code": error.code})
            who = "vCenter" if isinstance(error, VCenterError) else "Temporal"
            return away(f"{who} is not reachable; send the event again", RETRY_SECONDS)
        if answer.status == 202:
            self._memory.keep(key, answer)
        return answer

    async def _judge(self, event: TriggerEvent) -> WebhookResponse:
        if self._sources and not any(fnmatchcase(event.source, pattern) for pattern in self._sources):
            return ignored(Ignored.OTHER_SOURCE)
        alarm = read_alarm(event)
        if alarm is None:
            return ignored(Ignored.NOT_AN_ALARM)
        if not alarm.name or not alarm.to_colour:
            return _without_change(event)
        rule = rule_for(self._rules(), alarm)
        if rule is None:
            return ignored(Ignored.NO_RULE)
        if alarm.compute_resource is None:
            return ignored(Ignored.NO_COMPUTE_RESOURCE)
        return await self._carry_out(rule, alarm, event)

    async def _carry_out(self, rule: AlarmRule, alarm: AlarmEvent, event: TriggerEvent) -> WebhookResponse:
        match alarm.from_colour, alarm.to_colour:
            case _, "gray":
                return ignored(Ignored.GRAY)
            case _, "green":
                return await self._end(rule, alarm)
            case "red", "yellow":
                return await self._fall(rule, alarm)
        request = request_for(rule, alarm, event)
        if request is None:
            return ignored(Ignored.COLOUR)
        workflow_id, delay = self._workflow_id(alarm), rule.raise_delay_seconds
        body: dict[str, Any] = {"asked": "preempt", "workflowID": workflow_id, "requestKey": request.key}
        if delay:
            await self._acting.ask_later(rule, alarm, event)
            body["afterSeconds"] = delay
        else:
            await self._acting.ask(rule, alarm, event)
        return WebhookResponse(202, body, (Result.ASKED,), note=workflow_id)

    async def _fall(self, rule: AlarmRule, alarm: AlarmEvent) -> WebhookResponse:
        """From red to yellow: no request, but a raise delay for red is cancelled."""
        if rule.raise_delay_seconds and await self._colour(alarm) != "red":
            await self._acting.calm(alarm, "red")
        return ignored(Ignored.FALLING)

    async def _end(self, rule: AlarmRule, alarm: AlarmEvent) -> WebhookResponse:
        nothing = rule.when_green is WhenGreen.NOTHING
        if nothing and not rule.raise_delay_seconds:
            return ignored(Ignored.GREEN)
        if await self._colour(alarm) in ("yellow", "red"):
            return ignored(Ignored.STILL_FIRING)
        calmed = bool(rule.raise_delay_seconds) and await self._acting.calm(alarm, "yellow", "red")
        if nothing:
            return ignored(Ignored.FLAPPED if calmed else Ignored.GREEN)
        if not await self._acting.end(rule, alarm):
            return ignored(Ignored.FLAPPED if calmed else Ignored.NOTHING_TO_CANCEL)
        workflow_id = self._workflow_id(alarm)
        body = {"asked": rule.when_green.value, "workflowID": workflow_id}
        return WebhookResponse(202, body, (Result.ENDED,), note=workflow_id)

    async def _colour(self, alarm: AlarmEvent) -> str:
        return await asyncio.to_thread(self._colour_of, alarm)

    def _workflow_id(self, alarm: AlarmEvent) -> str:
        return workflow_id_for(alarm, self._acting.task_queue)


def _without_change(event: TriggerEvent) -> WebhookResponse:
    """Other alarm events, such as an acknowledgement, have no colours, but a status change must have them."""
    data = event.content.get("data")
    kind = data.get("_vimtype") if isinstance(data, dict) else None
    named = (event.type, event.attributes.get("subject", ""), kind)
    if any(isinstance(name, str) and _CHANGES.search(name) for name in named):
        return wrong("its data is not that of an AlarmStatusChangedEvent: Alarm.Name, From and To are required")
    return ignored(Ignored.NO_CHANGE)
