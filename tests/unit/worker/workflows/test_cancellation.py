# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cancellation at the moments at which something else happens: it is neither lost nor does it lose anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from vsphere_preemption.core.contract import QUERY_REQUESTS, UPDATE_PREEMPT
from vsphere_preemption.core.policy.model import Events, Mode, Policy, Restore

from ..queries import ended, the_run, waiting
from ..world import Script, World, a_request, eventually
from .test_restore import ALARM

Tell = Callable[..., None]
MILLISECONDS = [0, 1, 2, 4, 8]


async def delivered(sending: Any) -> bool:
    """Whether a message reached a workflow that may just have ended."""
    try:
        await sending
    except RPCError:
        return False
    return True


@pytest.mark.parametrize("after", MILLISECONDS)
def test_a_cancellation_that_meets_an_escalation_ends_the_run(tell: Tell, after: int) -> None:
    # While the run waits for approval, no activity is active: the test server fails on one that is cancelled at once.
    script = Script(policy=Policy(mode=Mode.APPROVE, approval_seconds=36_000))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("e1", criticality="LOW"))
        await waiting(await the_run(world, handle))

        async def cancel() -> None:
            await asyncio.sleep(after / 1000)
            await handle.cancel()

        await asyncio.gather(world.signal(handle, a_request("e2")), cancel())
        await asyncio.wait_for(handle.result(), 20)
        seen = await handle.query(QUERY_REQUESTS)
        assert (seen["counts"], seen["waiting"]) == ({"skipped": 2}, 0)
        assert not script.stops

    tell(story, script)


@pytest.mark.parametrize("after", [0, 2, 5, 10, 20, 30])
def test_a_cancellation_after_the_announcement_keeps_the_record_and_the_restore(tell: Tell, after: int) -> None:
    script = Script(alarm=ALARM, policy=Policy(restore=Restore(automatic=True, hold_seconds=86_400)))
    cancelling: list[asyncio.Task[bool]] = []

    async def story(world: World) -> None:
        handle = await world.start()

        async def cancel() -> bool:
            await asyncio.sleep(after / 1000)
            return await delivered(handle.cancel())

        async def announced() -> None:
            cancelling.append(asyncio.create_task(cancel()))

        script.before_announce = announced
        await world.signal(handle, a_request("e1", replyTo="http://sink.example"))
        await asyncio.wait_for(handle.result(), 20)
        assert await cancelling[0]
        [record] = await ended(handle)
        assert (record["outcome"], record["reason"]) == ("done", "")
        restore = world.client.get_workflow_handle(f"{record['runID']}/restore")
        assert (await restore.describe()).status is WorkflowExecutionStatus.RUNNING
        await restore.terminate()

    tell(story, script)


def test_a_request_that_comes_after_the_cancellation_has_an_outcome(tell: Tell) -> None:
    receiver_answers = asyncio.Event()
    policy = Policy(events=Events(skipped=True))
    script = Script(policy=policy, before_tell=receiver_answers.wait)  # type: ignore[arg-type]

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("e1"))
        await ended(handle)
        await world.signal(handle, a_request("e2", replyTo="http://sink.example"))
        await eventually(lambda: asyncio.sleep(0, script.told), bool, "an event is being sent")
        await handle.cancel()
        await world.signal(handle, a_request("e3"))
        update = {"request": a_request("e4"), "wait": True}
        answer = await asyncio.wait_for(handle.execute_update(UPDATE_PREEMPT, update), 20)
        assert (answer["outcome"], answer["reason"]) == ("skipped", "workflow_ending")
        receiver_answers.set()
        await asyncio.wait_for(handle.result(), 20)
        seen = await handle.query(QUERY_REQUESTS)
        assert (seen["counts"], seen["waiting"]) == ({"done": 1, "skipped": 3}, 0)

    tell(story, script)
