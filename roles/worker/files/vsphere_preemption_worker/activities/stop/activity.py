# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop the victims: mark and ask them in parallel, then follow them all until they are off."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from temporalio import activity

from vsphere_preemption.core.planning.plan import Victim
from vsphere_preemption.core.records.outcome import VictimOutcome, VictimStatus
from vsphere_preemption.temporal.run_control import Attempt, RunControl

from ...messages.run import STOP, StopInput, StopResult, on_the_wire
from ..support.claims import Claims
from ..support.context import this_attempt
from ..support.heartbeat import with_heartbeat
from ..support.vcenter import PowerClient
from .confirmation import Confirmation
from .gate import StopGate
from .marks import FinalMarks, Marks
from .pipeline import Pipeline, StopContext
from .requested import ShutdownRequests, StopRequest, recall
from .shared_limits import SharedLimits

log = logging.getLogger(__name__)

# A task has five minutes after the grace period, and there is something before and after.
STOP_MARGIN_SECONDS = 6 * 60.0

# The state that users requested for this attempt's run. Raises PreemptionError if it cannot be read.
AskControl = Callable[[Attempt], RunControl]


class StopVictims:
    """The activity that stops."""

    def __init__(self, vcenter: PowerClient, claims: Claims, ask: AskControl, now: Callable[[], datetime]) -> None:
        self._vcenter = vcenter
        self._claims = claims
        self._ask = ask
        self._now = now
        self._reservations = SharedLimits(vcenter, now)

    # Without the exception in mid-call: a cancelled run still has to say what it did.
    @activity.defn(name=STOP, no_thread_cancel_exception=True)
    def stop(self, input: StopInput) -> StopResult:
        asked = ShutdownRequests(*activity.info().heartbeat_details[:1])
        with (
            with_heartbeat(asked.as_wire) as heartbeat,
            StopGate(partial(self._ask, this_attempt()), heartbeat) as gate,
            ThreadPoolExecutor(self._vcenter.concurrency, "stop") as threads,
            self._claims.of_run(input.run.run_id, [victim.vm for victim in input.victims], claim_seconds(input)),
        ):
            context = StopContext(now=self._now, gate=gate, check_in=heartbeat.raise_if_handed_over, asked=asked)
            return StopResult(on_the_wire(self._stop_all(input, context, threads)))

    def _stop_all(self, input: StopInput, context: StopContext, threads: ThreadPoolExecutor) -> list[VictimOutcome]:
        marks = Marks(input)
        if activity.info().attempt > 1:
            recall(self._vcenter, input, marks, context.asked, context.now())
        pipeline = Pipeline(self._vcenter, input, claims=self._claims, marks=marks, context=context)
        ended = self._reservations.reserve(input, pipeline, threads)
        turned_away = {outcome.vm for outcome in ended}
        wanted = [victim for victim in input.victims if victim.vm not in turned_away]
        first = all_or_first_error(threads, pipeline.stop, wanted)
        ended += [step for step in first if isinstance(step, VictimOutcome)]
        writing = FinalMarks(self._vcenter, marks, threads)
        for outcome in ended:
            writing.begin(outcome)
        confirmation = Confirmation(
            self._vcenter, input, pipeline, context=context, threads=threads, on_stopped=writing.begin
        )
        ended += confirmation.follow(step for step in first if isinstance(step, StopRequest))
        known = {outcome.vm: outcome for outcome in writing.finish(ended)}
        outcomes = [known[victim.vm] for victim in input.victims]
        for outcome in outcomes:
            _log_outcome(input.run.run_id, outcome)
        return outcomes


def claim_seconds(input: StopInput) -> float:
    """As long as the stopping may take: another run must not begin with VMs that are still going down."""
    return input.grace_seconds + STOP_MARGIN_SECONDS


def _log_outcome(run_id: str, outcome: VictimOutcome) -> None:
    level = logging.WARNING if outcome.outcome is VictimStatus.FAILED else logging.INFO
    fields = {name: getattr(outcome, name) for name in ("outcome", "method", "reason", "forced")}
    about = {"run_id": run_id, "vm": outcome.vm.value, "vm_name": outcome.name}
    log.log(level, "victim", extra={**about, **fields, "detail": outcome.message})


def all_or_first_error(
    threads: ThreadPoolExecutor,
    step: Callable[[Victim], StopRequest | VictimOutcome],
    victims: list[Victim],
) -> list[StopRequest | VictimOutcome]:
    """Every victim's first step. Where vCenter is away, the rest is not begun and the error is raised."""
    away = threading.Event()

    def guarded(victim: Victim) -> StopRequest | VictimOutcome | None:
        if away.is_set():
            return None
        try:
            return step(victim)
        except BaseException:
            away.set()
            raise

    futures = [threads.submit(guarded, victim) for victim in victims]
    steps = [future.result() for future in futures]
    return [found for found in steps if found is not None]
