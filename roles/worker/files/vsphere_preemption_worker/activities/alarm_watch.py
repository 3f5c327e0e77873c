# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alarm watch: one worker polls vCenter's alarms every second, and carries out the actions of the rules.

Temporal runs one attempt of this activity at a time, which makes its worker the leader. Its state is in its heartbeat
details, so that the next attempt continues from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from vsphere_preemption.core import times
from vsphere_preemption.core.alarms.repeats import LastRequest, event_id, repeat_at
from vsphere_preemption.core.alarms.tracker import (
    AlarmCleared,
    AlarmTracker,
    ChangeIgnored,
    Key,
    RequestPreemption,
    Step,
    key_of,
)
from vsphere_preemption.core.alarms.wire import read_tracker, tracker_as_wire
from vsphere_preemption.core.errors import PreemptionError
from vsphere_preemption.core.planning.decision import policy_for
from vsphere_preemption.core.policy.model import PolicySet
from vsphere_preemption.core.policy.windows import may_begin
from vsphere_preemption.core.reasons import RunReason
from vsphere_preemption.core.requests.alarm_requests import event_for
from vsphere_preemption.vcenter.alarms.tail import AlarmTail
from vsphere_preemption.vcenter.client import VCenter

from ..messages.run import WATCH, WatchState
from ..triggers.alarm_actions import AlarmActions

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0
BEAT_SECONDS = 0.5
REPEAT_EVERY_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
# The activity ends by itself from time to time, so that its timeout detects an attempt that hangs.
SESSION_SECONDS = 1800.0
NAMES_BELIEVED_SECONDS = 300.0
OTHERS_FIRST = timedelta(seconds=5)


class AlarmWatch:
    """The activity that watches alarms. source: of its events; vCenter's address, in the form that VEBA uses."""

    def __init__(
        self,
        vcenter: VCenter,
        policies: Callable[[], PolicySet],
        actions: AlarmActions,
        *,
        source: str,
        now: Callable[[], datetime],
    ) -> None:
        self._vcenter = vcenter
        self._policies = policies
        self._actions = actions
        self._source = source
        self._now = now

    @activity.defn(name=WATCH)
    async def watch(self, carried: WatchState) -> WatchState:
        """Watch until the shift is over or the worker stops; return the state."""
        if not self._policies().alarms:
            raise ApplicationError(
                "This worker has no alarm rules", type="no_alarm_rules", next_retry_delay=OTHERS_FIRST
            )
        known = _known(carried)
        tail = AlarmTail(self._vcenter.soap, self._is_wanted, known.mark)
        session = WatchSession(read_tracker(known.scopes), tail)
        try:
            async with session.beating():
                await self._watch_until_over(session)
        finally:
            await asyncio.to_thread(tail.close)
        return session.state

    def _is_wanted(self, name: str) -> bool:
        return any(rule.is_named(name) for rule in self._policies().alarms)

    async def _watch_until_over(self, session: WatchSession) -> None:
        pause = 0.0
        repeating = asyncio.create_task(self._repeat_until_cancelled(session))
        try:
            while not session.over and self._policies().alarms and not repeating.done():
                began = time.monotonic()
                try:
                    await self._look(session)
                    pause = session.recovered()
                except PreemptionError as error:
                    pause = session.failed(error, pause)
                await session.rest(max(pause, began + LOOK_EVERY_SECONDS - time.monotonic()))
        finally:
            repeating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await repeating

    async def _repeat_until_cancelled(self, session: WatchSession) -> None:
        """Beside the watch, because the workflows that are asked may take long to answer."""
        while True:
            await asyncio.sleep(REPEAT_EVERY_SECONDS)
            await self._repeat(session)

    async def _repeat(self, session: WatchSession) -> None:
        """Repeat the requests of alarms that still have their colour, where the answers call for that."""
        due = session.tracker.repeats(self._policies().alarms)
        session.forget_repeats({step.event_id for _last, step in due})
        await asyncio.gather(*(self._repeat_one(session, last, step) for last, step in due if session.may_ask(step)))

    async def _repeat_one(self, session: WatchSession, last: LastRequest, step: RequestPreemption) -> None:
        try:
            is_due = await self._is_due(session, last, step)
        except PreemptionError as error:
            session.postpone(step, error)
            return
        # vCenter and the answer were read at different times.
        if is_due and session.tracker.may_repeat(last, step):
            await self._act(session, step)

    async def _is_due(self, session: WatchSession, last: LastRequest, step: RequestPreemption) -> bool:
        answer = await self._actions.answer(step.alarm, event_id(step.alarm, last.since, last.attempt))
        if answer.is_open:
            return False
        at = repeat_at(last, answer.outcome, after_stops=step.rule.repeat_after_seconds)
        if at > self._now().timestamp():
            session.repeat_not_before(step, at - self._now().timestamp())
            return False
        reason = answer.outcome["reason"] if answer.outcome else ""
        if reason == RunReason.OUTSIDE_WINDOWS:
            return may_begin(policy_for(self._policies(), step.alarm).windows, self._now())
        return reason != RunReason.PAUSED or not await self._actions.is_paused()

    async def _look(self, session: WatchSession) -> None:
        look = await asyncio.to_thread(session.look)
        steps = session.tracker.update(look, self._policies().alarms, self._now())
        # At the same time: a workflow that does not accept a request, or only after a while, delays no other one.
        await asyncio.gather(*(self._act(session, step) for step in steps if not session.waits(step)))
        session.keep()

    async def _act(self, session: WatchSession, step: Step) -> None:
        try:
            await self._carry_out(step)
        except PreemptionError as error:
            session.postpone(step, error)
            return
        session.carried_out(step)
        _count(step)

    async def _carry_out(self, step: Step) -> None:
        match step:
            case RequestPreemption():
                await self._actions.ask(step.rule, step.alarm, self._event(step))
            case AlarmCleared():
                await self._actions.end(step.rule, replace(step.alarm, to_colour="green"))
            case ChangeIgnored():
                told = {"rule": step.rule.name, "alarm": step.alarm.name, "colour": step.alarm.to_colour}
                log.info("alarm change needs no action", extra={**told, "reason": step.why.value})

    def _event(self, step: RequestPreemption) -> Any:
        return event_for(step.alarm, source=self._source, id=step.event_id, time=times.to_wire(step.since))


@dataclass(frozen=True)
class Postponed:
    """When a failed step is due again (monotonic clock), the pause until then in seconds, and the code of its error."""

    until: float = 0.0
    pause: float = 0.0
    code: str = ""


class WatchSession:
    """One attempt of the activity: its state and its end."""

    def __init__(self, tracker: AlarmTracker, tail: AlarmTail) -> None:
        self.tracker = tracker
        self.state = WatchState(tracker_as_wire(tracker), tail.mark)
        self._tail = tail
        self._ends = time.monotonic() + SESSION_SECONDS
        self._names_read = time.monotonic()
        self._trouble = "not_looked_yet"
        self._postponed: dict[Key, Postponed] = {}
        self._repeat_from: dict[str, float] = {}

    @property
    def over(self) -> bool:
        return activity.is_worker_shutdown() or time.monotonic() > self._ends

    def look(self) -> Any:
        """Read the alarms. Runs in a thread."""
        if time.monotonic() > self._names_read + NAMES_BELIEVED_SECONDS:
            self._names_read = time.monotonic()
            self._tail.forget_names()
        return self._tail.look()

    def keep(self) -> None:
        """Store the state after all due actions, from which the next attempt continues."""
        self.state = WatchState(tracker_as_wire(self.tracker), self._tail.mark)

    def waits(self, step: Step) -> bool:
        """Whether a step of this alarm failed so recently that it is too early to repeat it."""
        postponed = None if isinstance(step, ChangeIgnored) else self._postponed.get(key_of(step.alarm))
        return postponed is not None and time.monotonic() < postponed.until

    def may_ask(self, step: RequestPreemption) -> bool:
        """Whether it is worth asking what became of the last request."""
        return not self.waits(step) and time.monotonic() >= self._repeat_from.get(step.event_id, 0.0)

    def repeat_not_before(self, step: RequestPreemption, seconds: float) -> None:
        """seconds: after which it may be due, at the earliest; infinite for never."""
        self._repeat_from[step.event_id] = time.monotonic() + seconds

    def forget_repeats(self, but: set[str]) -> None:
        """Forget what is known of requests that will not be made."""
        self._repeat_from = {name: at for name, at in self._repeat_from.items() if name in but}

    def postpone(self, step: Step, error: PreemptionError) -> None:
        """A step has failed; it stays due. A repeated error is logged only once."""
        key = key_of(step.alarm)
        before = self._postponed.get(key, Postponed())
        if before.code != error.code:
            named = {"rule": step.rule.name, "alarm": step.alarm.name, "cluster": step.alarm.compute_resource_name}
            log.warning("cannot act on an alarm", extra={**named, "error": str(error), "error_code": error.code})
        pause = min(max(2 * before.pause, FIRST_PAUSE), LONGEST_PAUSE)
        self._postponed[key] = Postponed(time.monotonic() + pause, pause, error.code)

    def carried_out(self, step: Step) -> None:
        """A step has succeeded."""
        self.tracker.confirm(step)
        if not isinstance(step, ChangeIgnored):
            self._postponed.pop(key_of(step.alarm), None)

    def recovered(self) -> float:
        """Record a successful read; return a pause of zero."""
        if self._trouble:
            log.info("watching alarms", extra={"firing": len(self.tracker.scopes)})
        self._trouble = ""
        return 0.0

    def failed(self, error: PreemptionError, pause: float) -> float:
        """Record a failed read; return how long to wait. A repeated error is logged only once."""
        if self._trouble != error.code:
            log.warning("cannot watch alarms", extra={"error": str(error), "error_code": error.code})
        self._trouble = error.code
        return min(max(2 * pause, FIRST_PAUSE), LONGEST_PAUSE)

    async def rest(self, seconds: float) -> None:
        """Wait for this time, or until the worker stops."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(activity.wait_for_worker_shutdown(), seconds)

    @contextlib.asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Send heartbeats independently of vCenter calls, which have their own time limits."""
        beat = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)

    async def _beat(self) -> None:
        while True:
            activity.heartbeat(self.state)
            await asyncio.sleep(BEAT_SECONDS)


def _known(carried: WatchState) -> WatchState:
    """The state in the last heartbeat of the previous attempt, else the one in the input."""
    details = activity.info().heartbeat_details
    if not details:
        return carried
    last = details[0]
    return WatchState(last.get("scopes"), last.get("mark")) if isinstance(last, dict) else carried


def _count(step: Step) -> None:
    match step:
        case RequestPreemption():
            what = "asked" if step.attempt == 1 else "asked_again"
        case AlarmCleared():
            what = "ended"
        case ChangeIgnored():
            what = step.why.value
    counter = activity.metric_meter().create_counter("preemption_alarm_changes", "Changes of alarms by result.")
    counter.add(1, {"result": what})
