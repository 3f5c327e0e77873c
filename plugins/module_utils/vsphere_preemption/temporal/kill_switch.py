# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill switch: while a workflow with this id is open, no worker of the task queue starts a preemption.

Only the server stores it, so it survives all restarts, it can be set while no worker is running, and reading it takes
one call that does not need a worker either.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..core import times
from ..core.contract import SWITCH_WORKFLOW_TYPE
from ..core.errors import WorkflowNotFound
from ..core.workflow_ids import shortened
from ._temporalio import part
from .faults import translated

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHandle

CALL_LIMIT = timedelta(seconds=10)


@dataclass(frozen=True)
class KillSwitch:
    """paused: no run starts. reason, by, since (wire text), until (wire text, empty: until resumed manually)."""

    paused: bool = False
    reason: str = ""
    by: str = ""
    since: str = ""
    until: str = ""

    def __str__(self) -> str:
        if not self.paused:
            return "Preemption is active."
        who = f" by {self.by}" if self.by else ""
        why = f": {self.reason}" if self.reason else ""
        return f"Preemption is paused since {self.since}{who}{why}"


def kill_switch_id(task_queue: str) -> str:
    """Id of the kill switch workflow of a task queue."""
    return shortened(f"preemption-switch/{task_queue}")


async def read_kill_switch(client: Client, task_queue: str) -> KillSwitch:
    """The state of the kill switch."""
    try:
        with translated(f"Cannot check whether preemption is paused on the task queue {task_queue}"):
            found = await _handle(client, task_queue).describe(rpc_timeout=CALL_LIMIT)
    except WorkflowNotFound:
        return KillSwitch()
    if found.status is not part("client").WorkflowExecutionStatus.RUNNING:
        return KillSwitch()
    memo = await found.memo()
    known = {name: str(memo.get(name, "")) for name in ("reason", "by", "until")}
    return KillSwitch(paused=True, since=times.to_wire(found.start_time), **known)


async def pause(
    client: Client, task_queue: str, *, reason: str, by: str, seconds: float | None = None
) -> tuple[KillSwitch, bool]:
    """Pause; returns the switch, and whether anything changed. If already paused, the first reason is kept.

    seconds: resume automatically after this time.
    """
    limit = timedelta(seconds=seconds) if seconds is not None else None
    memo = {"reason": reason, "by": by, "until": end_after(seconds)}
    already = part("exceptions").WorkflowAlreadyStartedError
    try:
        with translated(f"Cannot pause preemption on the task queue {task_queue}"):
            await client.start_workflow(
                SWITCH_WORKFLOW_TYPE,
                id=kill_switch_id(task_queue),
                task_queue=task_queue,
                memo=memo,
                execution_timeout=limit,
                rpc_timeout=CALL_LIMIT,
            )
    except already:
        return await read_kill_switch(client, task_queue), False
    return await read_kill_switch(client, task_queue), True


def end_after(seconds: float | None) -> str:
    """The end of a pause that starts now, as wire text; empty for one that lasts until resumed manually."""
    return times.to_wire(datetime.now(UTC) + timedelta(seconds=seconds)) if seconds is not None else ""


async def resume(client: Client, task_queue: str, *, by: str) -> tuple[KillSwitch, bool]:
    """Resume; returns the switch, and whether anything changed."""
    switch = await read_kill_switch(client, task_queue)
    if not switch.paused:
        return switch, False
    try:
        with translated(f"Cannot resume preemption on the task queue {task_queue}"):
            # Not a cancellation, which would need a worker.
            await _handle(client, task_queue).terminate(reason=f"resumed by {by}", rpc_timeout=CALL_LIMIT)
    except WorkflowNotFound:
        return KillSwitch(), False
    return KillSwitch(), True


def as_result(switch: KillSwitch) -> dict[str, Any]:
    """The switch as a module result."""
    return asdict(switch)


def _handle(client: Client, task_queue: str) -> WorkflowHandle[Any, Any]:
    return client.get_workflow_handle(kill_switch_id(task_queue))
