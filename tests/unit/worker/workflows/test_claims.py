# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims: a VM belongs to one run at a time, for all workers of a task queue."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from vsphere_preemption.core.contract import (
    CLAIMS_WORKFLOW_TYPE,
    RESTORE_WORKFLOW_TYPE,
    RUN_WORKFLOW_TYPE,
    SWITCH_WORKFLOW_TYPE,
    StopMethod,
)
from vsphere_preemption.core.errors import TemporalError
from vsphere_preemption.core.inventory import ManagedObject, VirtualMachine
from vsphere_preemption.core.records.outcome import VictimStatus
from vsphere_preemption.temporal.claims import ClaimGrant, claim, claims_id, release
from vsphere_preemption_worker.activities.support.claims import ClaimedVms, Claims
from vsphere_preemption_worker.service.registry import sandboxed_runner
from vsphere_preemption_worker.workflows.claims import LONGEST_SECONDS, MOST_VMS, PreemptionClaims

from ..fake_vcenter import US, Attempt, FakeClock, FakeVCenter, an_order, vm

# Each is a claim but for one part.
WRONG: list[Any] = [None, {}, {"run": "a", "vms": "vm-1", "seconds": 1}, {"run": "a", "vms": [1]}, []]
WRONG += [
    {"run": "a", "vms": ["vm-1"], "seconds": 1, **wrong}
    for wrong in (
        {"seconds": 1e300},
        {"seconds": float("inf")},
        {"seconds": float("nan")},
        {"seconds": -1},
        {"seconds": True},
        {"seconds": 10**400},
        {"run": ""},
        {"run": "a" * 2000},
        {"run": "\ud800"},
        {"vms": [""]},
        {"vms": ["vm-1" * 100]},
        {"vms": ["vm 1"]},
        {"vms": ["vm-1"] * (MOST_VMS + 1)},
    )
]

Machines = Mapping[ManagedObject, VirtualMachine]


class OneOther:
    """All other workers: they have vm-1, and gave vm-3 back two seconds before the fifth."""

    def __init__(self) -> None:
        self.released: list[str] = []

    def claim(self, run_id: str, machines: Iterable[ManagedObject], seconds: float) -> Future[ClaimedVms]:
        answer: Future[ClaimedVms] = Future()
        answer.set_result(ClaimedVms(frozenset(machines) - {vm(1)}, at=5.0, lately={vm(3): 2.0}))
        return answer

    def release(self, run_id: str) -> None:
        self.released.append(run_id)


def test_of_two_runs_in_one_worker_the_first_gets_the_vm_until_it_is_done() -> None:
    claims = Claims()
    with claims.of_run("a"):
        assert claims.take(vm(1), "a")
        assert not claims.take(vm(1), "b")
    assert claims.take(vm(1), "b")


def test_what_another_worker_has_cannot_be_taken() -> None:
    others = OneOther()
    claims = Claims(others)
    with claims.of_run("a", [vm(1), vm(2)], 60):
        assert not claims.take(vm(1), "a")
        assert claims.take(vm(2), "a")
        assert [claims.had_another_since(vm(number), "a", 2.9) for number in (2, 3)] == [False, True]
        assert not claims.had_another_since(vm(3), "a", 3.1)
    assert others.released == ["a"]


@asynccontextmanager
async def a_queue(client: Client) -> AsyncIterator[str]:
    queue = f"queue-{uuid.uuid4()}"
    async with Worker(client, task_queue=queue, workflows=[PreemptionClaims], workflow_runner=sandboxed_runner()):
        yield queue


async def a_run(client: Client, kind: str = RUN_WORKFLOW_TYPE, named: str = "run") -> str:
    """An open workflow of this type, on which nobody works; its id."""
    # Beside a task that nobody takes, the server skips no time.
    delay = timedelta(days=30)
    started = await client.start_workflow(kind, id=f"{named}-{uuid.uuid4()}", task_queue="nobody", start_delay=delay)
    return started.id


def test_claims_of_the_same_instant_never_overlap_and_are_given_again_to_their_run(
    loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment
) -> None:
    async def story() -> None:
        async with a_queue(server.client) as queue:
            wanted = [f"vm-{number}" for number in range(10)]
            runs = [await a_run(server.client) for _number in range(5)]
            answers = await asyncio.gather(
                *(claim(server.client, queue, run_id=run, vms=wanted, seconds=600) for run in runs)
            )
            assert sorted(vm for answer in answers for vm in answer.vms) == sorted(wanted)
            winner = next(run for run, answer in zip(runs, answers, strict=True) if answer.vms)
            assert {held for answer in answers for held in answer.held_by} == {winner}
            again = await claim(server.client, queue, run_id=winner, vms=wanted, seconds=600)
            assert again == ClaimGrant(frozenset(wanted), {})
            await release(server.client, queue, run_id=winner)
            loser = next(run for run in runs if run != winner)
            after = await claim(server.client, queue, run_id=loser, vms=wanted, seconds=600)
            assert (after.vms, set(after.lately)) == (frozenset(wanted), set(wanted))
            assert all(0 <= seconds < 10 for seconds in after.lately.values())

    loop.run_until_complete(asyncio.wait_for(story(), 20))


def test_a_claim_that_nobody_gives_back_ends_by_itself(
    loop: asyncio.AbstractEventLoop, own_server: WorkflowEnvironment
) -> None:
    async def story() -> None:
        async with a_queue(own_server.client) as queue:
            hangs = await a_run(own_server.client)
            await claim(own_server.client, queue, run_id=hangs, vms=["vm-1"], seconds=60)
            assert not (await claim(own_server.client, queue, run_id="next", vms=["vm-1"], seconds=60)).vms
            await own_server.sleep(61)
            assert (await claim(own_server.client, queue, run_id="next", vms=["vm-1"], seconds=60)).vms == {"vm-1"}
            forever = await claim(own_server.client, queue, run_id=hangs, vms=["vm-2"], seconds=1e9)
            assert forever.vms == {"vm-2"}
            await own_server.sleep(LONGEST_SECONDS + 1)
            assert (await claim(own_server.client, queue, run_id="next", vms=["vm-2"], seconds=60)).vms == {"vm-2"}

    loop.run_until_complete(asyncio.wait_for(story(), 20))


@pytest.mark.parametrize("restore", [False, True])
def test_a_claim_ends_with_its_run(loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment, restore: bool) -> None:
    """It was killed, and its worker could release nothing."""

    async def story() -> None:
        async with a_queue(server.client) as queue:
            kind = RESTORE_WORKFLOW_TYPE if restore else RUN_WORKFLOW_TYPE
            workflow_id = await a_run(server.client, kind)
            killed = f"{workflow_id}/{uuid.uuid4()}" if restore else workflow_id
            await claim(server.client, queue, run_id=killed, vms=["vm-1", "vm-2"], seconds=600)
            assert (await claim(server.client, queue, run_id="next", vms=["vm-1"], seconds=600)).held_by == (killed,)
            await server.client.get_workflow_handle(workflow_id).terminate()
            after = await claim(server.client, queue, run_id="next", vms=["vm-1"], seconds=600)
            # Its activity may have changed the VM until just now.
            assert set(after.vms) == set(after.lately) == {"vm-1"}

    loop.run_until_complete(asyncio.wait_for(story(), 20))


@pytest.mark.parametrize("kind", [CLAIMS_WORKFLOW_TYPE, SWITCH_WORKFLOW_TYPE, ""])
def test_vms_that_no_run_holds_can_be_claimed_whatever_somebody_else_sent(
    loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment, kind: str
) -> None:
    async def story() -> None:
        async with a_queue(server.client) as queue:
            foreign = await a_run(server.client, kind) if kind else "nobody"
            vms = [f"vm-{number}" for number in range(5)]
            await claim(server.client, queue, run_id=foreign, vms=vms, seconds=1e9)
            assert (await claim(server.client, queue, run_id="next", vms=vms, seconds=60)).vms == set(vms)

    loop.run_until_complete(asyncio.wait_for(story(), 20))


def test_claims_have_a_bound_in_all_and_one_that_finds_no_room_says_so(
    loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment
) -> None:
    """As the state of the workflow they must fit into one payload."""

    async def story() -> None:
        async with a_queue(server.client) as queue:
            many = [[f"vm-{number}-{part}" for number in range(MOST_VMS)] for part in range(4)]
            runs = [await a_run(server.client, named="r" * 800) for _part in many]
            first = await claim(server.client, queue, run_id=runs[0], vms=many[0][:1500], seconds=600)
            assert len(first.vms) == 1500
            with pytest.raises(TemporalError) as refused:
                await claim(server.client, queue, run_id=runs[1], vms=many[1], seconds=600)
            assert refused.value.retryable
            assert "too many VMs are claimed" in str(refused.value)
            for run in runs:
                await server.client.get_workflow_handle(run).terminate()
            again = await claim(server.client, queue, run_id=await a_run(server.client), vms=many[2][:2000], seconds=60)
            assert len(again.vms) == 2000

    loop.run_until_complete(asyncio.wait_for(story(), 30))


@pytest.mark.parametrize("junk", WRONG)
def test_what_is_no_claim_is_refused(
    loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment, junk: object
) -> None:
    async def story() -> None:
        async with a_queue(server.client) as queue:
            await claim(server.client, queue, run_id="a", vms=[], seconds=1)
            handle = server.client.get_workflow_handle(claims_id(queue))
            with pytest.raises(WorkflowUpdateFailedError):
                await handle.execute_update("claim", junk)

    loop.run_until_complete(asyncio.wait_for(story(), 20))


def test_a_vm_that_another_run_has_just_stopped_is_looked_at_again_and_not_claimed_as_ours() -> None:
    """It was on when this run looked; then the other run stopped it, and gave it back."""
    vcenter = FakeVCenter(FakeClock(), 2, 3)
    others = OneOther()
    claims = Claims(others)
    order = an_order(vcenter, StopMethod.HARD)
    first_look = vcenter.recheck

    def look(tag: str, refs: Sequence[ManagedObject], **more: Any) -> Machines:
        seen = dict(first_look(tag, refs, **more))
        vcenter.clock.pass_by(0.1)
        vcenter.switch_off(vm(3), US)
        return seen

    vcenter.recheck = look  # type: ignore[method-assign]
    with claims.of_run("run-1", [vm(2), vm(3)], 60):
        outcomes = Attempt(vcenter, order, claims).run()
    assert (outcomes["vm-2"].outcome, outcomes["vm-3"].outcome) == (VictimStatus.STOPPED, VictimStatus.SPARED)
    assert ("mark", "vm-3") not in vcenter.calls
