# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defining and removing the custom attribute; requires Global.ManageCustomFields on the root folder."""

from __future__ import annotations

from ...core.errors import VCenterFault
from ...core.inventory import VIRTUAL_MACHINE
from ...core.setup.attribute import Definition, definition_of
from ..inventory.machines import CUSTOM_VALUE
from ..inventory.marks import FIELDS
from ..inventory.properties import read_all, read_properties, reference
from ..transport import _pyvmomi
from ..transport.soap import Soap, SoapSession
from ..transport.soap_codec import Query


class AttributeAdmin:
    """The custom attributes of one vCenter."""

    def __init__(self, soap: Soap) -> None:
        self._soap = soap

    def definitions(self) -> tuple[Definition, ...]:
        """All existing definitions."""
        return self._soap.attempt(_definitions)

    def holders(self, definition: Definition) -> int:
        """The number of VMs and templates with a value that is not empty. Reads all VMs that the account can see."""

        def work(session: SoapSession) -> int:
            found = read_all(
                session, {VIRTUAL_MACHINE: (CUSTOM_VALUE,)}, f"Cannot count the values of {definition.name!r}"
            )
            return sum(_holds(properties.get(CUSTOM_VALUE) or (), definition.key) for properties in found.values())

        return self._soap.attempt(work)

    def create(self, name: str) -> int:
        """Define the attribute for VMs; returns its key. Another client doing so at the same time is not an error."""

        def work(session: SoapSession) -> int:
            manager, what = session.content.customFieldsManager, f"Cannot define the custom attribute {name!r}"
            add = manager.AddCustomFieldDef
            try:
                return int(session.call("AddCustomFieldDef", what, lambda: add(name, _pyvmomi.vim.VirtualMachine)).key)
            except VCenterFault as error:
                there = definition_of(name, _definitions(session)) if error.fault == "DuplicateName" else None
                if there is None:
                    raise
                return there.key

        return self._soap.attempt(work)

    def remove(self, definition: Definition) -> None:
        """Remove the attribute with all its values. It is not an error if it has already been removed."""

        def work(session: SoapSession) -> None:
            manager, what = session.content.customFieldsManager, f"Cannot remove the attribute {definition.name!r}"
            # Its key may now belong to another attribute, after vCenter was restored or the attribute was removed.
            if definition not in _definitions(session):
                return
            try:
                session.call("RemoveCustomFieldDef", what, lambda: manager.RemoveCustomFieldDef(definition.key))
            except VCenterFault as error:
                if not error.fault or definition in _definitions(session):
                    raise

        self._soap.attempt(work)


def _definitions(session: SoapSession) -> tuple[Definition, ...]:
    manager = reference(session.content.customFieldsManager)
    found = read_properties(session, Query([manager], FIELDS), "Cannot read the custom attributes")
    fields = found.get(manager, {}).get("field") or ()
    return tuple(Definition(field["name"], int(field["key"]), field.get("managedObjectType", "")) for field in fields)


def _holds(values: object, key: int) -> bool:
    entries = values if isinstance(values, (tuple, list)) else ()
    return any(int(entry["key"]) == key and entry.get("value") for entry in entries)
