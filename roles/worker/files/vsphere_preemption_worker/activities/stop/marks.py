# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The marks of one run's victims: pending before anything is asked, final when the outcome is known.

A mark keeps the history of the previous one: the preemptions of its VM in the last 24 hours. Another attempt or
activity that writes the mark again writes the same bytes.

Final marks are written while other victims are still going down. Nothing else is asked of vCenter at that time, so
they cost the run no time. A mark that cannot be written then stays pending and is left to the activity that settles;
so are the marks of victims that were not stopped, since a later attempt may still stop them.
"""

from __future__ import annotations

import logging
from concurrent.futures import Executor, Future
from dataclasses import replace
from datetime import datetime

from vsphere_preemption.core import times
from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.errors import PreemptionError
from vsphere_preemption.core.inventory import ManagedObject, VirtualMachine
from vsphere_preemption.core.mark import Mark, MarkPhase, history_after, read_mark, settled
from vsphere_preemption.core.records.outcome import VictimOutcome, VictimStatus

from ...messages.run import StopInput
from ..support.vcenter import PowerClient

log = logging.getLogger(__name__)


def is_ours(machine: VirtualMachine | None, run_id: str) -> bool:
    """Whether the mark of the VM names this run."""
    mark = read_mark(machine.mark) if machine else None
    return mark is not None and mark.run_id == run_id


class Marks:
    """The marks for one StopVictims. Thread-safe, if each VM is used by one thread."""

    def __init__(self, input: StopInput) -> None:
        self._input = input
        self._began: datetime = times.from_wire(input.marked)
        self._place = {victim.vm: input.first + number for number, victim in enumerate(input.victims, start=1)}
        self._history: dict[ManagedObject, tuple[str, ...]] = {}

    def learn(self, vm: ManagedObject, text: str | None) -> None:
        """Read the current mark of the VM, which is the previous one or ours."""
        found = read_mark(text)
        if found and found.run_id == self._input.run.run_id:
            self._history[vm] = tuple(times.to_wire(moment) for moment in found.history)
        else:
            self._history[vm] = history_after(found, self._began)

    def pending(self, vm: ManagedObject) -> str:
        """The mark that is written before a victim is stopped."""
        return self._pending(vm).as_text()

    def final(self, outcome: VictimOutcome, time: str) -> str:
        """The text that replaces the pending mark. time: for a victim that was not stopped (wire format)."""
        phase = MarkPhase.PREEMPTED if outcome.outcome is VictimStatus.STOPPED else MarkPhase.FAILED
        began, reason = outcome.stopped or time, outcome.reason.value
        pending = self._pending(outcome.vm, outcome.method)
        return settled(pending, phase=phase, forced=outcome.forced, time=began, reason=reason).as_text()

    def _pending(self, vm: ManagedObject, method: StopMethod | None = None) -> Mark:
        method = method or self._input.method
        return Mark(
            run=self._input.run,
            phase=MarkPhase.PENDING,
            method=method,
            forced=method is StopMethod.HARD,
            time=self._input.marked,
            history=self._history.get(vm, ()),
            position=self._place[vm],
            note=self._input.run.request.narrowing.reason,
        )


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
