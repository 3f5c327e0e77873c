# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The final marks of stopped victims, written while the other victims are still shutting down.

The run makes no other calls to vCenter at that time, so this does not delay it. A mark that cannot be written stays
pending and is left to the settle activity. The same applies to victims that were not stopped, because a later attempt
may still stop them.
"""

from __future__ import annotations

import logging
from concurrent.futures import Executor, Future
from dataclasses import replace

from vsphere_preemption.core.errors import PreemptionError
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.records.outcome import VictimOutcome, VictimStatus

from ..support.vcenter import PowerClient
from .marks import Marks

log = logging.getLogger(__name__)


class FinalMarks:
    """Writes the final marks with the threads of one run."""

    def __init__(self, vcenter: PowerClient, marks: Marks, threads: Executor) -> None:
        self._vcenter = vcenter
        self._marks = marks
        self._threads = threads
        self._writing: dict[ManagedObject, Future[bool]] = {}

    def begin(self, outcome: VictimOutcome) -> None:
        """Start writing the mark of a victim, if the victim was stopped and the mark is still pending."""
        if outcome.outcome is VictimStatus.STOPPED and outcome.marked and not outcome.settled:
            self._writing[outcome.vm] = self._threads.submit(self._write, outcome)

    def finish(self, outcomes: list[VictimOutcome]) -> list[VictimOutcome]:
        """The outcomes, with `settled` set if the mark was written."""
        written = {vm for vm, writing in self._writing.items() if writing.result()}
        return [replace(outcome, settled=outcome.settled or outcome.vm in written) for outcome in outcomes]

    def _write(self, outcome: VictimOutcome) -> bool:
        try:
            self._vcenter.write_mark(outcome.vm, self._marks.final(outcome, outcome.stopped))
        except PreemptionError as error:
            log.info("cannot write final mark yet", extra={"vm": outcome.vm.value, "error": str(error)})
            return False
        return True
