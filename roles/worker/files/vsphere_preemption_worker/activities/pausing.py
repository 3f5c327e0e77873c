# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill switch, as activities see it: asked before a plan, and again and again while VMs are being stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType

from vsphere_preemption.core.errors import PreemptionError
from vsphere_preemption.core.reasons import VictimReason

# Who paused preemption and why; empty where nobody did. PreemptionError where nobody can tell.
PauseSwitch = Callable[[], str]

LOOK_EVERY_SECONDS = 1.0

log = logging.getLogger(__name__)


class PauseWatch:
    """Looks at the switch from a thread of its own, so that no VM waits for the answer."""

    def __init__(self, paused: PauseSwitch, cancelled: Callable[[], bool]) -> None:
        self._switch = paused
        self._cancelled = cancelled
        self._is_paused = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True, name="pause-watch")

    def __enter__(self) -> PauseWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._over.set()

    def ending(self) -> VictimReason | None:
        """Why nothing new may be begun; None while all is well."""
        if self._cancelled():
            return VictimReason.CANCELLED
        return VictimReason.PAUSED if self._is_paused.is_set() else None

    def _look(self) -> None:
        # The plan has just asked; most runs are over before the first look.
        while not self._over.wait(LOOK_EVERY_SECONDS):
            try:
                if self._switch():
                    self._is_paused.set()
            except PreemptionError as error:
                # What was decided stays right; Temporal itself is away, and the activity will soon hear of that.
                log.info("cannot look at the pause switch", extra={"error": str(error)})
