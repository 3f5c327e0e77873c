# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How places are found in an inventory, and what belongs to them. The inventory is written by hand."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.errors import PlaceAmbiguous, PlaceNotFound
from vsphere_preemption.core.inventory import Area, ManagedObject
from vsphere_preemption.core.policy.model import Place, PlaceKind
from vsphere_preemption.vcenter.inventory.tree import MOST_NAMED, InventoryTree, Node

KINDS = {
    "group": "Folder",
    "datacenter": "Datacenter",
    "domain-c": "ClusterComputeResource",
    "domain-s": "ComputeResource",
    "host": "HostSystem",
    "resgroup": "ResourcePool",
    "vapp": "VirtualApp",
}
ROOT = ManagedObject("Folder", "group-0")
CLUSTER, HOST, POOL = PlaceKind.CLUSTER, PlaceKind.HOST, PlaceKind.RESOURCE_POOL
FOLDER, DATACENTER = PlaceKind.FOLDER, PlaceKind.DATACENTER


def ref(value: str) -> ManagedObject:
    return ManagedObject(KINDS[value.rstrip("0123456789").rstrip("-")], value)


def node(value: str, name: str, parent: str, *, for_machines: bool = False, folder: str = "") -> Node:
    return Node(ref(value), name, ref(parent), for_machines, ref(folder) if folder else None)


NODES = [
    node("group-10", "Europe", "group-0"),
    node("datacenter-1", "Bonn", "group-10"),
    node("group-1", "host", "datacenter-1"),
    node("group-2", "vm", "datacenter-1", for_machines=True),
    node("group-3", "Racks", "group-1"),
    node("domain-c1", "gold", "group-3"),
    node("host-1", "esx1", "domain-c1"),
    node("host-2", "esx2", "domain-c1"),
    node("resgroup-1", "Resources", "domain-c1"),
    node("resgroup-2", "web", "resgroup-1"),
    node("resgroup-3", "inner", "resgroup-2"),
    node("vapp-1", "shop", "resgroup-2", folder="group-5"),
    node("resgroup-4", "shop pool", "vapp-1"),
    node("domain-s1", "esx3", "group-1"),
    node("host-3", "esx3", "domain-s1"),
    node("resgroup-5", "Resources", "domain-s1"),
    node("group-4", "web%2fshop", "group-2", for_machines=True),
    node("group-5", "50%25", "group-4", for_machines=True),
    node("group-6", "Racks", "group-2", for_machines=True),
    node("datacenter-2", "Rome", "group-0"),
    node("group-7", "vm", "datacenter-2", for_machines=True),
    node("group-8", "host", "datacenter-2"),
    node("domain-c2", "domain-c1", "group-8"),
]
TREE = InventoryTree(ROOT, NODES)


def refs(*values: str) -> frozenset[ManagedObject]:
    return frozenset(ref(value) for value in values)


@pytest.mark.parametrize("name", ["gold", "/Europe/Bonn/host/Racks/gold", "ClusterComputeResource:domain-c1"])
def test_a_cluster_is_its_hosts_however_it_is_named(name: str) -> None:
    assert TREE.area(Place(CLUSTER, name)) == Area(hosts=refs("host-1", "host-2"))


@pytest.mark.parametrize(
    ("place", "area"),
    [
        (Place(CLUSTER, "esx3"), Area(hosts=refs("host-3"))),
        (Place(CLUSTER, "domain-s1"), Area(hosts=refs("host-3"))),
        (Place(CLUSTER, "domain-c2"), Area()),
        (Place(HOST, "esx3"), Area(hosts=refs("host-3"))),
        (Place(HOST, "host-1"), Area(hosts=refs("host-1"))),
        (Place(DATACENTER, "/Europe/Bonn/"), Area(hosts=refs("host-1", "host-2", "host-3"))),
        (Place(DATACENTER, "datacenter-2"), Area()),
        (Place(POOL, "web"), Area(pools=refs("resgroup-2", "resgroup-3", "vapp-1", "resgroup-4"))),
        (Place(POOL, "shop"), Area(pools=refs("vapp-1", "resgroup-4"))),
        (Place(POOL, "/Europe/Bonn/host/esx3/Resources"), Area(pools=refs("resgroup-5"))),
        (Place(FOLDER, "Racks"), Area(folders=refs("group-6"))),
        (Place(FOLDER, "/Rome/vm"), Area(folders=refs("group-7"))),
    ],
    ids=lambda value: str(value) if isinstance(value, Place) else "",
)
def test_a_place_is_all_that_belongs_to_it(place: Place, area: Area) -> None:
    assert TREE.area(place) == area


def test_a_folder_has_the_vapps_that_are_shown_in_it() -> None:
    """vCenter gives no folder for a VM in a vApp."""
    expected = Area(folders=refs("group-4", "group-5"), pools=refs("vapp-1", "resgroup-4"))
    assert TREE.area(Place(FOLDER, "group-4")) == expected


@pytest.mark.parametrize(
    "name", ["web/shop", "web%2fshop", "web%2Fshop", "/Europe/Bonn/vm/web%2fshop", "/Europe/Bonn/vm/web%2Fshop"]
)
def test_a_slash_in_a_name_may_be_written_either_way(name: str) -> None:
    assert TREE.area(Place(FOLDER, name)).folders == refs("group-4", "group-5")


@pytest.mark.parametrize("name", ["50%", "50%25", "/Europe/Bonn/vm/web%2fshop/50%"])
def test_so_may_a_percent_sign(name: str) -> None:
    assert TREE.area(Place(FOLDER, name)).folders == refs("group-5")


def test_a_name_of_several_is_refused_with_their_paths() -> None:
    with pytest.raises(PlaceAmbiguous) as caught:
        TREE.area(Place(FOLDER, "vm"))
    assert "/Europe/Bonn/vm (group-2), /Rome/vm (group-7)" in str(caught.value)
    assert (caught.value.code, caught.value.retryable) == ("place_ambiguous", False)


def test_a_name_that_looks_like_the_reference_of_another_is_refused() -> None:
    with pytest.raises(PlaceAmbiguous, match=r"/Europe/Bonn/host/Racks/gold \(domain-c1\), /Rome/host/domain-c1"):
        TREE.area(Place(CLUSTER, "domain-c1"))


def test_of_very_many_only_some_are_listed() -> None:
    pools = [node(f"resgroup-{number}", "Resources", "domain-c1") for number in range(MOST_NAMED + 5)]
    with pytest.raises(PlaceAmbiguous, match=", 5 more"):
        InventoryTree(ROOT, pools).area(Place(POOL, "Resources"))


@pytest.mark.parametrize(
    "place",
    [
        Place(CLUSTER, "silver"),
        Place(CLUSTER, ""),
        Place(CLUSTER, "/"),
        Place(CLUSTER, "GOLD"),
        Place(CLUSTER, "domain-c99"),
        Place(CLUSTER, "/Europe/Bonn/host/gold"),
        Place(CLUSTER, "/Bonn/host/Racks/gold"),
        Place(FOLDER, "group-0"),
    ],
    ids=str,
)
def test_what_is_not_there_is_not_found(place: Place) -> None:
    with pytest.raises(PlaceNotFound, match="the account cannot see any object") as caught:
        TREE.area(place)
    assert (caught.value.code, caught.value.retryable) == ("place_not_found", False)


@pytest.mark.parametrize(
    ("place", "instead"),
    [
        (Place(HOST, "gold"), r"no such host, only ClusterComputeResource /Europe/Bonn/host/Racks/gold \(domain-c1\)"),
        (Place(FOLDER, "Europe"), r"no such folder, only Folder /Europe \(group-10\)"),
        (Place(FOLDER, "/Europe/Bonn/host/Racks"), r"only Folder /Europe/Bonn/host/Racks \(group-3\)"),
    ],
    ids=str,
)
def test_an_object_of_another_kind_is_not_taken_but_told(place: Place, instead: str) -> None:
    with pytest.raises(PlaceNotFound, match=instead):
        TREE.area(place)
