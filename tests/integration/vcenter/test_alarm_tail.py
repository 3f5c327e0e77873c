# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at the alarms of the simulator again and again: what fires, what has changed, how many calls that takes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator

import pytest

from support.alarms import AlarmDesk
from support.govc import Govc
from support.vcsim import VCSim
from vsphere_preemption.core.alarms.observation import AlarmSnapshot
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.vcenter.alarms.tail import AlarmTail
from vsphere_preemption.vcenter.client import VCenter

from .conftest import Clients

MEMORY = "Host memory"
LOOK = ["RetrievePropertiesEx"]


@pytest.fixture
def desk(vcsim: VCSim) -> Iterator[AlarmDesk]:
    with contextlib.closing(vcsim.witness()) as witness:
        yield AlarmDesk(witness)


@pytest.fixture
def client(vcsim: VCSim, clients: Clients) -> VCenter:
    return clients.open(vcsim)


@pytest.fixture
def tail(client: VCenter) -> Iterator[AlarmTail]:
    tail = AlarmTail(client.soap, wanted)
    tail.look()
    yield tail
    tail.close()


def wanted(name: str) -> bool:
    return name == MEMORY


@pytest.fixture
def ref(govc: Govc) -> Callable[[str], ManagedObject]:
    """The reference of an object, by its inventory path."""
    return lambda path: ManagedObject(*govc.run("find", "-i", path, "-maxdepth", "0").strip().split(":", 1))


def shown(look: AlarmSnapshot) -> list[tuple[str, str, str, str]]:
    """Name, object, compute resource by name and colour of all that fires."""
    return [
        (seen.alarm.name, str(seen.alarm.entity), seen.alarm.compute_resource_name, seen.alarm.to_colour)
        for seen in look.firing
    ]


def changes(look: AlarmSnapshot) -> list[tuple[str, str]]:
    return [(change.alarm.from_colour, change.alarm.to_colour) for change in look.changes]


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("ClusterComputeResource", "/DC0/host/DC0_C1"),
        ("HostSystem", "/DC0/host/DC0_C1/DC0_C1_H0"),
        ("VirtualMachine", "/DC0/vm/DC0_C1_RP0_VM0"),
        ("ResourcePool", "/DC0/host/DC0_C1/Resources"),
    ],
)
def test_what_fires_is_shown_with_its_cluster(
    desk: AlarmDesk, tail: AlarmTail, ref: Callable[[str], ManagedObject], kind: str, path: str
) -> None:
    entity = ref(path)
    desk.define(MEMORY, kind)
    desk.paint(MEMORY, entity, "yellow")
    assert shown(tail.look()) == [(MEMORY, str(entity), "DC0_C1", "yellow")]


def test_an_object_outside_of_all_compute_resources_has_none(
    desk: AlarmDesk, tail: AlarmTail, ref: Callable[[str], ManagedObject]
) -> None:
    desk.define(MEMORY, "Datastore")
    desk.paint(MEMORY, ref("/DC0/datastore/LocalDS_0"), "red")
    (seen,) = tail.look().firing
    assert seen.alarm.compute_resource is None


def test_a_vcenter_at_rest_is_asked_one_thing(
    desk: AlarmDesk, tail: AlarmTail, clients: Clients, ref: Callable[[str], ManagedObject]
) -> None:
    clients.calls()
    tail.look()
    assert clients.calls() == LOOK
    desk.define(MEMORY, "HostSystem")
    desk.define("Host CPU", "HostSystem")
    for name in (MEMORY, "Host CPU"):
        desk.paint(name, ref("/DC0/host/DC0_C0/DC0_C0_H0"), "red")
    assert len(shown(tail.look())) == 1
    assert clients.calls() == LOOK * 4
    assert len(shown(tail.look())) == 1
    assert clients.calls() == LOOK


def test_each_change_is_told_once(desk: AlarmDesk, tail: AlarmTail, ref: Callable[[str], ManagedObject]) -> None:
    cluster, alarm = ref("/DC0/host/DC0_C0"), desk.define(MEMORY, "ClusterComputeResource")
    desk.tell(MEMORY, alarm, cluster, ("green", "yellow"))
    desk.tell(MEMORY, alarm, cluster, ("yellow", "red"))
    look = tail.look()
    assert changes(look) == [("green", "yellow"), ("yellow", "red")]
    assert look.changes[0].alarm.compute_resource == cluster
    assert changes(tail.look()) == []
    desk.tell(MEMORY, alarm, cluster, ("red", "green"))
    assert changes(tail.look()) == [("red", "green")]


@pytest.mark.parametrize("before", [0, 1])
def test_more_changes_than_one_look_shows_are_all_told(
    desk: AlarmDesk, tail: AlarmTail, ref: Callable[[str], ManagedObject], before: int
) -> None:
    cluster, alarm = ref("/DC0/host/DC0_C0"), desk.define(MEMORY, "ClusterComputeResource")
    for _number in range(before):
        desk.tell(MEMORY, alarm, cluster, ("green", "yellow"))
    assert len(tail.look().changes) == before
    for _number in range(120):
        desk.tell(MEMORY, alarm, cluster, ("yellow", "red"))
    look = tail.look()
    assert (len(look.changes), look.gap) == (120, False)
    assert tail.look().changes == ()


def test_the_next_tail_goes_on_where_the_last_one_was(
    desk: AlarmDesk, tail: AlarmTail, client: VCenter, ref: Callable[[str], ManagedObject]
) -> None:
    cluster, alarm = ref("/DC0/host/DC0_C0"), desk.define(MEMORY, "ClusterComputeResource")
    desk.tell(MEMORY, alarm, cluster, ("green", "yellow"))
    tail.look()
    mark = json.loads(json.dumps(tail.mark))
    desk.tell(MEMORY, alarm, cluster, ("yellow", "red"))
    with contextlib.closing(AlarmTail(client.soap, wanted, mark)) as following:
        assert changes(following.look()) == [("yellow", "red")]
    with contextlib.closing(AlarmTail(client.soap, wanted)) as fresh:
        assert changes(fresh.look()) == []


def test_after_a_lost_session_nothing_is_missing_and_nothing_told_twice(
    desk: AlarmDesk, tail: AlarmTail, client: VCenter, ref: Callable[[str], ManagedObject]
) -> None:
    cluster, alarm = ref("/DC0/host/DC0_C0"), desk.define(MEMORY, "ClusterComputeResource")
    desk.tell(MEMORY, alarm, cluster, ("green", "yellow"))
    tail.look()
    assert desk.witness.end_sessions(client.user) == 1
    desk.tell(MEMORY, alarm, cluster, ("yellow", "red"))
    assert changes(tail.look()) == [("yellow", "red")]


def test_a_vcenter_whose_events_are_numbered_anew_is_understood(
    vcsim: VCSim, tail: AlarmTail, desk: AlarmDesk, ref: Callable[[str], ManagedObject]
) -> None:
    cluster = ref("/DC0/host/DC0_C0")
    desk.tell(MEMORY, desk.define(MEMORY, "ClusterComputeResource"), cluster, ("green", "red"))
    assert changes(tail.look()) == [("green", "red")]
    vcsim.restart(keep_state=False)
    with contextlib.closing(vcsim.witness()) as witness:
        other = AlarmDesk(witness)
        other.tell(MEMORY, other.define(MEMORY, "ClusterComputeResource"), cluster, ("green", "yellow"))
        assert changes(tail.look()) == [("green", "yellow")]


def test_a_collector_is_given_back(tail: AlarmTail, client: VCenter, clients: Clients) -> None:
    # vCenter has 32 of them for all.
    for _number in range(40):
        with contextlib.closing(AlarmTail(client.soap, wanted)) as another:
            another.look()
    assert clients.errors() == []
