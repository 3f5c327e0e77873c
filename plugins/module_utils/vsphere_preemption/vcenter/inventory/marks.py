# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The custom attribute that stores our mark on a VM.

vCenter identifies it by a number, its key. The key is updated at every bulk read, and only trusted in the session that
it was read in: a vCenter restored from a backup may have assigned the number to another attribute.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from ...core.contract import ATTRIBUTE_NAME
from ...core.errors import VCenterFault, VCenterPermissionDenied
from ...core.inventory import VIRTUAL_MACHINE, ManagedObject
from ...core.sending import Confirm
from ..transport import _pyvmomi
from ..transport.soap import Soap, SoapSession
from ..transport.soap_codec import Paths, Query, set_field
from .properties import read_properties, reference

FIELDS: Paths = {"CustomFieldsManager": ("field",)}
# An attribute for objects of every type has no type.
_OF_VMS = (VIRTUAL_MACHINE, "")
WHAT = f"Cannot find or create the custom attribute {ATTRIBUTE_NAME}"


class MarkAttribute:
    """The attribute of one vCenter. Thread-safe."""

    def __init__(self, soap: Soap) -> None:
        self._soap = soap
        self._lock = threading.Lock()
        self._known: tuple[SoapSession, int] | None = None

    def ensure(self) -> int:
        """The key; the attribute is created if it does not exist."""
        return self._soap.attempt(self._key)

    def write(self, vm: ManagedObject, value: str, confirm: Confirm | None = None) -> None:
        """Set the mark of a VM: one call, and up to three more if the key was not known or is no longer correct.

        Raises VCenterObjectGone for a deleted VM; but the simulator hangs in that case, so check first that the VM
        exists. confirm: called right before the mark is sent, each time; raises CallWithdrawn to prevent that.
        """

        def work(session: SoapSession) -> None:
            key = self._key(session)
            try:
                self._set(session, vm, key, value, confirm)
            except VCenterFault as error:
                # vCenter returns this for a wrong key and for a value that it rejects.
                if error.fault != "InvalidArgument":
                    raise
                self._forget(key)
                newer = self._key(session)
                if newer == key:
                    raise
                self._set(session, vm, newer, value, confirm)

        self._soap.attempt(work)

    def learn(self, session: SoapSession, fields: Iterable[Mapping[str, str]]) -> int | None:
        """Take the key from definitions that were just read; None if the attribute does not exist."""
        key = _key_among(fields)
        with self._lock:
            self._known = (session, key) if key is not None else None
        return key

    def names(self) -> frozenset[str]:
        """All custom attributes that VMs can have, in one call."""
        fields = self._soap.attempt(self._fields)
        return frozenset(field["name"] for field in fields if field.get("managedObjectType", "") in _OF_VMS)

    def _set(self, session: SoapSession, vm: ManagedObject, key: int, value: str, confirm: Confirm | None) -> None:
        manager = session.content.customFieldsManager
        body = set_field(reference(manager), vm, key, value)
        session.call("SetField", f"Cannot write the mark of {vm}", lambda: session.stub.send(body, confirm))

    def _key(self, session: SoapSession) -> int:
        known = self._known
        if known is not None and known[0] is session:
            return known[1]
        with self._lock:
            if self._known is None or self._known[0] is not session:
                self._known = (session, self._find_or_create(session))
            return self._known[1]

    def _forget(self, key: int) -> None:
        with self._lock:
            if self._known is not None and self._known[1] == key:
                self._known = None

    def _find_or_create(self, session: SoapSession) -> int:
        key = _key_among(self._fields(session))
        if key is not None:
            return key
        manager, machine = session.content.customFieldsManager, _pyvmomi.vim.VirtualMachine
        try:
            created = session.call(
                "AddCustomFieldDef", WHAT, lambda: manager.AddCustomFieldDef(ATTRIBUTE_NAME, machine)
            )
        except VCenterFault as error:
            # Another client may have created it between our check and our call.
            key = _key_among(self._fields(session)) if error.fault == "DuplicateName" else None
            if key is None:
                raise
            return key
        except VCenterPermissionDenied as error:
            step = "Create it once with a privileged account (role vsphere.preemption.vcenter), or add the privilege."
            raise VCenterPermissionDenied(WHAT, why=error.why, next_step=step) from error
        return int(created.key)

    def _fields(self, session: SoapSession) -> Iterable[Mapping[str, str]]:
        manager = reference(session.content.customFieldsManager)
        properties = read_properties(session, Query([manager], FIELDS), WHAT)
        return properties.get(manager, {}).get("field") or ()


def _key_among(fields: Iterable[Mapping[str, str]]) -> int | None:
    """The key of our attribute. One for VMs takes precedence over one for all object types; others are not ours."""
    keys = {
        field.get("managedObjectType", ""): int(field["key"]) for field in fields if field["name"] == ATTRIBUTE_NAME
    }
    return next((keys[kind] for kind in _OF_VMS if kind in keys), None)
