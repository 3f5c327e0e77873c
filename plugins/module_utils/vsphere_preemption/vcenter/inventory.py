# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VMs as values, read in bulk.

With the first page of VMs come the definitions of the custom attributes, so the mark is found without a further call.
Only leaf properties are asked for; whole structures such as `config` cost ten times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..core.inventory import VIRTUAL_MACHINE, ManagedObject, PowerState, VirtualMachine
from .attribute import FIELDS, MarkAttribute
from .properties import OBJECTS_PER_CALL, Paths, Properties, filter_spec, read_properties, reference
from .soap import Soap, SoapSession

NAME = "name"
POWER_STATE = "runtime.powerState"
CONNECTION_STATE = "runtime.connectionState"
TEMPLATE = "config.template"
CUSTOM_VALUE = "customValue"
MACHINE: Paths = {VIRTUAL_MACHINE: (NAME, POWER_STATE, CONNECTION_STATE, TEMPLATE, CUSTOM_VALUE)}

Machines = dict[ManagedObject, VirtualMachine]


class Inventory:
    """What vCenter says about VMs."""

    def __init__(self, soap: Soap, attribute: MarkAttribute) -> None:
        self._soap = soap
        self._attribute = attribute

    def read(self, refs: Iterable[ManagedObject], on_progress: Callable[[], None] = lambda: None) -> Machines:
        """The VMs among the references, as they are now; those that do not exist are left out."""
        wanted = list(dict.fromkeys(ref for ref in refs if ref.type == VIRTUAL_MACHINE))
        key: int | None = None
        machines: Machines = {}
        for start in range(0, len(wanted), OBJECTS_PER_CALL):
            page = wanted[start : start + OBJECTS_PER_CALL]
            if start == 0:
                key, found = self._first_page(page)
            else:
                found = self._page(page, key)
            machines |= found
            on_progress()
        return machines

    def _first_page(self, refs: Sequence[ManagedObject]) -> tuple[int | None, Machines]:
        """The VMs, and the key of the attribute that holds the mark."""

        def work(session: SoapSession) -> tuple[int | None, Machines]:
            manager = session.content.customFieldsManager
            spec = filter_spec(session, refs, {**MACHINE, **FIELDS}, extra=[manager])
            found = read_properties(session, spec, "Cannot read the VMs")
            fields = found.pop(reference(manager), {}).get("field") or ()
            key = self._attribute.learn(session, fields)
            return key, {ref: _machine(ref, properties, key) for ref, properties in found.items()}

        return self._soap.attempt(work)

    def _page(self, refs: Sequence[ManagedObject], key: int | None) -> Machines:
        def work(session: SoapSession) -> Machines:
            found = read_properties(session, filter_spec(session, refs, MACHINE), "Cannot read the VMs")
            return {ref: _machine(ref, properties, key) for ref, properties in found.items()}

        return self._soap.attempt(work)


def power_state(properties: Properties) -> PowerState:
    """The power state of a VM; unknown where vCenter gives none that we know."""
    try:
        return PowerState(str(properties.get(POWER_STATE)))
    except ValueError:
        return PowerState.UNKNOWN


def _machine(ref: ManagedObject, properties: Properties, key: int | None) -> VirtualMachine:
    values = {int(entry["key"]): entry.get("value", "") for entry in properties.get(CUSTOM_VALUE) or ()}
    mark = values.get(key) if key is not None else None
    return VirtualMachine(
        ref=ref,
        name=str(properties.get(NAME, ref.value)),
        power_state=power_state(properties),
        connected=str(properties.get(CONNECTION_STATE)) == "connected",
        template=bool(properties.get(TEMPLATE, False)),
        mark=str(mark) if mark is not None else None,
    )
