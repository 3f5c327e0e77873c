# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence that we stopped a VM, if it is off and the result of our own call is unknown.

The worker or its connection may fail between the call and its response. Then only vCenter's event log shows which
account was the last to stop the VM.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from vsphere_preemption.core.inventory import ManagedObject

from ..support.vcenter import PowerClient

# vCenter's events have the time of its own clock.
CLOCK_SKEW = timedelta(minutes=10)


class Evidence:
    """Which accounts stopped VMs since the marks of a run were written."""

    def __init__(self, vcenter: PowerClient, marked: datetime) -> None:
        self._vcenter = vcenter
        self._since = marked - CLOCK_SKEW

    def ours(self, machines: Iterable[ManagedObject]) -> frozenset[ManagedObject]:
        """The VMs that our own account stopped."""
        wanted = list(machines)
        if not wanted:
            return frozenset()
        stoppers = self._vcenter.who_stopped(wanted, self._since)
        return frozenset(vm for vm in wanted if stoppers.get(vm) == self._vcenter.user)
