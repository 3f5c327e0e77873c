# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The colour of alarms that the simulator has triggered."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from support.alarms import AlarmDesk
from support.govc import Govc
from support.vcenter_faults import Swallow
from support.vcenter_proxy import VCenterProxy
from support.vcsim import VCSim
from vsphere_preemption.core.errors import VCenterObjectGone, VCenterPermissionDenied
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.vcenter.client import VCenter

from .conftest import TAGGED, Clients

MEMORY, CPU = "Cluster memory", "Cluster CPU"
ROOT = ManagedObject("Folder", "group-d1")
HIDDEN = (
    '<missingSet xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><path>{path}</path>'
    '<fault><fault xsi:type="NoPermission"/><localizedMessage/></fault></missingSet>'
)


@pytest.fixture
def desk(vcsim: VCSim) -> Iterator[AlarmDesk]:
    with contextlib.closing(vcsim.witness()) as witness:
        yield AlarmDesk(witness)


@pytest.fixture
def client(vcsim: VCSim, clients: Clients) -> VCenter:
    return clients.open(vcsim)


@pytest.fixture
def clusters(govc: Govc) -> list[ManagedObject]:
    paths = ("/DC0/host/DC0_C0", "/DC0/host/DC0_C1")
    return [ManagedObject(*govc.run("find", "-i", path, "-maxdepth", "0").strip().split(":", 1)) for path in paths]


def test_an_alarm_changes_its_colour(desk: AlarmDesk, client: VCenter, clusters: list[ManagedObject]) -> None:
    alarm = desk.define(MEMORY, "ClusterComputeResource")
    seen = [client.alarm_colour(clusters[0], alarm)]
    for colour in ("yellow", "red", "yellow", "green"):
        desk.paint(MEMORY, clusters[0], colour)
        seen.append(client.alarm_colour(clusters[0], alarm))
    assert seen == ["green", "yellow", "red", "yellow", "green"]


def test_other_alarms_and_other_objects_do_not_count(
    desk: AlarmDesk, client: VCenter, clusters: list[ManagedObject]
) -> None:
    memory, cpu = (desk.define(name, "ClusterComputeResource") for name in (MEMORY, CPU))
    desk.paint(CPU, clusters[0], "red")
    desk.paint(MEMORY, clusters[1], "yellow")
    assert client.alarm_colour(clusters[0], memory) == client.alarm_colour(clusters[0], name=MEMORY) == "green"
    assert client.alarm_colour(clusters[0], cpu) == client.alarm_colour(clusters[0], name=CPU) == "red"
    assert client.alarm_colour(clusters[1], memory) == client.alarm_colour(clusters[1], name=MEMORY) == "yellow"


def test_the_worst_of_an_object_and_all_below_it_counts(
    desk: AlarmDesk, client: VCenter, refs: list[ManagedObject], govc: Govc, clusters: list[ManagedObject]
) -> None:
    alarm = desk.define("VM memory", "VirtualMachine")
    for vm, colour in zip(refs, ("yellow", "red", "green"), strict=True):
        desk.paint("VM memory", vm, colour)
    below = {TAGGED[0]: "yellow", TAGGED[1]: "red", TAGGED[2]: "green"}
    assert {name: client.alarm_colour(vm, alarm) for name, vm in zip(TAGGED, refs, strict=True)} == below
    assert client.alarm_colour(ROOT, alarm) == "red"


def test_without_an_alarm_any_counts(desk: AlarmDesk, client: VCenter, clusters: list[ManagedObject]) -> None:
    desk.define(MEMORY, "ClusterComputeResource")
    assert client.alarm_colour(clusters[0]) == "green"
    desk.paint(MEMORY, clusters[0], "red")
    assert client.alarm_colour(clusters[0]) == "red"


def test_an_alarm_with_a_reference_takes_one_call_and_one_with_a_name_two(
    desk: AlarmDesk, client: VCenter, clients: Clients, clusters: list[ManagedObject]
) -> None:
    alarm = desk.define(MEMORY, "ClusterComputeResource")
    client.check()
    clients.calls()
    client.alarm_colour(clusters[0], name=MEMORY)
    assert clients.calls() == ["RetrievePropertiesEx"]
    desk.paint(MEMORY, clusters[0], "red")
    client.alarm_colour(clusters[0], alarm, MEMORY)
    assert clients.calls() == ["RetrievePropertiesEx"]
    client.alarm_colour(clusters[0], name=MEMORY)
    assert clients.calls() == ["RetrievePropertiesEx"] * 2


def test_an_object_that_is_gone_is_not_green(client: VCenter) -> None:
    with pytest.raises(VCenterObjectGone, match="domain-c4711"):
        client.alarm_colour(ManagedObject("ClusterComputeResource", "domain-c4711"))


def test_an_object_that_the_account_may_not_see_is_not_green(
    vcenter_proxy: VCenterProxy, clients: Clients, clusters: list[ManagedObject]
) -> None:
    """vCenter then leaves out all properties, each with a fault."""
    client = clients.open(vcenter_proxy)
    client.check()
    missing = "".join(HIDDEN.format(path=path) for path in ("name", "triggeredAlarmState"))
    entity = f'<obj type="{clusters[0].type}">{clusters[0].value}</obj>'
    answer = f"<returnval><objects>{entity}{missing}</objects></returnval>"
    vcenter_proxy.on("RetrievePropertiesEx", Swallow(answer))
    with pytest.raises(VCenterPermissionDenied, match=r"System\.View"):
        client.alarm_colour(clusters[0])
