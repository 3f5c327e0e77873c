# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that a guest can read: `vmtoolsd --cmd "info-get guestinfo.…"`."""

from __future__ import annotations

from ...core.errors import InvalidInput
from ...core.inventory import ManagedObject
from ..inventory.properties import reference
from ..transport import _pyvmomi
from ..transport.soap import Soap, SoapSession

PREFIX = "guestinfo."


class GuestInfo:
    """The guestinfo keys of one vCenter's VMs."""

    def __init__(self, soap: Soap) -> None:
        self._soap = soap

    def set(self, vm: ManagedObject, key: str, value: str) -> ManagedObject:
        """Write one value, empty to remove it; returns the reference of the task.

        Repeated once after a broken connection: writing it twice is safe. Raises InvalidInput for any other key,
        because those are settings of the VM itself.
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
