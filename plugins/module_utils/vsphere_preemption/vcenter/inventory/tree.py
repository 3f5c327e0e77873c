# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory without its VMs, as a tree, and the places in it, resolved to the objects that make them up.

The whole inventory without its VMs is read at once: a few hundred objects, regardless of the number of places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...core.errors import PlaceAmbiguous, PlaceNotFound
from ...core.inventory import Area, ManagedObject
from ...core.names import spellings
from ...core.policy.model import Place, PlaceKind
from ..transport.soap import Soap, SoapSession
from ..transport.soap_codec import Paths, Query
from .properties import Properties, read_all, read_properties, reference

COMPUTE_RESOURCES = frozenset({"ComputeResource", "ClusterComputeResource"})
POOLS = frozenset({"ResourcePool", "VirtualApp"})
TYPES: Mapping[PlaceKind, frozenset[str]] = {
    PlaceKind.CLUSTER: COMPUTE_RESOURCES,
    PlaceKind.HOST: frozenset({"HostSystem"}),
    PlaceKind.RESOURCE_POOL: POOLS,
    PlaceKind.FOLDER: frozenset({"Folder"}),
    PlaceKind.DATACENTER: frozenset({"Datacenter"}),
}
MOST_NAMED = 10

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


@dataclass(frozen=True)
class Node:
    """One object. name: as returned by vCenter. for_machines: it is a folder for VMs.

    folder: the VM folder that a vApp is shown in.
    """

    ref: ManagedObject
    name: str
    parent: ManagedObject | None = None
    for_machines: bool = False
    folder: ManagedObject | None = None

    def is_a(self, kind: PlaceKind) -> bool:
        return self.ref.type in TYPES[kind] and (kind is not PlaceKind.FOLDER or self.for_machines)

    def has_name(self, written: str) -> bool:
        return written == self.name or bool(spellings(written) & spellings(self.name))

    def has_reference(self, written: str) -> bool:
        return written in (self.ref.value, str(self.ref))


class InventoryTree:
    """root: the folder that all paths begin at; it is not part of them."""

    def __init__(self, root: ManagedObject, nodes: Iterable[Node]) -> None:
        self._root = root
        self._nodes = {node.ref: node for node in nodes}
        self._children: dict[ManagedObject | None, list[Node]] = defaultdict(list)
        for node in self._nodes.values():
            self._children[node.parent].append(node)

    def area(self, place: Place) -> Area:
        """All objects in a place. Raises PlaceNotFound, PlaceAmbiguous."""
        inside = self._below(self._find(place).ref)
        if place.kind is PlaceKind.RESOURCE_POOL:
            return Area(pools=frozenset(inside))
        if place.kind is PlaceKind.FOLDER:
            # A VM in a vApp has no folder of its own; its vApp does.
            apps = [node for node in self._nodes.values() if node.folder in inside]
            pools = {pool for app in apps for pool in self._below(app.ref)}
            return Area(folders=frozenset(inside), pools=frozenset(pools))
        return Area(hosts=frozenset(ref for ref in inside if ref.type in TYPES[PlaceKind.HOST]))

    def path_of(self, node: Node) -> str:
        """The inventory path, in govc's format."""
        names: list[str] = []
        above: Node | None = node
        while above is not None:
            names.append(above.name)
            above = self._nodes.get(above.parent) if above.parent is not None else None
        return "/" + "/".join(reversed(names))

    def find(self, written: str) -> tuple[ManagedObject, str]:
        """The object of any kind with this path, name or reference, and its path. A slash alone is the root folder.

        Raises PlaceNotFound, PlaceAmbiguous.
        """
        if not written.strip("/") and written:
            return self._root, "/"
        found = self._fitting(written)
        what = f"Cannot identify the object {written!r}"
        if len(found) == 1:
            return found[0].ref, self.path_of(found[0])
        if found:
            step = "Use its inventory path, or its managed object reference."
            raise PlaceAmbiguous(what, why=f"it matches {self._list(found, with_type=True)}", next_step=step)
        why = "the account cannot see any folder, datacenter, cluster, host or resource pool with this name"
        raise PlaceNotFound(what, why=why, next_step="Check the spelling and the case, or grant System.Read on it.")

    def _fitting(self, written: str) -> list[Node]:
        return self._at_path(written) if written.startswith("/") else self._named(written)

    def _find(self, place: Place) -> Node:
        fitting = self._fitting(place.name)
        found = [node for node in fitting if node.is_a(place.kind)]
        if len(found) == 1:
            return found[0]
        what = f"Cannot identify the {place}"
        if found:
            step = "Use its inventory path, or its managed object reference."
            raise PlaceAmbiguous(what, why=f"the name matches {self._list(found)}", next_step=step)
        why = "the account cannot see any object with this name, path or reference"
        if fitting:
            why = f"there is no such {place.kind}, only {self._list(fitting, with_type=True)}"
        step = "Check the spelling, the case and the kind, or grant the account System.Read on it."
        raise PlaceNotFound(what, why=why, next_step=step)

    def _named(self, written: str) -> list[Node]:
        # A name may look like the reference of another object; then both match, and the name is ambiguous.
        return [node for node in self._nodes.values() if node.has_reference(written) or node.has_name(written)]

    def _at_path(self, written: str) -> list[Node]:
        parents, found = [self._root], list[Node]()
        for name in written.strip("/").split("/"):
            found = [node for parent in parents for node in self._children[parent] if node.has_name(name)]
            parents = [node.ref for node in found]
        return found

    def _below(self, ref: ManagedObject) -> set[ManagedObject]:
        """The object and everything below it."""
        inside, waiting = {ref}, [ref]
        while waiting:
            below = [node.ref for node in self._children[waiting.pop()]]
            inside.update(below)
            waiting += below
        return inside

    def _list(self, nodes: list[Node], *, with_type: bool = False) -> str:
        texts = [
            f"{node.ref.type + ' ' if with_type else ''}{self.path_of(node)} ({node.ref.value})"
            for node in sorted(nodes, key=self.path_of)
        ]
        more = [f"{len(texts) - MOST_NAMED} more"] if len(texts) > MOST_NAMED else []
        return ", ".join(texts[:MOST_NAMED] + more)


class Places:
    """The places of one vCenter."""

    def __init__(self, soap: Soap) -> None:
        self._soap = soap

    def resolve(self, places: Sequence[Place]) -> Area:
        """All places together, with four calls; empty without places. Raises PlaceNotFound, PlaceAmbiguous."""
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
