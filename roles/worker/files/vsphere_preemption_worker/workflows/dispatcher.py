# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dispatcher: accepts requests and starts one run at a time for those that are due.

It is the workflow of the wire contract. It survives any signal, gives every request exactly one outcome, and keeps its
history short by continuing as new with its state.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, WorkflowIDReusePolicy
from temporalio.exceptions import ChildWorkflowError, FailureError, WorkflowAlreadyStartedError
from temporalio.workflow import ChildWorkflowCancellationType, ChildWorkflowHandle, ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core import times
    from vsphere_preemption.core.contract import (
        QUERY_REQUESTS,
        QUERY_RUNS,
        QUERY_STATE,
        SIGNAL_HURRY,
        SIGNAL_PREEMPT,
        SIGNAL_PRESSURE_GONE,
        UPDATE_PREEMPT,
        WORKFLOW_TYPE,
        Criticality,
    )
    from vsphere_preemption.core.errors import GivenButEmpty, InvalidRequest, RequestTooLarge
    from vsphere_preemption.core.mark import RunIdentity
    from vsphere_preemption.core.reasons import RunReason
    from vsphere_preemption.core.records.outcome import RunStatus
    from vsphere_preemption.core.records.state import compact_json, state_as_wire
    from vsphere_preemption.core.requests.request import PreemptionRequest, read_request
    from vsphere_preemption.core.workflow_ids import child_id

    from ..messages.run import TELL, RunInput, TellInput
    from .activity_calls import HEARTBEAT, RETRY, failure_message
    from .cancellation import CancellationGuard
    from .dispatcher_state import DispatcherState, QueuedRequest, record_without_run, rejected_record, state_from
    from .inbox import PER_TASK, Inbox, StoredSignal
    from .raw_input import MOST_BYTES, only_payload, refused, without_surprise
    from .run import PreemptionRun

Run = ChildWorkflowHandle[PreemptionRun, dict[str, Any]]

# Does not log while a history is replayed.
log = workflow.logger

# A run that was started before this patch may have more waiting requests.
BOUNDED = "bounded-queue"
# A workflow that started before this patch may have accepted a limit that was set but empty.
NOT_EMPTY = "given-but-empty"
# A workflow that started before this patch lost a cancellation that arrived while it escalated its run.
CANCELLED_IN_HURRY = "cancellation-while-escalating"
# A workflow that started before this patch gave no outcome to a request that arrived after its cancellation.
TURNED_AWAY_LATE = "turned-away-late"
READING = "Cannot read the request"
# A workflow that started before this patch reads each signal when it arrives, whatever its size.
STORED = "stored-signals"
TELL_WITHIN = timedelta(minutes=1)
# More skipped requests at the same time are a storm; they get no further events.
MOST_TELLINGS = 20


@workflow.defn(name=WORKFLOW_TYPE)
class PreemptVMsWorkflow:
    """Started without input by clients; with its own state when it continues as new."""

    @workflow.init
    def __init__(self, snapshot: Any = None) -> None:
        # A client may have started it, with anything.
        self._state = DispatcherState(state_from(snapshot if workflow.info().continued_run_id else None))
        self._state.workflow_started = self._state.workflow_started or times.to_wire(workflow.info().start_time)
        self._cancellation = CancellationGuard()
        self._escalated: Criticality | None = None
        self._eased = ""
        self._telling: set[asyncio.Task[None]] = set()
        self._inbox = Inbox(self._take)
        self._steps = 0
        self._clock = times.from_wire(times.NEVER), times.NEVER

    @workflow.run
    async def run(self, snapshot: Any = None) -> dict[str, Any]:
        inbox = asyncio.create_task(self._inbox.work())
        while not self._cancellation.cancelled:
            if self._may_renew():
                workflow.continue_as_new(self._state.snapshot())
            if self._state.queue:
                await self._handle(self._state.next_request())
                await self._pause_after_many()
            else:
                await self._cancellation.wait_until(self._has_something_to_do)
        await self._turn_all_away(RunReason.CANCELLED, "The workflow was cancelled.")
        await self._cancellation.wait_until(lambda: self._is_idle() or bool(self._state.queue))
        # A request that arrives while an event is still being sent gets its outcome, too.
        while self._state.queue and workflow.patched(TURNED_AWAY_LATE):
            await self._turn_all_away(RunReason.ENDING, "The workflow was cancelled before; send the request again.")
            await self._cancellation.wait_until(lambda: self._is_idle() or bool(self._state.queue))
        await self._cancellation.wait_until(self._is_idle)
        inbox.cancel()
        return self._current_state()

    @workflow.query(name=QUERY_STATE)
    def current_state(self) -> str:
        return compact_json(self._current_state())

    @workflow.query(name=QUERY_RUNS)
    def runs(self) -> list[dict[str, Any]]:
        return self._state.runs()

    @workflow.query(name=QUERY_REQUESTS)
    def requests(self) -> dict[str, Any]:
        return self._state.requests(unread=len(self._inbox))

    # Dynamic and raw: see `raw_input`.
    @workflow.signal(dynamic=True)
    def receive(self, name: str, payloads: Sequence[RawValue]) -> None:
        signal = StoredSignal(name, payloads, self._now())
        if workflow.patched(STORED):
            self._inbox.store(signal)
        else:
            self._take(signal)

    def _take(self, signal: StoredSignal) -> None:
        """Give the signal its place in the queue, or its outcome."""
        if signal.name == SIGNAL_PRESSURE_GONE:
            self._end_runs()
            return
        try:
            if signal.name != SIGNAL_PREEMPT:
                what = f"Cannot accept signal {signal.name[:80]!r}"
                raise InvalidRequest(what, why="the signal is unknown", next_step=f"Send {SIGNAL_PREEMPT}.")
            self._accept(self._read(signal.payloads), signal.received)
        except InvalidRequest as error:
            self._state.record_outcome(rejected_record(workflow.info().workflow_id, error, self._now()))

    @workflow.update(dynamic=True)
    async def preempt(self, name: str, payloads: Sequence[RawValue]) -> dict[str, Any]:
        """Request a preemption and optionally wait for it. A repeated request gets the same outcome."""
        # The validator has read it strictly, and is not called again during a replay.
        request, wait = self._read_update(payloads, stored=True)
        received = self._now()
        if self._inbox:
            # A signal that came before it may be for the same request.
            await self._inbox.taken_so_far()
        if not self._state.is_known(request):
            self._accept(request, received)
        if not wait:
            return {"accepted": self._state.is_known(request), "requestID": request.request_id}
        await workflow.wait_condition(lambda: not self._state.is_open(request))
        # The outcome may be too old to be remembered.
        return self._state.answer(request) or self._duplicate(request)

    @preempt.validator
    def validate_preempt(self, name: str, payloads: Sequence[RawValue]) -> None:
        try:
            if name != UPDATE_PREEMPT:
                what = f"Cannot accept the update {name[:80]!r}"
                raise InvalidRequest(what, why="it is unknown", next_step=f"Send {UPDATE_PREEMPT}.")
            self._read_update(payloads)
        except InvalidRequest as error:
            raise refused(error) from error

    def _has_something_to_do(self) -> bool:
        return bool(self._state.queue) or self._cancellation.cancelled or self._may_renew()

    def _may_renew(self) -> bool:
        return self._is_idle() and self._state.fits and workflow.info().is_continue_as_new_suggested()

    def _is_idle(self) -> bool:
        return workflow.all_handlers_finished() and not self._telling and not self._inbox

    async def _turn_all_away(self, reason: RunReason, message: str) -> None:
        while self._state.queue:
            self._turn_away(self._state.next_request(), RunStatus.SKIPPED, reason, message)
            await self._pause_after_many()

    async def _pause_after_many(self) -> None:
        """End the workflow task from time to time: thousands of requests may have gathered behind a run."""
        self._steps += 1
        if self._steps % PER_TASK == 0 and workflow.patched(STORED):
            await self._cancellation.yield_to_server()

    async def _handle(self, pending: QueuedRequest) -> None:
        if self._state.in_window(pending.request.criticality, workflow.now()):
            self._leave_to_last_run(pending)
            return
        try:
            record = await self._carry_out(pending)
        except WorkflowAlreadyStartedError:
            message = "A run for this event was started before."
            self._turn_away(pending, RunStatus.DUPLICATE, RunReason.SAME_EVENT, message)
        except ChildWorkflowError as error:
            self._turn_away(pending, RunStatus.FAILED, RunReason.RUN_FAILED, failure_message(error))
        else:
            self._state.record_run(pending, record)

    def _leave_to_last_run(self, pending: QueuedRequest) -> None:
        if self._state.has_escalated(pending):
            message = "The active run was escalated for this request."
            self._turn_away(pending, RunStatus.DONE, RunReason.HURRIED, message)
            return
        message = f"Skipped: within the re-run window of the previous run, which ends at {self._state.window_ends}."
        brief = self._turn_away(pending, RunStatus.SKIPPED, RunReason.IN_WINDOW, message)
        wanted = self._state.tells_skipped and pending.request.reply_to
        if wanted and len(self._telling) < MOST_TELLINGS:
            telling = asyncio.create_task(self._tell(pending.request, brief))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)

    async def _tell(self, request: PreemptionRequest, brief: dict[str, Any]) -> None:
        """Send the outcome to the address in the request. A failure to send has no effect."""
        identity = RunIdentity(workflow.info().workflow_id, self._state.workflow_started, "", request)
        try:
            await workflow.execute_activity(
                TELL,
                TellInput(identity, brief, brief["finished"]),
                result_type=str,
                schedule_to_close_timeout=TELL_WITHIN,
                start_to_close_timeout=TELL_WITHIN,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RETRY,
            )
        except FailureError as error:
            log.warning("outcome event not sent", extra={"detail": failure_message(error)})

    async def _carry_out(self, pending: QueuedRequest) -> dict[str, Any]:
        """The record of the run. A cancellation is passed on to the run, and its record is still awaited."""
        self._escalated = None
        starting = asyncio.create_task(self._start_run(pending))
        await self._cancellation.wait_until(starting.done)
        run = await starting
        while not run.done():
            await self._cancellation.wait_until(
                lambda: run.done() or self._is_urgent() or self._is_over(pending), on_cancel=run.cancel
            )
            if self._is_over(pending):
                self._eased = ""
                run.cancel()
            elif not run.done():
                await self._hurry(run)
        return await run

    def _is_over(self, active: QueuedRequest) -> bool:
        """Whether the pressure that this request was for is gone."""
        return self._eased == active.request.key

    def _end_runs(self) -> None:
        """The alarm is green: end the active run and turn away what waits; what arrives later is a new firing."""
        self._eased = self._state.active_key
        for pending in self._state.drop_waiting():
            message = "The alarm was green before the request was carried out."
            self._turn_away(pending, RunStatus.SKIPPED, RunReason.PRESSURE_GONE, message)

    def _is_urgent(self) -> bool:
        return self._state.escalation not in (None, self._escalated)

    async def _hurry(self, run: Run) -> None:
        """Signal a more urgent request to the run; ignored if the run has just ended."""
        wanted = self._escalated = self._state.escalation
        try:
            sending = run.signal(SIGNAL_HURRY, wanted.value if wanted else "")
            await self._cancellation.complete(sending, patch=CANCELLED_IN_HURRY)
        except FailureError as error:
            log.info("run ended before it could be escalated", extra={"detail": failure_message(error)})

    async def _start_run(self, pending: QueuedRequest) -> Run:
        info = workflow.info()
        return await workflow.start_child_workflow(
            PreemptionRun.run,
            RunInput(info.workflow_id, self._state.workflow_started, pending.received, pending.request),
            id=child_id(info.workflow_id, pending.request.key),
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            parent_close_policy=ParentClosePolicy.ABANDON,
            cancellation_type=ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            static_summary=f"Preemption, criticality {pending.request.criticality.value}",
        )

    def _turn_away(self, pending: QueuedRequest, end: RunStatus, reason: RunReason, message: str) -> dict[str, Any]:
        brief = record_without_run(workflow.info().workflow_id, pending, end, reason, message, self._now())
        self._state.record_outcome(brief, keys=pending.request.keys)
        return brief

    def _accept(self, request: PreemptionRequest, received: str) -> None:
        named = request.with_event_id(str(workflow.uuid4()))
        # The patch is checked last, so that only histories in which it matters have its marker.
        if not (self._state.is_known(named) or self._state.has_room(named)) and workflow.patched(BOUNDED):
            message = "Too many requests are waiting; repeat the request when the run has ended."
            self._turn_away(QueuedRequest(named, received), RunStatus.SKIPPED, RunReason.TOO_MANY, message)
            return
        if self._state.accept(named, received):
            return
        # Without its keys: a repeated request gets the outcome of the first one.
        self._state.record_outcome(self._duplicate(named))

    def _duplicate(self, request: PreemptionRequest) -> dict[str, Any]:
        again, message = QueuedRequest(request, self._now()), "This event or request ID was received before."
        workflow_id = workflow.info().workflow_id
        return record_without_run(
            workflow_id, again, RunStatus.DUPLICATE, RunReason.SAME_EVENT, message, again.received
        )

    def _read(self, payloads: Sequence[RawValue]) -> PreemptionRequest:
        try:
            return without_surprise(READING, lambda: read_request(only_payload(READING, payloads)))
        except GivenButEmpty:
            # The patch is checked last, so that only histories to which it applies have its marker.
            if workflow.patched(NOT_EMPTY):
                raise
        except RequestTooLarge:
            if workflow.patched(STORED):
                raise
        raw = only_payload(READING, payloads, most_bytes=math.inf)
        return without_surprise(READING, lambda: read_request(raw, stored=True))

    def _read_update(self, payloads: Sequence[RawValue], *, stored: bool = False) -> tuple[PreemptionRequest, bool]:
        """The payload `{"request", "requestID", "wait"}`. The request ID becomes a missing event ID."""
        raw = only_payload(READING, payloads, most_bytes=math.inf if stored else MOST_BYTES)
        if not isinstance(raw, dict):
            raise InvalidRequest(
                "Cannot read the update", why="it is not an object", next_step="Send request and wait."
            )
        given = raw.get("request")
        request_id = raw.get("requestID")
        if isinstance(given, dict) and request_id:
            given = {**given, "requestID": request_id}
        request = without_surprise(READING, lambda: read_request(given, stored=stored))
        if not request.event.id and not request.request_id:
            raise InvalidRequest(
                "Cannot accept the update", why="it has no request ID and its event has no ID", next_step="Send one."
            )
        return request.with_event_id(request.request_id), raw.get("wait") is True

    def _current_state(self) -> dict[str, Any]:
        info = workflow.info()
        return state_as_wire(workflow_id=info.workflow_id, run_id=info.run_id, last=self._state.last)

    def _now(self) -> str:
        """The time in the wire format. It is the same all through a workflow task, in which it is wanted often."""
        now = workflow.now()
        if now != self._clock[0]:
            self._clock = now, times.to_wire(now)
        return self._clock[1]
