# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All VMs by name and folder, for selecting some of them.

Reading them all takes one call per thousand; vCenter cannot find VMs by pattern, and by name only one of several.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ...core.inventory import VIRTUAL_MACHINE, ManagedObject
from ...core.names import fits, spellings
from ...core.policy.model import Place, PlaceKind
from ...core.setup.tag import MOST_NAMED, SelectedVms, VmSelection
from ...core.setup_errors import MachineAmbiguous, MachineNotFound
from ..transport.requests import Paths
from ..transport.soap import Soap, SoapSession
from .machines import MANAGED_BY, TEMPLATE, is_agent
from .places import CHILD_TYPES, NAME, PARENT, SHOWN_IN
from .properties import Properties, reference
from .tree import InventoryTree, Node
from .views import read_all

APP = "parentVApp"
FOLDERS_AND_MACHINES: Paths = {
    "Folder": (NAME, PARENT, CHILD_TYPES),
    "Datacenter": (NAME, PARENT),
    "VirtualApp": (NAME, PARENT, SHOWN_IN),
    VIRTUAL_MACHINE: (NAME, PARENT, APP, TEMPLATE, MANAGED_BY),
}


class MachineList:
    """The VMs of one vCenter at one time.

    nodes: folders, datacenters and vApps with the VMs in them. special: VMs that can only be selected by name, which
    are templates and VMs that other solutions manage.
    """

    def __init__(self, root: ManagedObject, nodes: Iterable[Node], special: Iterable[ManagedObject] = ()) -> None:
        nodes = tuple(nodes)
        self._tree = InventoryTree(root, nodes)
        self._machines = {node.ref: node for node in nodes if node.ref.type == VIRTUAL_MACHINE}
        self._special = frozenset(special)
        self._by_word: dict[str, set[ManagedObject]] = defaultdict(set)
        for ref, node in self._machines.items():
            for word in {ref.value, str(ref), *spellings(node.name)} - {""}:
                self._by_word[word].add(ref)

    def choose(self, selection: VmSelection, *, all_must_exist: bool = True) -> SelectedVms:
        """The VMs of a selection. Raises MachineAmbiguous, MachineNotFound, PlaceNotFound, PlaceAmbiguous.

        all_must_exist: False ignores names that match no VM.
        """
        fitting = {written: self._fitting(written) for written in selection.vms}
        self._refuse_ambiguous(fitting)
        missing = [written for written, refs in fitting.items() if not refs]
        if missing and all_must_exist:
            raise _not_found(missing)
        chosen = frozenset[ManagedObject]().union(*fitting.values())
        if selection.folder or selection.pattern:
            chosen |= self._inside(selection.folder, selection.pattern)
        names = {ref: node.name for ref, node in self._machines.items()}
        return SelectedVms(chosen, names, selection.exclusive)

    def _inside(self, folder: str, pattern: str) -> frozenset[ManagedObject]:
        """VMs that are in the folder and whose name matches; one of the two may be empty."""
        found = frozenset(self._machines) - self._special
        if folder:
            found &= self._tree.area(Place(PlaceKind.FOLDER, folder)).folders
        if pattern:
            found = frozenset(ref for ref in found if fits(self._machines[ref].name, pattern))
        return found

    def _fitting(self, written: str) -> set[ManagedObject]:
        if not written.startswith("/"):
            found: set[ManagedObject] = set()
            return found.union(*(self._by_word.get(word, ()) for word in spellings(written)))
        wanted = _parts(written)
        named = self._by_word.get(wanted[-1], ())
        return {ref for ref in named if _parts(self._tree.path_of(self._machines[ref])) == wanted}

    def _refuse_ambiguous(self, fitting: dict[str, set[ManagedObject]]) -> None:
        for written, refs in fitting.items():
            if len(refs) > 1:
                paths = sorted(f"{self._tree.path_of(self._machines[ref])} ({ref.value})" for ref in refs)
                more = [f"{len(paths) - MOST_NAMED} more"] if len(paths) > MOST_NAMED else []
                raise MachineAmbiguous(
                    f"The VM name {written!r} is ambiguous",
                    why=f"it matches {', '.join(paths[:MOST_NAMED] + more)}",
                    next_step="Use its inventory path, or its managed object reference.",
                )


def list_machines(soap: Soap) -> MachineList:
    """All VMs that the account can see: four calls, and one more for each additional thousand."""
    return soap.attempt(_read)


def _read(session: SoapSession) -> MachineList:
    found = read_all(session, FOLDERS_AND_MACHINES, "Cannot read the names of the VMs")
    special = [ref for ref, properties in found.items() if _is_special(properties)]
    return MachineList(reference(session.content.rootFolder), [_node(*entry) for entry in found.items()], special)


def _node(ref: ManagedObject, properties: Properties) -> Node:
    # A VM in a vApp has no folder of its own, and the vApp is in a folder as well as in a pool.
    parent = properties.get(SHOWN_IN) or properties.get(PARENT) or properties.get(APP)
    for_machines = VIRTUAL_MACHINE in (properties.get(CHILD_TYPES) or ())
    return Node(ref, str(properties.get(NAME, "")), parent, for_machines=for_machines)


def _is_special(properties: Properties) -> bool:
    return bool(properties.get(TEMPLATE, False)) or is_agent(properties.get(MANAGED_BY))


def _parts(path: str) -> list[str]:
    """The names in an inventory path, as shown by vCenter."""
    return [min(spellings(name), key=len) for name in path.strip("/").split("/")]


def _not_found(missing: list[str]) -> MachineNotFound:
    more = [f"{len(missing) - MOST_NAMED} more"] if len(missing) > MOST_NAMED else []
    names = ", ".join([*map(repr, missing[:MOST_NAMED]), *more])
    return MachineNotFound(
        "Cannot find all VMs",
        why=f"vCenter has no VM that matches {names}, or the account cannot see it",
        next_step="Check the spelling and the case, or grant the account System.Read on the VM.",
    )
