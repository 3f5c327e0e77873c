# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look of the alarm watch: what is due for several alarms, of which some cannot be acted on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.alarms.active_alarm import AlarmSnapshot, AlarmState
from vsphere_preemption.core.alarms.tracker import AlarmTracker
from vsphere_preemption.core.errors import TemporalUnreachable
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.policy.alarm_rule import AlarmRule
from vsphere_preemption.core.policy.model import PolicySet
from vsphere_preemption_worker.activities.alarm_watch import AlarmWatch, WatchSession

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RULE = AlarmRule("memory", ("memory",), "preemptible")


def fires_on(cluster: str) -> AlarmState:
    place = ManagedObject("ClusterComputeResource", cluster)
    alarm = ManagedObject("Alarm", "alarm-1")
    return AlarmState(AlarmEvent("memory", alarm, place, place, to_colour="red", compute_resource_name=cluster), NOW)


@dataclass
class Tail:
    """vCenter's alarms, as they are at every look."""

    mark: list[list[str]] = field(default_factory=list)

    def look(self) -> AlarmSnapshot:
        return AlarmSnapshot(firing=(fires_on("refused"), fires_on("accepted")))

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


def a_watch(actions: Actions) -> AlarmWatch:
    policies = PolicySet(alarms=(RULE,))
    return AlarmWatch(None, lambda: policies, actions, source="https://vc/sdk", now=lambda: NOW)  # type: ignore[arg-type]


def test_an_alarm_that_cannot_be_acted_on_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        actions = Actions()
        session = WatchSession(AlarmTracker(), Tail())  # type: ignore[arg-type]
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
