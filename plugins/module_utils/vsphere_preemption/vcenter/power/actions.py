# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that change the power of a VM, or tell its guest of it.

Each is made once: if it was interrupted, only a new read shows whether it was carried out. If the session was lost, the
call was not carried out, and the next one logs in.

confirm: called right before the request is sent; see `core/sending.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ...core.errors import InvalidInput
from ...core.inventory import ManagedObject
from ...core.sending import Confirm
from ..inventory.properties import reference
from ..transport import _pyvmomi
from ..transport.soap import Soap, SoapSession
from ..transport.soap_codec import call_without_arguments, read_reference

T = TypeVar("T")

PREFIX = "guestinfo."


class Power:
    """Power calls of one vCenter."""

    def __init__(self, soap: Soap) -> None:
        self._soap = soap

    def power_off(self, vm: ManagedObject, confirm: Confirm | None = None) -> ManagedObject:
        """Power off a VM; returns the reference of the task. Raises VCenterFault with the name of the fault.

        After VCenterUnreachable or VCenterTimeout, the VM may be powered off.
        """
        return self._task("PowerOffVM_Task", vm, f"Cannot power off {vm}", confirm)

    def suspend(self, vm: ManagedObject, confirm: Confirm | None = None) -> ManagedObject:
        """Write the memory of a VM to disk and stop it; returns the reference of the task. Raises VCenterFault."""
        return self._task("SuspendVM_Task", vm, f"Cannot suspend {vm}", confirm)

    def power_on(self, vm: ManagedObject, confirm: Confirm | None = None) -> ManagedObject:
        """Power on or resume a VM; returns the reference of the task. Raises VCenterFault."""
        return self._task("PowerOnVM_Task", vm, f"Cannot power on {vm}", confirm)

    def shut_down_guest(self, vm: ManagedObject, confirm: Confirm | None = None) -> None:
        """Ask the guest of a VM to shut down, without waiting for it. Raises VCenterFault."""
        self._change("ShutdownGuest", vm, f"Cannot shut down the guest of {vm}", bytes, confirm)

    def _task(self, name: str, vm: ManagedObject, what: str, confirm: Confirm | None) -> ManagedObject:
        return self._change(name, vm, what, read_reference, confirm)

    def _change(
        self, name: str, vm: ManagedObject, what: str, read: Callable[[bytes], T], confirm: Confirm | None
    ) -> T:
        body = call_without_arguments(name, vm)

        def work(session: SoapSession) -> T:
            return session.call(name, what, lambda: read(session.stub.send(body, confirm)))

        return self._soap.attempt(work, repeat=False)


class GuestInfo:
    """The guestinfo keys of one vCenter's VMs."""

    def __init__(self, soap: Soap) -> None:
        self._soap = soap

    def set(self, vm: ManagedObject, key: str, value: str) -> ManagedObject:
        """Write one value, empty to remove it; returns the reference of the task, after which the guest can read it.

        Repeated once after a broken connection: writing it twice is safe. Raises VCenterObjectGone for a deleted VM,
        InvalidInput for any other key, because those are settings of the VM itself.
        """
        what = f"Cannot set a guestinfo value of {vm}"
        if not key.startswith(PREFIX) or key == PREFIX:
            why = f"{key!r} is not a guestinfo key"
            raise InvalidInput(what, why=why, next_step=f"Use a key that begins with {PREFIX}.")

        def work(session: SoapSession) -> ManagedObject:
            vim = _pyvmomi.vim
            change = vim.vm.ConfigSpec(extraConfig=[vim.option.OptionValue(key=key, value=value)])
            machine = session.object(vm)
            return reference(session.call("ReconfigVM_Task", what, lambda: machine.ReconfigVM_Task(change)))

        return self._soap.attempt(work)
