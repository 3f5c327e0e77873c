# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an id is: a preemption, an execution of a workflow, another workflow, or nothing that Temporal has."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from vsphere_preemption.core.errors import InvalidRequest, NotWaitingForApproval, WorkflowNotFound
from vsphere_preemption.temporal import approvals, preemptions
from vsphere_preemption.temporal.restores import checked_request

from ..worker.world import Script, World, a_request, eventually

Tell = Callable[..., None]


@pytest.fixture
def workflow_id() -> str:
    return f"named-{uuid.uuid4()}"


async def preempt(world: World, workflow_id: str) -> tuple[str, str]:
    """Carry a request out; the id of its run, and the execution run id of the dispatcher."""
    handle = await world.start(workflow_id=workflow_id)
    await world.signal(handle, a_request("e1"))
    [run] = await eventually(lambda: handle.query("runs"), bool, "a run")
    return run["runID"], (await handle.describe()).run_id


def test_a_run_is_known_as_long_as_temporal_has_it(tell: Tell, workflow_id: str) -> None:
    async def story(world: World) -> None:
        preemption_id, _execution = await preempt(world, workflow_id)
        assert await preemptions.is_known(world.client, preemption_id, workflow_id=workflow_id)
        for unknown in (f"{workflow_id}/none", "none", str(uuid.uuid4())):
            assert not await preemptions.is_known(world.client, unknown, workflow_id=workflow_id)

    tell(story)


def test_what_an_id_is_instead_is_told(tell: Tell, workflow_id: str) -> None:
    async def story(world: World) -> None:
        preemption_id, execution_run_id = await preempt(world, workflow_id)
        with pytest.raises(WorkflowNotFound, match=f"is the execution_run_id of the workflow {workflow_id}, not a pre"):
            await preemptions.is_known(world.client, execution_run_id, workflow_id=workflow_id)
        with pytest.raises(WorkflowNotFound, match="is the workflow id of a PreemptVMsWorkflow, not a preemption_id"):
            await preemptions.is_known(world.client, workflow_id, workflow_id=workflow_id)
        of_run = (await world.client.get_workflow_handle(preemption_id).describe()).run_id
        with pytest.raises(WorkflowNotFound, match=f"Use preemption_id {preemption_id}"):
            await preemptions.is_known(world.client, of_run, workflow_id=preemption_id)

    tell(story)


@pytest.mark.parametrize("empty", ["", "  ", "x" * 1001])
def test_an_empty_id_never_means_any_preemption(empty: str) -> None:
    with pytest.raises(InvalidRequest, match="preemption_id: it is empty"):
        checked_request(tag="t", workflow_id="w", preemption_id=empty)
    assert checked_request(tag="t", workflow_id="w").preemption_id == ""
    assert checked_request(tag="t", workflow_id="w", preemption_id="w/a").as_wire()["run_id"] == "w/a"


def test_an_approval_of_an_id_that_nothing_has_is_refused_and_a_run_that_is_to_come_is_waited_for(
    tell: Tell, workflow_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approvals, "LOOK_SECONDS", 0.01)

    async def story(world: World) -> None:
        preemption_id, execution_run_id = await preempt(world, workflow_id)
        for seconds in (0.0, 15.0):
            with pytest.raises(WorkflowNotFound, match="is the execution_run_id"):
                await approvals.find_pending_approval(world.client, workflow_id, execution_run_id, wait_seconds=seconds)
        looks: list[str] = []

        async def is_known(_client: object, looked_for: str, *, workflow_id: str) -> bool:
            looks.append(looked_for)
            return await preemptions.is_known(world.client, preemption_id, workflow_id=workflow_id) and len(looks) > 2

        with pytest.raises(WorkflowNotFound, match=f"{workflow_id}/none matches no workflow execution"):
            await approvals.find_pending_approval(world.client, workflow_id, f"{workflow_id}/none")
        monkeypatch.setattr(approvals, "is_known", is_known)
        with pytest.raises(NotWaitingForApproval, match="its phase is ended"):
            await approvals.find_pending_approval(world.client, workflow_id, preemption_id, wait_seconds=15.0)
        assert looks == [preemption_id] * 3
        with pytest.raises(InvalidRequest):
            await approvals.find_pending_approval(world.client, workflow_id, "")

    tell(story, Script())
