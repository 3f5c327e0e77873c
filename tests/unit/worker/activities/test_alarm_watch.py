# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alarm watch: alarms that cannot be acted on hold up no other, and what keeps firing is asked for again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from vsphere_preemption.core import times
from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.alarms.active_alarm import AlarmSnapshot, AlarmState
from vsphere_preemption.core.alarms.tracker import AlarmTracker
from vsphere_preemption.core.alarms.wire import read_tracker, tracker_as_wire
from vsphere_preemption.core.errors import TemporalUnreachable
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.policy.alarm_rule import AlarmRule
from vsphere_preemption.core.policy.model import PolicySet
from vsphere_preemption_worker.activities.alarm_watch import AlarmWatch, WatchSession
from vsphere_preemption_worker.triggers.alarm_actions import Answer

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RULE = AlarmRule("memory", ("memory",), "preemptible")


def fires_on(cluster: str) -> AlarmState:
    place = ManagedObject("ClusterComputeResource", cluster)
    alarm = ManagedObject("Alarm", "alarm-1")
    return AlarmState(AlarmEvent("memory", alarm, place, place, to_colour="red", compute_resource_name=cluster), NOW)


@dataclass
class Tail:
    """vCenter's alarms, as they are at every look."""

    clusters: tuple[str, ...]
    mark: list[list[str]] = field(default_factory=list)

    def look(self) -> AlarmSnapshot:
        return AlarmSnapshot(firing=tuple(fires_on(cluster) for cluster in self.clusters))

    def forget_names(self) -> None:
        """Nothing is cached."""


@dataclass
class Actions:
    """Accepts requests for one cluster only, and answers for the other when it is told to."""

    answers: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    refused: int = 0

    async def ask(self, rule: AlarmRule, alarm: AlarmEvent, event: Any) -> None:
        if alarm.compute_resource_name == "refused":
            self.refused += 1
            await self.answers.wait()
            raise TemporalUnreachable("Cannot send the request", why="it is refused", next_step="Try again.")
        self.asked.append(alarm.compute_resource_name)
        self.answers.set()


@dataclass
class Answers:
    """Accepts every request, and answers what became of the last one."""

    outcome: dict[str, Any] | None = None
    is_open: bool = False
    paused: bool = False
    asked: list[str] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)

    async def ask(self, rule: AlarmRule, alarm: AlarmEvent, event: Any) -> None:
        self.asked.append(event.id)

    async def answer(self, alarm: AlarmEvent, event_id: str) -> Answer:
        self.looks.append(event_id)
        return Answer(self.outcome, self.is_open)

    async def is_paused(self) -> bool:
        return self.paused

    async def end(self, rule: AlarmRule, alarm: AlarmEvent) -> None:
        """The alarm is over."""


def outcome(ended: str, reason: str, seconds_ago: float) -> dict[str, Any]:
    return {"outcome": ended, "reason": reason, "finished": times.to_wire(NOW - timedelta(seconds=seconds_ago))}


RED = "alarm-1.prod-1.red.2026-11-24T12:00:00Z"


@pytest.mark.parametrize(
    ("answers", "again"),
    [
        (Answers(outcome("skipped", "paused", 1)), True),
        (Answers(outcome("skipped", "paused", 1), paused=True), False),
        (Answers(outcome("skipped", "outside_time_windows", 1)), True),
        (Answers(outcome("done", "", 299)), False),
        (Answers(outcome("done", "", 301)), True),
        (Answers(outcome("skipped", "within_rerun_window", 121)), True),
        (Answers(outcome("skipped", "cancelled", 1e6)), False),
        (Answers(None, is_open=True), False),
    ],
)
def test_what_keeps_firing_is_asked_for_again_as_its_last_outcome_calls_for(answers: Answers, again: bool) -> None:
    async def story() -> None:
        session = WatchSession(AlarmTracker(), Tail(("prod-1",)))  # type: ignore[arg-type]
        watch = a_watch(answers)
        await watch._look(session)
        await watch._repeat(session)
        assert answers.asked == [RED, f"{RED}/2"][: 2 if again else 1]
        # Another worker goes on counting.
        session.tracker = read_tracker(json.loads(json.dumps(tracker_as_wire(session.tracker))))
        await watch._look(session)
        await watch._repeat(session)
        assert answers.asked == [RED, f"{RED}/2", f"{RED}/3"][: 3 if again else 1]
        assert answers.looks[0] == RED

    asyncio.run(ActivityEnvironment().run(story))


def test_an_alarm_that_lost_its_colour_meanwhile_is_not_asked_for_again() -> None:
    async def story() -> None:
        answers, tail = Answers(outcome("skipped", "paused", 1)), Tail(("prod-1",))
        session = WatchSession(AlarmTracker(), tail)  # type: ignore[arg-type]
        watch = a_watch(answers)
        await watch._look(session)
        [(last, step)] = session.tracker.repeats([RULE])
        tail.clusters = ()
        await watch._look(session)
        await watch._repeat_one(session, last, step)
        assert answers.asked == [RED]

    asyncio.run(ActivityEnvironment().run(story))


def test_a_rule_may_ask_only_once() -> None:
    async def story() -> None:
        answers = Answers(outcome("skipped", "paused", 1))
        session = WatchSession(AlarmTracker(), Tail(("prod-1",)))  # type: ignore[arg-type]
        watch = a_watch(answers, replace(RULE, repeat_after_seconds=0.0))
        await watch._look(session)
        await watch._repeat(session)
        assert (answers.asked, answers.looks) == ([RED], [])

    asyncio.run(ActivityEnvironment().run(story))


def a_watch(actions: object, rule: AlarmRule = RULE) -> AlarmWatch:
    policies = PolicySet(alarms=(rule,))
    return AlarmWatch(None, lambda: policies, actions, source="https://vc/sdk", now=lambda: NOW)  # type: ignore[arg-type]


def test_an_alarm_that_cannot_be_acted_on_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        actions = Actions()
        session = WatchSession(AlarmTracker(), Tail(("refused", "accepted")))  # type: ignore[arg-type]
        # The one that is refused comes first, and is answered only after the other one was accepted.
        await asyncio.wait_for(a_watch(actions)._look(session), 10)
        assert actions.asked == ["accepted"]
        # Too early to ask for the refused one again; the other one is done.
        await a_watch(actions)._look(session)
        assert (actions.asked, actions.refused) == (["accepted"], 1)
        [warning] = [one for one in caplog.records if one.message == "cannot act on an alarm"]
        assert vars(warning)["cluster"] == "refused"
        # It stays due, also for a worker that takes over.
        assert {key[1].value for key, scope in session.tracker.scopes.items() if scope.asked == "green"} == {"refused"}

    asyncio.run(ActivityEnvironment().run(story))
