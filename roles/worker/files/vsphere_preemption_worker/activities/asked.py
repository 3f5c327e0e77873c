# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was asked of vCenter for each victim, and which guests the next attempt need not ask again.

A guest that was asked to shut down leaves no task behind, and may take minutes. When the worker hands over in that
time, the next one learns from the heartbeat when it was asked: it asks nobody twice, and the grace period goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.plan import Victim
from vsphere_preemption.core.reasons import VictimReason


@dataclass(frozen=True)
class Requested:
    """A victim that vCenter has accepted to stop. since: on the monotonic clock; the grace period runs from here."""

    victim: Victim
    forced: bool
    marked: str
    requested: str
    since: float
    task: ManagedObject | None = None
    reason: VictimReason = VictimReason.NONE


# VMs that are off, each with what was asked of it and the moment in which it was seen off.
Unattributed = dict[ManagedObject, tuple[Requested, datetime]]


class AskedGuests:
    """When each guest was asked to shut down (wire text). Safe for several threads. known: by earlier attempts."""

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        self._lock = threading.Lock()
        self._asked = dict(known or {})

    def note(self, vm: ManagedObject, requested: str) -> None:
        """The guest was asked."""
        with self._lock:
            self._asked[vm.value] = requested

    def when(self, vm: ManagedObject) -> str | None:
        """When it was; None for one that nobody has asked yet, as far as is known."""
        with self._lock:
            return self._asked.get(vm.value)

    def as_wire(self) -> dict[str, str]:
        """For the heartbeat."""
        with self._lock:
            return dict(self._asked)
