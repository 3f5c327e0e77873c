# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedules with the real worker and a simulated vCenter: a night as the documentation has it. govc is the witness."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from support.ansible import Ansible
from support.dispatcher import Dispatcher, a_request
from support.govc import Govc
from support.paths import CHECKOUT
from support.temporal import TemporalServer
from support.vcsim import VCSim
from support.waiting import wait_until
from support.worker import WorkerProcess

pytestmark = pytest.mark.timeout(600)

TAGGED = ["DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"]
BY_HAND = "DC0_C0_RP0_VM2"
STOP, RESTORE = "night-stop", "night-restore"
# A Monday, 22:00 in Berlin.
NIGHT = ("2026-11-23T20:30:00Z", "2026-11-23T21:30:00Z")
MEANT = "2026-11-23T21:00:00Z"

StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def night(tmp_path: Path, temporal: TemporalServer, task_queue: str) -> Iterator[None]:
    """The two schedules, as the playbook of the documentation makes them."""
    ansible = Ansible(tmp_path, {"TEMPORAL_ADDRESS": temporal.address, "TEMPORAL_TASKQUEUE": task_queue})
    [book] = re.findall(
        r"```yaml\n(- name: The nights.*?)```", (CHECKOUT / "docs" / "schedule.md").read_text(), re.DOTALL
    )
    done = ansible.playbook(book)
    assert done.returncode == 0, done.stdout + done.stderr
    yield
    for name in (STOP, RESTORE):
        temporal.delete_schedule(name)


@pytest.fixture
def scheduled(temporal: TemporalServer, task_queue: str) -> Iterator[Dispatcher]:
    """The workflow that takes the requests of schedules."""
    with contextlib.closing(Dispatcher(temporal, workflow_id="preemption-scheduled", task_queue=task_queue)) as found:
        yield found
        found.do(found.handle.terminate())


@pytest.fixture
def worker(vcsim: VCSim, start_worker: StartWorker, tmp_path: Path) -> Callable[[], WorkerProcess]:
    def start() -> WorkerProcess:
        policy = tmp_path / "policy.yml"
        restore = "{pause: 0s, hold: 0s}"
        policy.write_text(f"version: 1\npolicies:\n  - {{name: only, rerun_window: 0s, restore: {restore}}}\n")
        return start_worker(vcsim.client_environment(), {"PREEMPTION_POLICY_FILE": str(policy)})

    return start


def ended(scheduled: Dispatcher, queue: str, name: str, number: int) -> list[Any]:
    """What so many workflows of a schedule ended with, once all have."""
    query = f'TemporalScheduledById = "{name}" AND TaskQueue = "{queue}"'

    async def look() -> list[Any]:
        found = [one async for one in scheduled.client.list_workflows(query)]
        closed = [one for one in found if one.status is WorkflowExecutionStatus.COMPLETED]
        handles = [scheduled.client.get_workflow_handle(one.id, run_id=one.run_id) for one in closed]
        return [await handle.result() for handle in handles]

    return wait_until(
        lambda: scheduled.do(look()), 60, f"{number} workflows of {name}", until=lambda results: len(results) == number
    )


@pytest.mark.usefixtures("night")
def test_a_night_stops_vms_once_and_gives_back_those_alone(
    vcsim: VCSim,
    govc: Govc,
    temporal: TemporalServer,
    worker: Callable[[], WorkerProcess],
    scheduled: Dispatcher,
    dispatcher: Dispatcher,
    task_queue: str,
) -> None:
    vcsim.tag_machines([*TAGGED, BY_HAND])
    worker()
    dispatcher.run(a_request("HIGH", narrow={"only": [BY_HAND]}))
    before = govc.powered_on()
    assert BY_HAND not in before
    temporal.backfill_schedule(STOP, *NIGHT)
    ended(scheduled, task_queue, STOP, 1)
    scheduled.wait_counts(done=1)
    assert govc.powered_on() == before - set(TAGGED)
    [run] = scheduled.runs()
    event = {"id": f"{STOP}-{MEANT}", "source": f"preemption-schedule/{STOP}", "type": "PreemptionScheduled"}
    assert {part: run["event"][part] for part in event} == event
    assert {victim["method"] for victim in run["victims"]} == {"soft"}
    # Somebody powers one on again; the same night must not take it a second time.
    govc.power("on", TAGGED[0])
    temporal.backfill_schedule(STOP, *NIGHT)
    [first, second] = ended(scheduled, task_queue, STOP, 2)
    assert first == second
    scheduled.wait_counts(done=1, duplicate=1)
    assert (len(scheduled.runs()), TAGGED[0] in govc.powered_on()) == (1, True)
    temporal.trigger_schedule(RESTORE)
    [result] = ended(scheduled, task_queue, RESTORE, 1)
    restore = scheduled.client.get_workflow_handle(result["workflowID"])
    record = scheduled.do(restore.result())
    # It may take longer than its time may be late.
    limits = scheduled.do(restore.describe()).raw_description.execution_config
    assert not limits.workflow_execution_timeout.seconds
    assert {machine["name"]: machine["outcome"] for machine in record["machines"]} == {TAGGED[1]: "restored"}
    assert record["reason"] == f"schedule {RESTORE}"
    assert govc.powered_on() == before
    assert govc.marks()[TAGGED[1]]["phase"] == "restored"


@pytest.mark.usefixtures("night")
def test_without_a_worker_the_time_is_kept_until_one_comes_and_the_schedule_counts_now(
    vcsim: VCSim,
    govc: Govc,
    temporal: TemporalServer,
    worker: Callable[[], WorkerProcess],
    scheduled: Dispatcher,
    task_queue: str,
) -> None:
    vcsim.tag_machines(TAGGED)
    temporal.trigger_schedule(STOP)
    handle = wait_until(lambda: started(scheduled, task_queue, STOP), 30, "the workflow of the schedule", until=bool)[0]
    described = scheduled.do(scheduled.client.get_workflow_handle(handle).describe())
    assert described.status is WorkflowExecutionStatus.RUNNING
    assert described.raw_description.execution_config.workflow_execution_timeout.seconds == 600
    worker()
    [result] = ended(scheduled, task_queue, STOP, 1)
    assert result["outcome"] == "asked"
    scheduled.wait_counts(done=1)
    assert not set(TAGGED) & govc.powered_on()


def started(scheduled: Dispatcher, queue: str, name: str) -> list[str]:
    async def look() -> list[str]:
        query = f'TemporalScheduledById = "{name}" AND TaskQueue = "{queue}" AND ExecutionStatus = "Running"'
        return [one.id async for one in scheduled.client.list_workflows(query)]

    return scheduled.do(look())
