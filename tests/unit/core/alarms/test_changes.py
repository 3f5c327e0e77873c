# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every change of an alarm is told once, whether vCenter's log or its list shows it."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from vsphere_preemption.core.alarm_event import AlarmEvent, read_alarm
from vsphere_preemption.core.alarms.change_wire import change_as_event, read_reported, reported_as_wire
from vsphere_preemption.core.alarms.changes import Change, Changes
from vsphere_preemption.core.alarms.observation import AlarmSnapshot, AlarmState
from vsphere_preemption.core.event import read_event
from vsphere_preemption.core.inventory import ManagedObject

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
MEMORY, C0 = ManagedObject("Alarm", "alarm-1"), ManagedObject("ClusterComputeResource", "domain-c1")
H1, H2 = "host-1", "host-2"

Seen = tuple[str, str, float]


def sighting(host: str, colour: str, at: float, *, name: str = "memory") -> AlarmState:
    entity = ManagedObject("HostSystem", host)
    alarm = AlarmEvent(name, MEMORY, entity, C0, to_colour=colour, compute_resource_name="C0")
    return AlarmState(alarm, START + timedelta(seconds=at))


class Story:
    """Looks, one after the other. Each listener is a new one, which knows what the one before it has kept."""

    def __init__(self) -> None:
        self.changes = Changes(wanted)

    def at(
        self, seconds: float, listed: tuple[Seen, ...] = (), logged: tuple[Seen, ...] = (), *, gap: bool = False
    ) -> list[str]:
        look = AlarmSnapshot(tuple(sighting(*seen) for seen in listed), tuple(sighting(*seen) for seen in logged), gap)
        reported = self.changes.take(look, START + timedelta(seconds=seconds))
        kept = read_reported(json.loads(json.dumps(reported_as_wire(self.changes.reported))))
        assert kept == self.changes.reported
        return [name_of(change) for change in reported]


def wanted(name: str) -> bool:
    return name == "memory"


def name_of(change: Change) -> str:
    """Such as `host-1 green>red log, cluster green>red`."""
    alarm = change.alarm
    entity = alarm.entity.value if alarm.entity else ""
    seen_in = "log" if change.by_log else "list"
    return f"{entity} {alarm.to_colour} by {seen_in}, cluster {change.worst_before}>{change.worst}"


def test_what_the_log_tells_is_not_told_again_by_the_list() -> None:
    story = Story()
    assert story.at(1, logged=((H1, "red", 0),)) == ["host-1 red by log, cluster green>red"]
    for second in (2, 3, 4):
        assert story.at(second, listed=((H1, "red", 0.5),)) == []


def test_what_the_list_shows_is_told_with_the_second_look_and_the_log_does_not_repeat_it() -> None:
    story = Story()
    assert story.at(1, listed=((H1, "red", 0),)) == []
    assert story.at(2, listed=((H1, "red", 0),)) == ["host-1 red by list, cluster green>red"]
    assert story.at(3, listed=((H1, "red", 0),), logged=((H1, "red", 0.2),)) == []
    assert story.at(4, listed=((H1, "red", 0),)) == []


def test_the_log_has_the_word_where_it_is_one_look_behind_the_list() -> None:
    story = Story()
    assert story.at(1, listed=((H1, "red", 0),)) == []
    assert story.at(2, listed=((H1, "red", 0),), logged=((H1, "red", 0.2),)) == ["host-1 red by log, cluster green>red"]
    assert story.at(3, listed=((H1, "red", 0),)) == []


def test_the_end_that_only_the_list_shows_is_told_with_the_second_look() -> None:
    story = Story()
    story.at(1, listed=((H1, "red", 0),), logged=((H1, "red", 0),))
    assert story.at(2) == []
    assert story.at(3) == ["host-1 green by list, cluster red>green"]
    assert story.at(4, logged=((H1, "green", 2.5),)) == []
    assert story.at(500) == []
    assert story.changes.reported == {}


def test_a_new_firing_with_the_same_colour_is_a_change() -> None:
    story = Story()
    story.at(1, listed=((H1, "red", 0),), logged=((H1, "red", 0),))
    assert story.at(60, listed=((H1, "red", 50),)) == []
    assert story.at(61, listed=((H1, "red", 50),)) == ["host-1 red by list, cluster red>red"]


def test_the_cluster_has_the_worst_colour_of_its_objects() -> None:
    story = Story()
    assert story.at(1, logged=((H1, "yellow", 0), (H2, "red", 0.1))) == [
        "host-1 yellow by log, cluster green>yellow",
        "host-2 red by log, cluster yellow>red",
    ]
    assert story.at(2, logged=((H1, "green", 1),)) == ["host-1 green by log, cluster red>red"]
    assert story.at(3, logged=((H2, "green", 2),)) == ["host-2 green by log, cluster red>green"]


def test_a_change_that_comes_late_is_told_but_things_stand_as_they_stood() -> None:
    story = Story()
    story.at(101, listed=((H1, "red", 100),))
    assert story.at(102, listed=((H1, "red", 100),)) == ["host-1 red by list, cluster green>red"]
    late = ((H1, "red", 1), (H1, "green", 50), (H1, "red", 100))
    assert story.at(103, listed=((H1, "red", 100),), logged=late) == [
        "host-1 red by log, cluster red>red",
        "host-1 green by log, cluster red>red",
    ]
    assert story.at(104, listed=((H1, "red", 100),)) == []


def test_what_the_list_never_shows_is_over_after_a_quarter_of_an_hour() -> None:
    story = Story()
    story.at(1, logged=((H1, "red", 0),))
    assert story.at(899) == []
    assert story.at(900) == []
    assert story.at(901) == ["host-1 green by list, cluster red>green"]


def test_behind_a_gap_in_the_log_the_list_is_believed_at_once() -> None:
    story = Story()
    story.at(1, logged=((H1, "red", 0),))
    assert story.at(2, gap=True) == ["host-1 green by list, cluster red>green"]


def test_a_storm_in_one_look_is_told_in_order() -> None:
    logged = tuple((H1, colour, number / 10) for number, colour in enumerate(["yellow", "red", "green"] * 40))
    reported = Story().at(20, logged=logged)
    assert [text.split()[1] for text in reported] == [colour for _host, colour, _at in logged]


def test_an_event_that_does_not_name_its_object_is_told_as_it_is() -> None:
    bare = replace(sighting(H1, "red", 0), alarm=replace(sighting(H1, "red", 0).alarm, entity=None))
    changes = Changes(wanted)
    assert [change.worst for change in changes.take(AlarmSnapshot(changes=(bare,)), START)] == ["red"]
    assert changes.reported == {}


def test_alarms_that_nobody_wants_are_left_out() -> None:
    look = AlarmSnapshot(changes=(sighting(H1, "red", 0, name="cpu"),))
    assert Changes(wanted).take(look, START) == []


@pytest.mark.parametrize("colours", [*itertools.product(["green", "yellow", "red"], repeat=3)], ids="-".join)
def test_whatever_happens_the_last_word_is_what_the_list_shows(colours: tuple[str, ...]) -> None:
    """The log has holes: of three changes it tells the second alone."""
    story, last = Story(), "green"
    for number, colour in enumerate(colours):
        listed = ((H1, colour, number * 10.0),) if colour != "green" else ()
        logged = listed if number == 1 else ()
        for look in range(3):
            for text in story.at(number * 10 + look + 1, listed, logged if look == 0 else ()):
                last = text.split()[1]
        assert last == colour


def test_the_event_has_no_braces_in_it_and_reads_as_the_alarm_that_it_is() -> None:
    alarm = replace(sighting(H1, "red", 0).alarm, name="{{ lookup('pipe', 'x') }}", compute_resource_name="{% x %}")
    event = change_as_event(Change(alarm, START, "green", "red"), "https://vc.example.com/sdk")
    texts = json.dumps([event["data"], event["preemption_alarm"]["name"], event["preemption_alarm"]["cluster_name"]])
    assert "{{" not in texts
    assert "{%" not in texts
    assert event["preemption_alarm"]["name"] == "(( lookup('pipe', 'x') ))"
    read = read_alarm(read_event(event))
    assert read is not None
    assert (read.entity, read.compute_resource, read.to_colour) == (alarm.entity, C0, "red")
    assert event["id"] == "alarm-1.host-1.red.2026-11-24T12:00:00Z"


@pytest.mark.parametrize("kept", [None, 3, {}, ["x"], [{}], [{"alarm": 3, "since": "", "listed": None, "ahead": 1}]])
def test_what_another_version_has_kept_counts_as_nothing(kept: object) -> None:
    assert read_reported(kept) == {}
