# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until the victims are off: all together, with a single subscription and a time limit.

A guest shutdown has its grace period, after which the VM is powered off or left running, depending on the method. A
task has five minutes. After a cancellation or a pause, no further VM is stopped or powered off; those that were asked
may still stop, so they are followed for the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.inventory import ManagedObject, PowerChanges
from vsphere_preemption.core.reasons import VictimReason
from vsphere_preemption.core.records.outcome import VictimOutcome, VictimStatus

from ...messages.run import StopInput
from ..support.vcenter import PowerClient, PowerSubscription
from .pipeline import Pipeline, StopContext, wanted_state
from .requested import StopRequest, Unattributed

TASK_SECONDS = 300.0
_LONGEST_WAIT = 1.0


class Confirmation:
    """Follows stop requests until they have an outcome. on_stopped: called for each victim when it is stopped."""

    def __init__(
        self,
        vcenter: PowerClient,
        input: StopInput,
        pipeline: Pipeline,
        *,
        context: StopContext,
        threads: Executor,
        on_stopped: Callable[[VictimOutcome], None] = lambda outcome: None,
    ) -> None:
        self._vcenter = vcenter
        self._input = input
        self._wanted = wanted_state(input.method)
        self._pipeline = pipeline
        self._context = context
        self._threads = threads
        self._on_stopped = on_stopped
        self._waiting: dict[ManagedObject, StopRequest] = {}
        self._outcomes: list[VictimOutcome] = []
        self._unattributed: Unattributed = {}
        self._ending: VictimReason | None = None

    def follow(self, requested: Iterable[StopRequest]) -> list[VictimOutcome]:
        """The outcomes, when all requests have one."""
        self._waiting = {request.victim.vm: request for request in requested}
        while self._waiting:
            tasks = {vm: request.task for vm, request in self._waiting.items() if request.task}
            with self._vcenter.watch(machines=list(self._waiting), tasks=tasks, until=self._wanted) as watch:
                self._follow_until_something_began(watch)
        attributed = self._pipeline.attribute(self._unattributed)
        for outcome in attributed:
            if outcome.outcome is VictimStatus.STOPPED:
                self._on_stopped(outcome)
        return [*self._outcomes, *attributed]

    def _follow_until_something_began(self, watch: PowerSubscription) -> None:
        began = False
        while self._waiting and not began:
            self._context.check_in()
            self._take_in(watch.wait(self._patience()))
            began = self._end_what_is_over()

    def _take_in(self, changes: PowerChanges) -> None:
        for vm, ended in changes.off.items():
            if ended is not None:
                self._close(vm, VictimStatus.STOPPED)
            elif vm in self._waiting:
                # Off, but no task of ours proves that we stopped it: the event log is queried once for all such VMs.
                self._unattributed[vm] = (self._waiting.pop(vm), self._context.now())
        for vm in changes.gone:
            self._close(vm, VictimStatus.SPARED, VictimReason.VM_DELETED)
        for vm, message in changes.failed.items():
            self._close(vm, VictimStatus.FAILED, VictimReason.TASK_FAILED, message)

    def _close(
        self, vm: ManagedObject, end: VictimStatus, reason: VictimReason = VictimReason.NONE, message: str = ""
    ) -> None:
        request = self._waiting.pop(vm, None)
        if request is None:
            return
        outcome = self._pipeline.outcome_of(request, end, reason, message)
        self._outcomes.append(outcome)
        if end is VictimStatus.STOPPED:
            self._on_stopped(outcome)

    def _end_what_is_over(self) -> bool:
        """Act on every deadline that has passed; True if that started new tasks to watch."""
        now = self._context.clock()
        self._ending = self._ending or self._context.gate.closed()
        late = [request for request in self._waiting.values() if now >= self._deadline(request)]
        if any(self._may_escalate(request) for request in late):
            self._context.gate.forget()
            self._ending = self._ending or self._context.gate.check()
        escalating = [request for request in late if self._may_escalate(request)]
        for request in late:
            if not self._may_escalate(request):
                self._close(request.victim.vm, VictimStatus.FAILED, self._why_over(request))
        for outcome in self._threads.map(self._pipeline.escalate, escalating):
            if isinstance(outcome, StopRequest):
                self._waiting[outcome.victim.vm] = outcome
            else:
                self._outcomes.append(outcome)
                del self._waiting[outcome.vm]
        return bool(escalating)

    def _may_escalate(self, request: StopRequest) -> bool:
        allowed = self._input.method is StopMethod.SOFT_THEN_HARD and self._ending is None
        return allowed and not request.forced

    def _why_over(self, request: StopRequest) -> VictimReason:
        if self._ending is not None:
            return self._ending
        return VictimReason.GUEST_IGNORED if self._is_soft(request) else VictimReason.TASK_TIMEOUT

    def _deadline(self, request: StopRequest) -> float:
        return request.since + (self._input.grace_seconds if self._is_soft(request) else TASK_SECONDS)

    def _is_soft(self, request: StopRequest) -> bool:
        """Whether the guest was asked. For a call of an earlier attempt, the task is not known."""
        return not request.forced and self._input.method is not StopMethod.SUSPEND

    def _patience(self) -> float:
        return min(_LONGEST_WAIT, max(0.02, min(self._times_left())))

    def _times_left(self) -> Iterator[float]:
        now = self._context.clock()
        return (self._deadline(request) - now for request in self._waiting.values())
