# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that change the power of a VM.

Each is made once: whether one that broke off was carried out, only a new look can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.inventory import ManagedObject
from .faults import NamedFault, PowerRefused
from .properties import reference
from .soap import Soap, SoapSession


class Power:
    """Power calls of one vCenter."""

    def __init__(self, soap: Soap) -> None:
        self._soap = soap

    def power_off(self, vm: ManagedObject) -> ManagedObject:
        """Cut the power of a VM; the reference of the task that does it. PowerRefused says why not."""
        what = f"Cannot power off {vm}"
        task = self._change("PowerOffVM_Task", what, lambda session: session.object(vm).PowerOffVM_Task())
        return reference(task)

    def suspend(self, vm: ManagedObject) -> ManagedObject:
        """Write the memory of a VM to disk and stop it; the reference of the task. PowerRefused says why not."""
        task = self._change(
            "SuspendVM_Task", f"Cannot suspend {vm}", lambda session: session.object(vm).SuspendVM_Task()
        )
        return reference(task)

    def power_on(self, vm: ManagedObject) -> ManagedObject:
        """Power a VM on, or resume it; the reference of the task that does it. PowerRefused says why not."""
        task = self._change(
            "PowerOnVM_Task", f"Cannot power on {vm}", lambda session: session.object(vm).PowerOnVM_Task()
        )
        return reference(task)

    def shut_down_guest(self, vm: ManagedObject) -> None:
        """Ask the guest of a VM to shut down, and do not wait for it. PowerRefused says why not."""
        what = f"Cannot shut down the guest of {vm}"
        self._change("ShutdownGuest", what, lambda session: session.object(vm).ShutdownGuest())

    def _change(self, name: str, what: str, action: Callable[[SoapSession], Any]) -> Any:
        try:
            return self._soap.attempt(lambda session: session.call(name, what, lambda: action(session)), repeat=False)
        except NamedFault as error:
            raise PowerRefused.from_fault(error) from error.__cause__
