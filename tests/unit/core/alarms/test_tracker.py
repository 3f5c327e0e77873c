# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What looks at vCenter's alarms make due."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.alarms.observation import AlarmSnapshot, AlarmState
from vsphere_preemption.core.alarms.tracker import (
    AlarmCleared,
    AlarmTracker,
    ChangeIgnored,
    IgnoredReason,
    RequestPreemption,
    Step,
)
from vsphere_preemption.core.alarms.wire import read_tracker, tracker_as_wire
from vsphere_preemption.core.contract import Criticality
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.policy.alarm_rule import AlarmRule

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
MEMORY, C0 = ManagedObject("Alarm", "alarm-1"), ManagedObject("ClusterComputeResource", "domain-c1")
C1 = ManagedObject("ClusterComputeResource", "domain-c2")
RULE = AlarmRule("memory", ("memory",), "preemptible")
H1, H2 = "host-1", "host-2"

Told = tuple[str, str, float]


def sighting(
    host: str, colour: str, at: float, *, name: str = "memory", place: ManagedObject | None = C0
) -> AlarmState:
    entity = ManagedObject("HostSystem", host)
    alarm = AlarmEvent(name, MEMORY, entity, place, to_colour=colour, compute_resource_name="C0")
    return AlarmState(alarm, START + timedelta(seconds=at))


def look(firing: tuple[Told, ...] = (), changes: tuple[Told, ...] = (), *, gap: bool = False) -> AlarmSnapshot:
    """Each is a host, a colour, and since when in seconds."""
    return AlarmSnapshot(tuple(sighting(*told) for told in firing), tuple(sighting(*told) for told in changes), gap)


class Story:
    """Looks, one after the other; every step is carried out at once."""

    def __init__(self, rule: AlarmRule = RULE) -> None:
        self.watch = AlarmTracker()
        self.rule = rule
        self.fails = False

    def at(self, seconds: float, seen: AlarmSnapshot) -> list[str]:
        steps = self.watch.update(seen, [self.rule], START + timedelta(seconds=seconds))
        if not self.fails:
            for step in steps:
                self.watch.confirm(step)
        # Whatever happens, another worker can go on from here.
        self.watch = read_tracker(json.loads(json.dumps(tracker_as_wire(self.watch))))
        return [name(step) for step in steps]


def name(step: Step) -> str:
    match step:
        case RequestPreemption():
            return f"{step.alarm.to_colour} since {(step.since - START).total_seconds():g}"
        case AlarmCleared():
            return "end"
        case ChangeIgnored():
            return step.why.value


RED, YELLOW = (H1, "red", 1.0), (H1, "yellow", 1.0)


@pytest.mark.parametrize("told", [look((RED,)), look((), (RED,)), look((RED,), (RED,))], ids=["list", "log", "both"])
def test_a_raised_alarm_asks_once_however_it_was_told(told: AlarmSnapshot) -> None:
    story = Story()
    assert story.at(1, told) == ["red since 1"]
    assert story.at(2, AlarmSnapshot(told.firing)) == []
    assert story.at(3, look((RED,))) == []


def test_the_list_that_shows_a_change_later_than_the_log_asks_for_nothing_more() -> None:
    story = Story()
    assert story.at(1, look((), ((H1, "red", 1.2),))) == ["red since 1.2"]
    assert story.at(2, look(((H1, "red", 1.0),))) == []
    assert story.at(3, look(((H1, "red", 1.0),), ((H1, "red", 1.2),))) == []
    assert story.at(9, look(((H1, "red", 1.0),), ((H1, "red", 8.0),))) == ["coalesced"]


def test_yellow_and_then_red_asks_twice_and_back_to_yellow_for_nothing() -> None:
    story = Story()
    assert story.at(1, look((YELLOW,))) == ["yellow since 1"]
    assert story.at(2, look(((H1, "red", 2.0),))) == ["red since 2"]
    assert story.at(3, look(((H1, "yellow", 3.0),))) == []
    assert story.at(4, look(((H1, "red", 4.0),))) == ["red since 4"]


def test_hosts_of_one_cluster_ask_once_and_the_worst_colour_counts() -> None:
    story = Story()
    assert story.at(1, look((YELLOW, (H2, "red", 0.5)))) == ["red since 0.5"]
    assert story.at(2, look(((H1, "red", 2.0), (H2, "red", 0.5)), ((H1, "red", 2.0),))) == ["coalesced"]
    assert story.at(3, look(((H1, "red", 2.0),), ((H2, "green", 3.0),))) == []
    assert story.at(4, look((), ((H1, "green", 4.0),))) == ["end"]


def test_clusters_are_apart() -> None:
    watch = AlarmTracker()
    seen = AlarmSnapshot((sighting(H1, "red", 1), sighting(H2, "red", 1, place=C1)))
    assert [name(step) for step in watch.update(seen, [RULE], START)] == ["red since 1"] * 2


def test_an_alarm_that_is_over_ends_once() -> None:
    story = Story()
    story.at(1, look((RED,)))
    assert story.at(2, look()) == ["end"]
    assert story.at(3, look()) == []
    assert story.watch.scopes == {}


def test_a_step_that_failed_is_due_again_with_the_same_name() -> None:
    story = Story()
    story.fails = True
    assert story.at(1, look((RED,))) == ["red since 1"]
    assert story.at(2, look((RED,))) == ["red since 1"]
    story.fails = False
    assert story.at(3, look((RED,))) == ["red since 1"]
    story.fails = True
    assert story.at(4, look()) == ["end"]
    assert story.at(5, look()) == ["end"]


def test_red_that_was_green_in_between_is_a_change_of_its_own() -> None:
    story = Story()
    story.at(1, look((RED,)))
    assert story.at(5, look(((H1, "red", 4.0),))) == ["red since 4"]
    assert story.at(9, look(((H1, "red", 8.0),), ((H1, "green", 7.0), (H1, "red", 8.0)))) == ["red since 8"]


def test_what_was_over_before_anybody_looked_is_on_record() -> None:
    story = Story()
    assert story.at(2, look((), (RED, (H1, "green", 1.5)))) == ["flapped"]
    assert story.at(3, look()) == []


def test_every_change_of_a_storm_is_asked_for_or_on_record() -> None:
    story, raised, accounted, at = Story(), 0, 0, 0.0
    for length in (1, 2, 3, 4, 5, 2, 7, 1, 1, 6):
        changes: list[Told] = []
        for _number in range(length):
            at += 1
            raising = not int(at) % 2
            changes.append((H1, "red" if raising else "green", at))
            raised += raising
        steps = story.at(at, look((), tuple(changes)))
        accounted += sum(step in ("flapped", "coalesced") or step.startswith("red") for step in steps)
    assert accounted == raised == 16


def test_green_before_red_leaves_it_raised() -> None:
    assert Story().at(2, look((), ((H1, "green", 1.0), (H1, "red", 1.1)))) == ["red since 1.1"]


def test_the_raise_delay_waits_and_forgets_what_was_over_meanwhile() -> None:
    story = Story(replace(RULE, raise_delay_seconds=10))
    assert story.at(1, look((RED,))) == []
    assert story.at(10.9, look((RED,))) == []
    assert story.at(11, look((RED,))) == ["red since 1"]
    assert story.at(12, look((), ((H1, "green", 12.0),))) == ["end"]
    assert story.at(20, look(((H1, "red", 20.0),))) == []
    assert story.at(25, look((), ((H1, "green", 25.0),))) == ["flapped"]
    assert story.at(26, look(((H1, "red", 26.0),))) == []
    assert story.at(35, look(((H1, "red", 26.0),))) == []


def test_while_red_waits_for_its_delay_yellow_may_ask() -> None:
    story = Story(replace(RULE, raise_delay_seconds=10))
    assert story.at(0, look((YELLOW,))) == []
    assert story.at(5, look(((H1, "red", 5.0),))) == []
    assert story.at(10, look(((H1, "red", 5.0),))) == ["yellow since 5"]
    assert story.at(15, look(((H1, "red", 5.0),))) == ["red since 5"]


@pytest.mark.parametrize(("colours", "asks"), [({"red": Criticality.HIGH}, []), ({}, [])])
def test_a_colour_without_criticality_asks_for_nothing(colours: Mapping[str, Criticality], asks: list[str]) -> None:
    story = Story(replace(RULE, criticality=colours))
    assert story.at(1, look((YELLOW,), (YELLOW,))) == asks
    assert story.at(2, look()) == []


def test_gray_neither_asks_nor_ends() -> None:
    story = Story()
    assert story.at(1, look(((H1, "gray", 1.0),))) == []
    assert story.at(2, look((RED,))) == ["red since 1"]
    assert story.at(3, look(((H1, "gray", 3.0),))) == []
    assert story.at(4, look()) == ["end"]


def test_an_alarm_without_a_compute_resource_is_on_record_and_asks_for_nothing() -> None:
    watch = AlarmTracker()
    seen = AlarmSnapshot((sighting("h", "red", 1, place=None),), (sighting("h", "red", 1, place=None),))
    assert [name(step) for step in watch.update(seen, [RULE], START)] == [IgnoredReason.NO_COMPUTE_RESOURCE]


def test_other_alarms_are_nobodys_business() -> None:
    watch = AlarmTracker()
    other = (sighting(H1, "red", 1, name="cpu"),)
    assert watch.update(AlarmSnapshot(other, other), [RULE], START) == []
    assert watch.scopes == {}


def test_what_only_the_log_has_told_is_given_up_after_a_gap_or_a_while() -> None:
    for later, seen in ((2, look(gap=True)), (16 * 60, look())):
        story = Story()
        assert story.at(1, look((), (RED,))) == ["red since 1"]
        assert story.at(later, seen) == ["end"]


def test_a_rule_that_is_gone_asks_for_nothing_any_more() -> None:
    story = Story()
    story.at(1, look((RED,)))
    assert story.watch.update(look(), [], START) == []
    assert story.watch.scopes == {}


@pytest.mark.parametrize("raw", [None, {}, [1], [{}], [{"alarm": {}}], "x"])
def test_what_another_version_knew_is_forgotten(raw: object) -> None:
    assert read_tracker(raw).scopes == {}
