# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last check before a VM is stopped: does it still have the tag, is it still on, has no other run claimed it?

Reading each VM separately would take a call for each. So the next victims are read together, and the result is used for
up to one second. In a long run, one thread refreshes it in time while the others continue with the current one; no
thread acts on an older result.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from vsphere_preemption.core.inventory import ManagedObject, VirtualMachine

MAX_AGE_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 0.8
AHEAD = 140
LOOK_AGAIN_AHEAD = 20


# Reads the current state of those VMs that still exist and still have the tag.
Look = Callable[[Sequence[ManagedObject]], Mapping[ManagedObject, VirtualMachine]]


class Recheck:
    """The current state of the victims. Thread-safe."""

    def __init__(
        self, look: Look, victims: Sequence[ManagedObject], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look_at = look
        self._victims = list(victims)
        self._place = {vm: place for place, vm in enumerate(self._victims)}
        self._clock = clock
        self._changed = threading.Condition()
        self._somebody_looks = False
        self._seen: Mapping[ManagedObject, VirtualMachine] = {}
        self._first, self._last = 0, -1
        self._taken_at = float("-inf")
        self._not_before = float("-inf")

    def current(self, vm: ManagedObject) -> VirtualMachine | None:
        """The VM as of up to a second ago; None if it is gone or no longer has the tag."""
        return self.seen(vm)[0]

    def seen(self, vm: ManagedObject) -> tuple[VirtualMachine | None, float]:
        """The same, and when the read started (on the clock)."""
        while True:
            with self._changed:
                known = self._is_known(vm)
                if known and (self._somebody_looks or not self._is_due(vm)):
                    return self._seen.get(vm), self._taken_at
                if self._somebody_looks:
                    self._changed.wait()
                    continue
                self._somebody_looks = True
            self._look(self._place[vm])

    def forget(self) -> None:
        """Discard all results so far, including that of a read in progress."""
        with self._changed:
            self._not_before = self._clock()

    def fresh(self, vm: ManagedObject) -> VirtualMachine | None:
        """The VM as it is now, read again because its state is in doubt."""
        return self._look_at([vm]).get(vm)

    def _is_known(self, vm: ManagedObject) -> bool:
        seen = self._first <= self._place[vm] <= self._last
        return seen and self._taken_at >= self._not_before and self._clock() - self._taken_at <= MAX_AGE_SECONDS

    def _is_due(self, vm: ManagedObject) -> bool:
        """Whether to read again: the result is getting old, or few of the next victims are in it."""
        left = self._last - self._place[vm]
        more_to_come = self._last < len(self._victims) - 1
        return self._clock() - self._taken_at > LOOK_AGAIN_SECONDS or (more_to_come and left < LOOK_AGAIN_AHEAD)

    def _look(self, first: int) -> None:
        """Read the victims from this position on; waiting threads are woken, even if it fails."""
        began, refs = self._clock(), self._victims[first : first + AHEAD]
        try:
            seen = self._look_at(refs)
            with self._changed:
                self._seen, self._taken_at = seen, began
                self._first, self._last = first, first + len(refs) - 1
        finally:
            with self._changed:
                self._somebody_looks = False
                self._changed.notify_all()
