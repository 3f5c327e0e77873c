# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stop requests vCenter accepted for each victim, and which guest shutdowns the next attempt must not repeat.

A guest shutdown has no task in vCenter, and may take minutes. If the worker hands over during that time, the next
attempt reads the time of the request from the heartbeat details: it does not repeat it, and the grace period continues.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.planning.plan import Victim
from vsphere_preemption.core.reasons import VictimReason


@dataclass(frozen=True)
class StopRequest:
    """A victim whose stop request vCenter has accepted. since: start of the grace period, on the monotonic clock."""

    victim: Victim
    forced: bool
    marked: str
    requested: str
    since: float
    task: ManagedObject | None = None
    reason: VictimReason = VictimReason.NONE


# VMs that are off, each with its stop request and the time at which it was found off.
Unattributed = dict[ManagedObject, tuple[StopRequest, datetime]]


class ShutdownRequests:
    """The time of each guest's shutdown request (wire format). Thread-safe. known: requests of earlier attempts."""

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        self._lock = threading.Lock()
        self._asked = dict(known or {})

    def note(self, vm: ManagedObject, requested: str) -> None:
        """Record that the shutdown of a guest was requested."""
        with self._lock:
            self._asked[vm.value] = requested

    def when(self, vm: ManagedObject) -> str | None:
        """The time of the guest's shutdown request; None if none is known."""
        with self._lock:
            return self._asked.get(vm.value)

    def as_wire(self) -> dict[str, str]:
        """The requests for the heartbeat details."""
        with self._lock:
            return dict(self._asked)
