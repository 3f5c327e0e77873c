# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that needs somebody to agree."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from temporalio.client import WorkflowUpdateFailedError

from vsphere_preemption.core.contract import UPDATE_DECIDE, StopMethod
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.planning.plan import LeftOutVm
from vsphere_preemption.core.policy.model import Mode, Policy
from vsphere_preemption.core.reasons import LeftOut

from ..queries import ended, the_run, waiting
from ..world import Script, World, a_request

Tell = Callable[..., None]


@pytest.mark.parametrize(("approve", "outcome", "reason"), [(True, "done", ""), (False, "skipped", "not_approved")])
def test_a_run_that_needs_approval_waits_for_it(tell: Tell, approve: bool, outcome: str, reason: str) -> None:
    script = Script(policy=Policy(mode=Mode.APPROVE, approval_seconds=36_000))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request())
        run = await the_run(world, handle)
        assert len((await waiting(run))["plan"]["victims"]) == 2
        assert not script.stops
        decision = {"approve": approve, "by": "ada", "note": "change 7"}
        first = await run.execute_update(UPDATE_DECIDE, decision)
        assert first == {"runID": run.id, **decision}
        [record] = await ended(handle)
        assert (record["outcome"], record["reason"]) == (outcome, reason)
        assert record["approval"] == decision
        assert bool(script.stops) is approve
        if approve:
            assert [order.only for order in script.plans] == [[], ["vm-0", "vm-1"]]

    tell(story, script)


def test_without_approval_in_time_nothing_is_done(tell_apart: Tell) -> None:
    script = Script(policy=Policy(mode=Mode.APPROVE, approval_seconds=1800))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request())
        run = await the_run(world, handle)
        await waiting(run)
        await world.skip(1801)
        [record] = await ended(handle)
        assert (record["outcome"], record["reason"]) == ("skipped", "approval_timed_out")
        assert not script.stops

    tell_apart(story, script)


@pytest.mark.parametrize("decision", [None, {}, {"approve": "yes"}, []])
def test_what_is_no_decision_is_refused(tell: Tell, decision: object) -> None:
    script = Script(policy=Policy(mode=Mode.APPROVE))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request())
        run = await the_run(world, handle)
        await waiting(run)
        with pytest.raises(WorkflowUpdateFailedError):
            await run.execute_update(UPDATE_DECIDE, decision)
        await handle.cancel()
        await handle.result()

    tell(story, script)


def test_a_policy_that_became_a_dry_run_meanwhile_stops_nobody_whatever_was_agreed_to(tell: Tell) -> None:
    script = Script(policy=Policy(mode=Mode.APPROVE))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request())
        run = await the_run(world, handle)
        await waiting(run)
        script.policy = Policy(mode=Mode.DRY_RUN)
        await run.execute_update(UPDATE_DECIDE, {"approve": True})
        [record] = await ended(handle)
        assert (record["outcome"], record["reason"]) == ("skipped", "dry_run")
        assert not script.stops

    tell(story, script)


def test_an_approved_run_keeps_the_reasons_of_the_plan_that_was_approved(tell: Tell) -> None:
    left_out = [LeftOutVm(ManagedObject("VirtualMachine", "vm-9"), "db", LeftOut.PROTECTED_NAME)]
    script = Script(policy=Policy(mode=Mode.APPROVE), left_out=left_out)

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request())
        run = await the_run(world, handle)
        await waiting(run)
        await run.execute_update(UPDATE_DECIDE, {"approve": True})
        [record] = await ended(handle)
        assert record["leftOut"]["byReason"] == {"protected_by_name": 1}
        assert [entry["reason"] for entry in record["leftOut"]["vms"]] == ["protected_by_name"]

    tell(story, script)


def test_a_more_urgent_request_replaces_the_question(tell: Tell) -> None:
    script = Script(policy=Policy(mode=Mode.APPROVE, approval_seconds=36_000))

    async def story(world: World) -> None:
        handle = await world.start()
        await world.signal(handle, a_request("soft", criticality="LOW"))
        first = await the_run(world, handle)
        await waiting(first)
        await world.signal(handle, a_request("hard", criticality="HIGH"))
        [record] = await ended(handle)
        assert (record["outcome"], record["reason"]) == ("skipped", "superseded")
        second = await the_run(world, handle)
        assert second.id != first.id
        await waiting(second)
        await second.execute_update(UPDATE_DECIDE, {"approve": True})
        assert (await ended(handle, 2))[1]["outcome"] == "done"
        assert {order.method for order in script.stops} == {StopMethod.HARD}

    tell(story, script)
