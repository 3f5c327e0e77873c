# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests ask of the workflows while they run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from vsphere_preemption.core.contract import QUERY_PROGRESS, QUERY_REQUESTS, QUERY_RUNS

from .world import World, eventually


async def ended(handle: WorkflowHandle[Any, Any], number: int = 1) -> list[dict[str, Any]]:
    """The records of so many runs."""
    return list(
        await eventually(
            lambda: handle.query(QUERY_RUNS), lambda seen: len(seen) >= number, f"{number} runs should end"
        )
    )


async def requests(handle: WorkflowHandle[Any, Any], holds: Callable[[Any], bool], what: str) -> dict[str, Any]:
    """What the dispatcher says about its requests, once that holds."""
    return dict(await eventually(lambda: handle.query(QUERY_REQUESTS), holds, what))


async def the_run(world: World, handle: WorkflowHandle[Any, Any]) -> WorkflowHandle[Any, Any]:
    """The workflow of the run that is at work."""
    at_work = (await requests(handle, lambda seen: bool(seen["atWork"]), "a run should be at work"))["atWork"]
    run = world.client.get_workflow_handle(f"{handle.id}/{at_work['runKey']}")
    await eventually(lambda: is_there(run), bool, "the run should have been started")
    return run


async def is_there(run: WorkflowHandle[Any, Any]) -> bool:
    try:
        await run.describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def phase(run: WorkflowHandle[Any, Any], name: str) -> dict[str, Any]:
    """The progress of a run that has come to this phase."""
    look = partial(run.query, QUERY_PROGRESS)
    return dict(await eventually(look, lambda seen: seen["phase"] == name, f"the phase should be {name}"))


async def waiting(run: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    return await phase(run, "waiting_for_approval")
