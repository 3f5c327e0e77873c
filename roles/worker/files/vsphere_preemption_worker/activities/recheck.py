# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last look before a VM is touched: does it still carry the tag, is it still on, is it nobody else's?

Looking at each VM alone would cost a call for each. So the victims that come next are looked at together, and the
answer is believed for one second at most.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from vsphere_preemption.core.inventory import ManagedObject, VirtualMachine

MAX_AGE_SECONDS = 1.0
AHEAD = 100


class Eyes(Protocol):
    """The part of the vCenter client that can look again."""

    def recheck(self, tag: str, refs: Sequence[ManagedObject]) -> Mapping[ManagedObject, VirtualMachine]: ...


class Recheck:
    """What the victims look like now. Safe for several threads."""

    def __init__(
        self, vcenter: Eyes, tag: str, victims: Sequence[ManagedObject], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._vcenter = vcenter
        self._tag = tag
        self._victims = list(victims)
        self._place = {vm: place for place, vm in enumerate(self._victims)}
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: Mapping[ManagedObject, VirtualMachine] = {}
        self._looked_at: frozenset[ManagedObject] = frozenset()
        self._taken_at = float("-inf")

    def current(self, vm: ManagedObject) -> VirtualMachine | None:
        """The VM as it was at most a second ago; None when it is gone or has lost the tag."""
        with self._lock:
            if vm not in self._looked_at or self._clock() - self._taken_at > MAX_AGE_SECONDS:
                self._look(self._victims[self._place[vm] :][:AHEAD])
            return self._seen.get(vm)

    def fresh(self, vm: ManagedObject) -> VirtualMachine | None:
        """The VM as it is now, after something about it became doubtful."""
        with self._lock:
            self._look([vm])
            return self._seen.get(vm)

    def _look(self, refs: list[ManagedObject]) -> None:
        began = self._clock()
        self._seen = self._vcenter.recheck(self._tag, refs)
        self._looked_at = frozenset(refs)
        self._taken_at = began
