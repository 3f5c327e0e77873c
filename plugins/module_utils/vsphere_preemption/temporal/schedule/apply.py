# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedules of a Temporal namespace: read one of ours, and carry out a plan.

A schedule is ours if it starts our workflow. Other schedules are neither read nor changed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ...core import times
from ...core.contract import SCHEDULED_WORKFLOW_TYPE
from ...core.errors import OutcomeTimeout, TemporalError, WorkflowNotFound
from ...core.policy.clock_times import PARTS, ClockTimes, in_order, runs_of
from .._calls import CALL_LIMIT, translated
from .._temporalio import part
from .errors import ScheduleTaken
from .model import Schedule, SchedulePlan

if TYPE_CHECKING:
    from temporalio.client import (
        Client,
        ScheduleCalendarSpec,
        ScheduleDescription,
        ScheduleRange,
        ScheduleUpdate,
        ScheduleUpdateInput,
    )
    from temporalio.client import Schedule as TemporalSchedule

SHOWS_WITHIN_SECONDS = 10.0
LOOK_EVERY_SECONDS = 0.1
NEXT_TIMES = 5
_ONLY_THE_BEGINNING = frozenset({0})


async def read_schedule(client: Client, name: str) -> Schedule | None:
    """The schedule, None if there is none. Raises ScheduleTaken if it is not ours."""
    found = await _describe(client, name)
    return await _value(client, found) if found else None


async def next_times(client: Client, name: str) -> list[str]:
    """The next action times, as wire text, including jitter; empty while it is paused, or if there is none."""
    found = await _describe(client, name)
    if found is None or found.schedule.state.paused:
        return []
    return [times.to_wire(moment) for moment in found.info.next_action_times[:NEXT_TIMES]]


async def carry_out(client: Client, plan: SchedulePlan) -> None:
    """Carry out the plan on the server, and wait until it is visible. Raises OutcomeTimeout if it is not."""
    if not plan.changed:
        return
    if plan.after is None:
        await _delete(client, plan)
    elif plan.before is None:
        await _create(client, plan.after)
    else:
        await _update(client, plan.after)
    await _wait_until_it_shows(client, plan)


async def _create(client: Client, wanted: Schedule) -> None:
    what = f"Cannot create the schedule {wanted.name}"
    try:
        with translated(what):
            await client.create_schedule(wanted.name, _as_temporal(wanted), rpc_timeout=CALL_LIMIT)
    except part("client").ScheduleAlreadyRunningError as error:
        raise TemporalError(
            what,
            why="a schedule with this name was created in the meantime",
            next_step="Another client changed it at the same time. Run the task again.",
            retryable=True,
        ) from error


async def _update(client: Client, wanted: Schedule) -> None:
    def renew(found: ScheduleUpdateInput) -> ScheduleUpdate:
        _check_ours(found.description)
        update: ScheduleUpdate = part("client").ScheduleUpdate(_as_temporal(wanted))
        return update

    with translated(f"Cannot change the schedule {wanted.name}"):
        await client.get_schedule_handle(wanted.name).update(renew, rpc_timeout=CALL_LIMIT)


async def _delete(client: Client, plan: SchedulePlan) -> None:
    name = plan.before.name if plan.before else ""
    with translated(f"Cannot delete the schedule {name}"):
        await client.get_schedule_handle(name).delete(rpc_timeout=CALL_LIMIT)


async def _wait_until_it_shows(client: Client, plan: SchedulePlan) -> None:
    """The server accepts a change immediately, and shows it a moment later."""
    wanted = plan.after or plan.before
    name, until = wanted.name if wanted else "", time.monotonic() + SHOWS_WITHIN_SECONDS
    while await read_schedule(client, name) != plan.after:
        if time.monotonic() > until:
            raise OutcomeTimeout(
                f"Cannot see the change of the schedule {name}",
                why=f"the server accepted the change, but it was not visible after {SHOWS_WITHIN_SECONDS:g} seconds",
                next_step="Run the task again; it changes nothing if the schedule is already as specified.",
            )
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def _describe(client: Client, name: str) -> ScheduleDescription | None:
    try:
        with translated(f"Cannot read the schedule {name}"):
            found = await client.get_schedule_handle(name).describe(rpc_timeout=CALL_LIMIT)
    except WorkflowNotFound:
        return None
    _check_ours(found)
    return found


def _check_ours(found: ScheduleDescription) -> None:
    kind = getattr(found.schedule.action, "workflow", "something else")
    if kind != SCHEDULED_WORKFLOW_TYPE:
        raise ScheduleTaken(
            f"Cannot use the schedule {found.id}",
            why=f"a schedule with this name already exists but does not belong to preemption; it starts {kind}",
            next_step="Use another name.",
        )


async def _value(client: Client, found: ScheduleDescription) -> Schedule:
    action: Any = found.schedule.action
    spec, policy, state = found.schedule.spec, found.schedule.policy, found.schedule.state
    arguments = await client.data_converter.decode(action.args)
    workflow_input = arguments[0] if arguments and isinstance(arguments[0], dict) else {}
    return Schedule(
        name=found.id,
        times=frozenset(_clock_times(calendar) for calendar in spec.calendars),
        timezone=spec.time_zone_name or "UTC",
        workflow_input=workflow_input,
        task_queue=action.task_queue,
        jitter_seconds=_seconds(spec.jitter),
        catch_up_seconds=_seconds(policy.catchup_window),
        paused=state.paused,
        note=state.note or "",
        additions=_additions(found.schedule),
    )


def _additions(found: TemporalSchedule) -> tuple[str, ...]:
    spec, policy, action = found.spec, found.policy, found.action
    overlap = part("client").ScheduleOverlapPolicy
    limit: timedelta | None = getattr(action, "execution_timeout", None)
    there = {
        "intervals": spec.intervals,
        "skipped times": spec.skip,
        "a beginning": spec.start_at,
        "an end": spec.end_at,
        "years": any(calendar.year for calendar in spec.calendars),
        "seconds": any(_numbers(calendar.second) != _ONLY_THE_BEGINNING for calendar in spec.calendars),
        "an overlap policy": policy.overlap not in (overlap.SKIP, 0),
        "a pause on failure": policy.pause_on_failure,
        "a number of actions": found.state.limited_actions,
        "a time limit": limit != policy.catchup_window,
    }
    return tuple(name for name, given in there.items() if given)


def _as_temporal(wanted: Schedule) -> TemporalSchedule:
    client, late = part("client"), timedelta(seconds=wanted.catch_up_seconds)
    made: TemporalSchedule = client.Schedule(
        action=client.ScheduleActionStartWorkflow(
            SCHEDULED_WORKFLOW_TYPE,
            wanted.workflow_input,
            id=f"preemption-schedule/{wanted.name}",
            task_queue=wanted.task_queue,
            # Otherwise a worker that returns in the morning would stop VMs that should have been stopped at night.
            execution_timeout=late,
        ),
        spec=client.ScheduleSpec(
            calendars=[_calendar(one) for one in in_order(wanted.times)],
            jitter=timedelta(seconds=wanted.jitter_seconds),
            time_zone_name=wanted.timezone,
        ),
        policy=client.SchedulePolicy(overlap=client.ScheduleOverlapPolicy.SKIP, catchup_window=late),
        state=client.ScheduleState(note=wanted.note or None, paused=wanted.paused),
    )
    return made


def _calendar(clock: ClockTimes) -> ScheduleCalendarSpec:
    client = part("client")
    ranges = {name: [client.ScheduleRange(*run) for run in runs_of(getattr(clock, name))] for name in PARTS}
    calendar: ScheduleCalendarSpec = client.ScheduleCalendarSpec(**ranges)
    return calendar


def _clock_times(calendar: ScheduleCalendarSpec) -> ClockTimes:
    return ClockTimes(**{name: _numbers(getattr(calendar, name)) for name in PARTS})


def _numbers(ranges: Iterable[ScheduleRange]) -> frozenset[int]:
    return frozenset(number for one in ranges for number in range(one.start, one.end + 1, one.step))


def _seconds(given: timedelta | None) -> int:
    return int(given.total_seconds()) if given else 0
