# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts of the marks of one run's victims: pending before the stop request, final when the outcome is known.

A mark keeps the history of the previous one: the preemptions of its VM in the last 24 hours. Another attempt or
activity that writes the mark again writes the same bytes.
"""

from __future__ import annotations

from datetime import datetime

from vsphere_preemption.core import times
from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.mark import Mark, MarkPhase, history_after, read_mark, settled
from vsphere_preemption.core.records.outcome import VictimOutcome, VictimStatus

from ...messages.run import StopInput


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
