# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The restore: powers on VMs that we stopped, batch by batch, and ends with its record.

A manual restore plans and starts immediately. An automatic restore first waits until the alarm has been green for the
hold time; if pressure returns during the restore, it stops and waits for green again, until it gives up.

A cancellation ends the restore after the current batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core import times
    from vsphere_preemption.core.bounded import bounded
    from vsphere_preemption.core.contract import MEMO_REQUEST, QUERY_PROGRESS, QUERY_RECORD, RESTORE_WORKFLOW_TYPE
    from vsphere_preemption.core.errors import GivenButEmpty, InvalidRequest
    from vsphere_preemption.core.policy.model import Restore
    from vsphere_preemption.core.restore.record import (
        NotRestored,
        RestoreCandidate,
        RestoreReason,
        RestoreRecord,
        RestoreStatus,
        VmRestoreOutcome,
        VmRestoreStatus,
    )

    from ..messages.restore import (
        GIVE_BACK,
        RESTORE_PLAN,
        TELL_RESTORED,
        GiveBackInput,
        GiveBackResult,
        RestoreInput,
        RestorePlanInput,
        RestorePlanResult,
        RestoreSnapshot,
        TellRestoredInput,
        read_restore,
        refuse_empty_limits,
    )
    from .activity_calls import ActivityCalls, code_of, failure_message, is_final
    from .alarm_hold import AlarmHold, HoldResult
    from .cancellation import CancellationGuard
    from .raw_input import refused, without_surprise

log = workflow.logger

PLAN_WITHIN = timedelta(minutes=10)
GIVE_BACK_WITHIN = timedelta(minutes=20)
TELL_WITHIN = timedelta(seconds=60)
# Temporal warns at 10,000 events.
MOST_EVENTS = 2000
SHORTEST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 1.0, 3600.0
# A workflow that started before this patch may have accepted a limit that was set but empty.
NOT_EMPTY = "given-but-empty"


@workflow.defn(name=RESTORE_WORKFLOW_TYPE)
class PreemptionRestore:
    """Wait for green if requested, plan, restore, announce; the result is the record of the restore."""

    # The raw input: a decoded one does not distinguish an empty limit from one that is not set.
    @workflow.init
    def __init__(self, raw: Any) -> None:
        info = workflow.info()
        input, machines, self._wrong = _given(raw)
        self._input = input
        self._cancellation = CancellationGuard()
        self._activities = ActivityCalls(self._cancellation)
        self._phase = "planning"
        self._carried = input.carried or RestoreSnapshot(times.to_wire(workflow.now()))
        self._record = RestoreRecord(
            # Manual restores share a workflow ID.
            restore_id=f"{info.workflow_id}/{info.first_execution_run_id}",
            workflow_id=input.workflow_id,
            tag=input.tag,
            reason=input.reason,
            started=self._carried.started,
            dry_run=input.dry_run,
        )
        self._record.take(machines)
        self._told = set(self._carried.told)
        self._events = self._carried.events
        self._alarm_hold: AlarmHold | None = None
        self._look_seconds = min(max(SHORTEST_LOOK_SECONDS, input.look_seconds), LONGEST_LOOK_SECONDS)
        self._settings = Restore()
        self._planned = 0
        self._refusal = RestoreReason.NONE

    @workflow.run
    async def run(self, raw: Any) -> dict[str, Any]:
        if self._wrong:
            raise self._wrong
        self._refuse_empty_limits(raw)
        try:
            ending = await (self._when_green() if self._input.wait_for_green else self._at_once())
            self._record.conclude(ending)
        except FailureError as error:
            self._give_up(error)
        await self._tell()
        self._record.finished = times.to_wire(workflow.now())
        self._phase = "ended"
        ended = {"restore_id": self._record.restore_id, "outcome": self._record.outcome.value}
        restored = len(self._record.restored())
        log.info("restore ended", extra={**ended, "restored": restored, "detail": self._record.message})
        return self._record.as_wire()

    @workflow.query(name=QUERY_PROGRESS)
    def progress(self) -> dict[str, Any]:
        """The progress of the restore."""
        return {
            "phase": self._phase,
            "restored": len(self._record.restored()),
            "planned": self._planned,
            "greenSince": self._alarm_hold.since if self._alarm_hold else "",
        }

    @workflow.query(name=QUERY_RECORD)
    def record(self) -> dict[str, Any]:
        """The record so far."""
        return self._record.as_wire()

    def _refuse_empty_limits(self, raw: Mapping[str, Any]) -> None:
        """Refuse an empty limit of a manually started restore, which must not restore all VMs.

        Inputs from the collection itself were checked before; earlier versions wrote a limit that was not set as empty.
        """
        is_ours = self._input.carried or self._input.wait_for_green or workflow.info().parent
        if is_ours or _has_memo(MEMO_REQUEST):
            return
        try:
            refuse_empty_limits(raw)
        except GivenButEmpty as error:
            # The patch is checked last, so that only histories to which it applies have its marker.
            if workflow.patched(NOT_EMPTY):
                raise ApplicationError(str(error), type=error.code, non_retryable=True) from error

    async def _at_once(self) -> RestoreReason:
        planned = await self._plan()
        if planned.refusal:
            return RestoreReason(planned.refusal)
        if self._input.dry_run:
            self._record.take(VmRestoreOutcome.of(back, VmRestoreStatus.PLANNED) for back in planned.returns)
            return RestoreReason.DRY_RUN
        await self._give_back(planned)
        return RestoreReason.NONE

    async def _when_green(self) -> RestoreReason:
        """Why the whole restore ended early; no reason if it did not."""
        if self._input.alarm is None:
            self._record.message = "An automatic restore needs an alarm to watch."
            return RestoreReason.NO_ALARM
        hold = AlarmHold(self._input.alarm, self._activities, self._cancellation, since=self._carried.green_since)
        self._alarm_hold = hold
        is_more = await self._is_there_more()
        while is_more:
            ending = await self._wait_for_green(hold)
            if ending:
                return ending
            await self._give_back_what_is_free()
            if self._cancellation.cancelled:
                return RestoreReason.NONE if self._record.machines else RestoreReason.CANCELLED
            is_more = await self._is_there_more()
            if is_more:
                # Pressure, a pause, an outage or a lack of capacity: the alarm must be green for the hold time again.
                hold.since = ""
                await self._cancellation.wait_up_to(self._look_seconds, lambda: False)
        return self._refusal

    async def _is_there_more(self) -> bool:
        """Whether there are still VMs to restore."""
        planned = await self._plan_if_possible(ignore_hold=True)
        if planned is None or planned.refusal == RestoreReason.PAUSED:
            return True
        self._refusal = RestoreReason(planned.refusal)
        return bool(planned.returns)

    async def _wait_for_green(self, hold: AlarmHold) -> RestoreReason:
        self._phase = "waiting_for_green"
        waited = await hold.wait(
            self._settings.hold_seconds,
            every_seconds=self._look_seconds,
            until=times.from_wire(self._record.started) + timedelta(seconds=self._settings.give_up_seconds),
            is_full=_history_is_full,
        )
        if waited is HoldResult.HISTORY_FULL:
            self._continue_as_new()
        if waited is HoldResult.TOO_LATE:
            self._record.message = "The alarm was not green for long enough in time, or there was not enough capacity."
            return RestoreReason.GAVE_UP
        return RestoreReason.CANCELLED if waited is HoldResult.CANCELLED else RestoreReason.NONE

    async def _give_back_what_is_free(self) -> None:
        planned = await self._plan_if_possible()
        if planned and planned.held_seconds > 0 and not planned.refusal:
            # Some VMs were stopped after the alarm turned green.
            await self._cancellation.wait_up_to(planned.held_seconds, lambda: False)
            planned = await self._plan_if_possible()
        if planned and not planned.refusal:
            await self._give_back(planned)
            await self._tell()

    async def _plan_if_possible(self, *, ignore_hold: bool = False) -> RestorePlanResult | None:
        """The plan; None while vCenter is unreachable."""
        try:
            return await self._plan(ignore_hold=ignore_hold)
        except FailureError as error:
            if is_final(error) or self._cancellation.cancelled:
                raise
            self._record.message = failure_message(error)
            return None

    async def _plan(self, *, ignore_hold: bool = False) -> RestorePlanResult:
        self._phase = "planning"
        done = bounded([machine.as_wire() for machine in self._record.settled])
        input = RestorePlanInput(replace(self._input, carried=None), done, ignore_hold)
        planned = await self._activities.carry_out(RESTORE_PLAN, input, RestorePlanResult, PLAN_WITHIN, cancel=True)
        self._settings = planned.settings
        self._record.policy = planned.policy_name
        self._record.message = planned.message
        if planned.kept:
            self._record.kept = planned.kept
        return planned

    async def _give_back(self, planned: RestorePlanResult) -> None:
        """Restore all batches, until one reports that none may follow."""
        self._phase = "restoring"
        returns, size = planned.returns, max(1, planned.settings.batch)
        self._record.forget_passing()
        self._planned = len(self._record.machines) + len(returns)
        for first in range(0, len(returns), size):
            if first:
                await self._cancellation.wait_up_to(planned.settings.pause_seconds, lambda: False)
            if self._cancellation.cancelled:
                self._keep(returns[first:], NotRestored.CANCELLED)
                return
            if first and _history_is_full():
                self._continue_as_new()
            reason, message = await self._give_batch_back(planned, returns[first : first + size])
            if reason:
                self._record.message = message
                self._keep(returns[first + size :], reason, message)
                return

    async def _give_batch_back(
        self, planned: RestorePlanResult, batch: list[RestoreCandidate]
    ) -> tuple[NotRestored, str]:
        """Restore a batch; the reason why the remaining VMs stay off, or no reason."""
        input = GiveBackInput(
            restore_id=self._record.restore_id,
            tag=self._input.tag,
            reason=self._input.reason,
            wire_returns=bounded([back.as_wire() for back in batch]),
            settings=planned.settings,
            alarm=self._input.alarm,
            heeds_pause=self._input.wait_for_green,
        )
        try:
            result = await self._activities.carry_out(GIVE_BACK, input, GiveBackResult, GIVE_BACK_WITHIN)
        except FailureError as error:
            message = failure_message(error)
            self._record.take(
                VmRestoreOutcome.of(back, VmRestoreStatus.FAILED, NotRestored.BROKE_OFF, message) for back in batch
            )
            return NotRestored.BROKE_OFF, message
        self._record.take(result.machines)
        return NotRestored(result.ending), result.message

    def _keep(self, returns: list[RestoreCandidate], reason: NotRestored, message: str = "") -> None:
        self._record.take(VmRestoreOutcome.of(back, VmRestoreStatus.KEPT, reason, message) for back in returns)

    def _continue_as_new(self) -> None:
        carried = RestoreSnapshot(
            started=self._record.started,
            wire_machines=bounded([machine.as_wire() for machine in self._record.machines.values()]),
            told=sorted(self._told),
            events=self._events,
            green_since=self._alarm_hold.since if self._alarm_hold else "",
        )
        workflow.continue_as_new(replace(self._input, carried=carried))

    async def _tell(self) -> None:
        """Announce VMs that were restored since the last announcement, if the request has an address for it."""
        fresh = [machine for machine in self._record.restored() if machine.vm.value not in self._told]
        if not fresh or not self._input.reply_to:
            return
        number = self._events + 1
        named = self._record.restore_id if number == 1 else f"{self._record.restore_id}/{number}"
        wire = bounded([machine.as_wire() for machine in fresh])
        input = TellRestoredInput(replace(self._input, carried=None), named, wire, times.to_wire(workflow.now()))
        try:
            event_id = await self._activities.carry_out(TELL_RESTORED, input, str, TELL_WITHIN)
            self._record.announcement = {"status": "sent", "eventID": event_id, "message": ""}
        except FailureError as error:
            status = "refused" if code_of(error) in ("sink_not_allowed", "sink_refused") else "failed"
            self._record.announcement = {"status": status, "eventID": "", "message": failure_message(error)}
        self._events = number
        self._told |= {machine.vm.value for machine in fresh}

    def _give_up(self, error: FailureError) -> None:
        self._record.conclude(RestoreReason.CANCELLED if self._cancellation.cancelled else RestoreReason.PLAN_FAILED)
        if not self._cancellation.cancelled and self._record.outcome is RestoreStatus.SKIPPED:
            self._record.outcome = RestoreStatus.FAILED
        self._record.message = failure_message(error)


def _given(raw: object) -> tuple[RestoreInput, list[VmRestoreOutcome], ApplicationError | None]:
    """The input, the outcomes of earlier executions in it, and the error with which the workflow fails.

    Anybody may have started it, with anything. An error in the constructor would leave every query unanswered.
    """
    what = "Cannot accept the restore"
    try:
        if not isinstance(raw, Mapping):
            raise InvalidRequest(what, why="its input is not an object", next_step="Send an object with tag.")
        input = without_surprise(what, lambda: read_restore(raw))
        return input, without_surprise(what, lambda: _machines_in(input.carried)), None
    except InvalidRequest as error:
        return RestoreInput("", ""), [], refused(error)


def _machines_in(carried: RestoreSnapshot | None) -> list[VmRestoreOutcome]:
    """The outcomes so far. Raises what the readers of times and outcomes raise."""
    for moment in (carried.started, carried.green_since) if carried else ():
        times.from_wire(moment or times.NEVER)
    return [VmRestoreOutcome.from_wire(wire) for wire in carried.wire_machines] if carried else []


def _has_memo(name: str) -> bool:
    """Whether the workflow was started with this memo, whatever is in it."""
    return name in workflow.info().raw_memo


def _history_is_full() -> bool:
    info = workflow.info()
    return info.is_continue_as_new_suggested() or info.get_current_history_length() >= MOST_EVENTS
