# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VMs as values, read in bulk.

With the first page of VMs come the definitions of the custom attributes, so the mark is found without a further call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ..core.inventory import VIRTUAL_MACHINE, ManagedObject, VirtualMachine
from .attribute import FIELDS, MarkAttribute
from .calls import side_by_side
from .machines import HOST, HOSTS, Definitions, base_machine, full_machine, paths_of
from .properties import OBJECTS_PER_CALL, Properties, read_properties, reference
from .requests import Paths, Query
from .soap import Soap, SoapSession

WHAT = "Cannot read the VMs"

Found = Mapping[ManagedObject, Properties]
Machines = dict[ManagedObject, VirtualMachine]


class Inventory:
    """What vCenter says about VMs."""

    def __init__(self, soap: Soap, attribute: MarkAttribute) -> None:
        self._soap = soap
        self._attribute = attribute
        self._known_hosts: frozenset[ManagedObject] = frozenset()

    def read(
        self,
        refs: Iterable[ManagedObject],
        on_progress: Callable[[], None] = lambda: None,
        *,
        full: bool = False,
        placed: bool = True,
        sized: bool = True,
    ) -> Machines:
        """The VMs among the references, as they are now; those that do not exist are left out.

        full: also what it takes to choose among them: boot time, custom attributes, and the state of their hosts.
        placed: where they are. sized: their size and use, in a full read.
        """
        wanted = list(dict.fromkeys(ref for ref in refs if ref.type == VIRTUAL_MACHINE))
        paths = paths_of(full=full, placed=placed, sized=sized)
        if not full:
            definitions, found = self._pages(wanted, paths, on_progress)
            return {ref: base_machine(ref, properties, definitions) for ref, properties in found.items()}
        # Most of the hosts are those of the last time; they are read at the same time, and only new ones after it.
        known = self._known_hosts
        (definitions, found), hosts = side_by_side(
            lambda: self._pages(wanted, paths, on_progress), lambda: self._hosts(known)
        )
        self._known_hosts = frozenset(properties[HOST] for properties in found.values() if HOST in properties)
        hosts = {**hosts, **self._hosts(self._known_hosts - known)}
        return {
            ref: full_machine(ref, properties, definitions, hosts.get(properties.get(HOST, ref), {}))
            for ref, properties in found.items()
        }

    def _pages(
        self, wanted: Sequence[ManagedObject], paths: Paths, on_progress: Callable[[], None]
    ) -> tuple[Definitions, Found]:
        """The properties of the VMs, page by page."""
        definitions = Definitions()
        found: dict[ManagedObject, Properties] = {}
        for start in range(0, len(wanted), OBJECTS_PER_CALL):
            page = wanted[start : start + OBJECTS_PER_CALL]
            if start == 0:
                definitions, first = self._with_definitions(page, paths)
                found.update(first)
            else:
                found.update(self._properties(page, paths))
            on_progress()
        return definitions, found

    def _hosts(self, hosts: frozenset[ManagedObject]) -> dict[ManagedObject, Properties]:
        """The hosts of the VMs. A way from each VM to its host within the same call costs the simulator 30 ms more for
        a thousand VMs; the few hosts by themselves take half a millisecond."""
        refs = sorted(hosts)
        found: dict[ManagedObject, Properties] = {}
        for start in range(0, len(refs), OBJECTS_PER_CALL):
            found.update(self._properties(refs[start : start + OBJECTS_PER_CALL], HOSTS))
        return found

    def _with_definitions(self, refs: Sequence[ManagedObject], paths: Paths) -> tuple[Definitions, Found]:
        """The properties of the VMs, and the custom attributes that there are."""

        def work(session: SoapSession) -> tuple[Definitions, Found]:
            manager = reference(session.content.customFieldsManager)
            found = read_properties(session, Query([*refs, manager], {**paths, **FIELDS}), WHAT)
            fields = found.pop(manager, {}).get("field") or ()
            key = self._attribute.learn(session, fields)
            return Definitions(key, {int(field["key"]): field["name"] for field in fields}), found

        return self._soap.attempt(work)

    def _properties(self, refs: Sequence[ManagedObject], paths: Paths) -> Found:
        return self._soap.attempt(lambda session: read_properties(session, Query(refs, paths), WHAT))
