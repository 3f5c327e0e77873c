# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places of the inventory, resolved to their objects.

The whole inventory without its VMs is read at once: a few hundred objects, regardless of the number of places.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...core.errors import PlaceNotFound
from ...core.inventory import Area, ManagedObject
from ...core.policy.model import Place
from ..transport.requests import Paths, Query
from ..transport.soap import Soap, SoapSession
from .properties import Properties, read_properties, reference
from .tree import COMPUTE_RESOURCES, InventoryTree, Node
from .views import read_all

NAME, PARENT, CHILD_TYPES, SHOWN_IN, HOSTS = "name", "parent", "childType", "parentFolder", "host"
SKELETON: Paths = {
    "Folder": (NAME, PARENT, CHILD_TYPES),
    "Datacenter": (NAME, PARENT),
    "ComputeResource": (NAME, PARENT),
    "HostSystem": (NAME, PARENT),
    "ResourcePool": (NAME, PARENT),
    "VirtualApp": (NAME, PARENT, SHOWN_IN),
}
WHAT = "Cannot read the inventory"


class Places:
    """The places of one vCenter."""

    def __init__(self, soap: Soap) -> None:
        self._soap = soap

    def resolve(self, places: Sequence[Place]) -> Area:
        """All places together. Raises PlaceNotFound, PlaceAmbiguous."""
        if not places:
            return Area()
        tree = self._soap.attempt(_tree)
        areas = [tree.area(place) for place in places]
        return Area(
            hosts=frozenset[ManagedObject]().union(*(area.hosts for area in areas)),
            pools=frozenset[ManagedObject]().union(*(area.pools for area in areas)),
            folders=frozenset[ManagedObject]().union(*(area.folders for area in areas)),
        )

    def find(self, written: Sequence[str]) -> list[tuple[ManagedObject, str]]:
        """The objects with these paths, names or references, and their paths. Raises PlaceNotFound, PlaceAmbiguous."""
        tree = self._soap.attempt(_tree)
        return [tree.find(text) for text in written]

    def compute_resource(self, ref: ManagedObject) -> Area:
        """The hosts of one compute resource, with one call. Raises PlaceNotFound if there is no such resource."""
        what = f"Cannot read the hosts of {ref}"
        if ref.type not in COMPUTE_RESOURCES:
            step = "Use a cluster, or the compute resource of a standalone host."
            raise PlaceNotFound(what, why="it is not a compute resource", next_step=step)
        query = Query([ref], {ref.type: (HOSTS,)})
        found = self._soap.attempt(lambda session: read_properties(session, query, what)).get(ref)
        if found is None:
            why = "it does not exist"
            raise PlaceNotFound(what, why=why, next_step="Use an existing compute resource.")
        return Area(hosts=frozenset(found.get(HOSTS) or ()))


def _tree(session: SoapSession) -> InventoryTree:
    found = read_all(session, SKELETON, WHAT)
    return InventoryTree(reference(session.content.rootFolder), [_node(*entry) for entry in found.items()])


def _node(ref: ManagedObject, properties: Properties) -> Node:
    return Node(
        ref,
        # An object that the account cannot read can still be specified by its reference.
        str(properties.get(NAME, "")),
        properties.get(PARENT),
        for_machines="VirtualMachine" in (properties.get(CHILD_TYPES) or ()),
        folder=properties.get(SHOWN_IN),
    )
