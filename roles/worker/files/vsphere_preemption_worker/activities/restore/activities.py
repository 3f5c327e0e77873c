# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The activities of a restore: plan it, restore one batch of VMs, and send the event."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import activity

from vsphere_preemption.core.bounded import bounded
from vsphere_preemption.core.errors import WorkflowNotFound
from vsphere_preemption.core.inventory import ManagedObject, Scope, TaggedObjects
from vsphere_preemption.core.policy.model import Policy, PolicySet, choose_policy
from vsphere_preemption.core.restore.candidates import RestoreLimits, is_marked, plan_restore, vms_to_look_up
from vsphere_preemption.core.restore.record import RestoreReason, VmRestoreOutcome
from vsphere_preemption.events.event_types import RestoredMachine, RestoreIdentity, restored_event, source_reference
from vsphere_preemption.events.sink import Sink
from vsphere_preemption.temporal.kill_switch import KillSwitch
from vsphere_preemption.temporal.run_control import Attempt, RunControl

from ...messages.restore import (
    GIVE_BACK,
    RESTORE_PLAN,
    TELL_RESTORED,
    GiveBackInput,
    GiveBackResult,
    RestoreInput,
    RestorePlanInput,
    RestorePlanResult,
    TellRestoredInput,
)
from ..plan_victims import LEFT_OUT_NAMED, MOST_VICTIMS
from ..stop.gate import StopGate
from ..stop.requested import CLOCK_SKEW
from ..support.claims import Claims
from ..support.context import this_attempt
from ..support.heartbeat import with_heartbeat
from ..support.kill_switch import PauseQuery
from .batch import Batch, RestoreClient, RestoreContext

STOP_MARGIN = timedelta(minutes=15)
# The grace period may have been longer when the VM was stopped than it is now.
LONGEST_STOP = timedelta(hours=2)


class PlanRestore:
    """The activity that plans a restore."""

    def __init__(
        self,
        vcenter: RestoreClient,
        policies: Callable[[], PolicySet],
        paused: PauseQuery,
        is_known: Callable[[str, str], bool],
        now: Callable[[], datetime],
    ) -> None:
        """is_known: whether Temporal has the preemption of this id, asked of this workflow."""
        self._vcenter = vcenter
        self._policies = policies
        self._paused = paused
        self._is_known = is_known
        self._now = now

    @activity.defn(name=RESTORE_PLAN, no_thread_cancel_exception=True)
    def plan(self, input: RestorePlanInput) -> RestorePlanResult:
        policies = self._policies()
        policy = policy_of(input.restore, policies)
        with with_heartbeat():
            refusal, message = self._why_not(input.restore, policy)
            if refusal:
                return RestorePlanResult(policy.restore, policy.name, refusal=refusal, message=message)
            return self._planned(input, policies, policy)

    def _why_not(self, restore: RestoreInput, policy: Policy) -> tuple[str, str]:
        """Why an automatic restore may not proceed. A manual restore is the user's own decision."""
        if not restore.wait_for_green:
            return "", ""
        if not (policy.restore.automatic or restore.by_rule):
            message = f"Policy {policy.name!r} does not restore VMs automatically."
            return RestoreReason.NOT_AUTOMATIC.value, message
        paused = self._paused()
        return (RestoreReason.PAUSED.value, paused) if paused else ("", "")

    def _planned(self, input: RestorePlanInput, policies: PolicySet, policy: Policy) -> RestorePlanResult:
        restore = input.restore
        limits = RestoreLimits(
            now=self._now(),
            hold_seconds=policy.restore.hold_seconds,
            force=restore.force or input.ignore_hold,
            only=frozenset(restore.only or ()),
            run_id=restore.run_id or "",
            workflow_id=restore.workflow_id if restore.by_rule else "",
            scope=Scope((self._vcenter.resolve(restore.places),)) if restore.places else Scope(),
            lease_seconds=policies.lease_seconds,
            done=frozenset(VmRestoreOutcome.from_wire(wire).vm for wire in input.wire_done),
            most=MOST_VICTIMS - len(input.wire_done),
        )
        tagged = self._vcenter.tagged(restore.tag, labels=False)
        unknown = self._why_unknown(restore, tagged)
        if unknown:
            refusal = RestoreReason.PREEMPTION_NOT_FOUND.value
            return RestorePlanResult(policy.restore, policy.name, refusal=refusal, message=unknown)
        plan = plan_restore(tagged, self._stoppers(tagged, limits, policies), self._vcenter.user, limits)
        return RestorePlanResult(
            settings=policy.restore,
            policy_name=policy.name,
            wire_returns=bounded([candidate.as_wire() for candidate in plan.give_back]),
            kept=plan.kept_as_wire(LEFT_OUT_NAMED),
            held_seconds=plan.held_seconds,
        )

    def _why_unknown(self, restore: RestoreInput, tagged: TaggedObjects) -> str:
        """Why no preemption has the id that the restore names; empty where one has.

        Temporal forgets runs; the marks of the VMs that they stopped stay. An automatic restore belongs to its run.
        """
        if not restore.run_id or restore.wait_for_green or is_marked(tagged, restore.run_id):
            return ""
        try:
            if self._is_known(restore.run_id, restore.workflow_id):
                return ""
        except WorkflowNotFound as error:
            return f"{error.why}."
        unmarked = f"no VM with the tag {restore.tag} has a mark that names it"
        return f"{restore.run_id} matches no workflow execution, and {unmarked}."

    def _stoppers(self, tagged: TaggedObjects, limits: RestoreLimits, policies: PolicySet) -> dict[ManagedObject, str]:
        """The account that last stopped each VM in question, from one query of vCenter's event log."""
        marked = vms_to_look_up(tagged, limits)
        if not marked:
            return {}
        begin = min(marked.values()) - stop_took_at_most(policies) - CLOCK_SKEW
        return dict(self._vcenter.who_stopped(marked, begin))


# The workflow's time limit for one batch.
CLAIM_SECONDS = 20 * 60.0


class GiveBack:
    """The activity that restores one batch."""

    def __init__(
        self,
        vcenter: RestoreClient,
        policies: Callable[[], PolicySet],
        claims: Claims,
        ask: Callable[[Attempt], RunControl],
        now: Callable[[], datetime],
    ) -> None:
        """ask: whether preemption is paused, and whether this attempt still owns the batch."""
        self._vcenter = vcenter
        self._policies = policies
        self._claims = claims
        self._ask = ask
        self._now = now

    @activity.defn(name=GIVE_BACK, no_thread_cancel_exception=True)
    def give_back(self, input: GiveBackInput) -> GiveBackResult:
        attempt = this_attempt()

        def ask() -> RunControl:
            control = self._ask(attempt)
            # A manual restore is the user's own decision.
            return control if input.heeds_pause else replace(control, switch=KillSwitch())

        with (
            with_heartbeat() as heartbeat,
            StopGate(ask, heartbeat) as gate,
            ThreadPoolExecutor(self._vcenter.concurrency, "restore") as threads,
            self._claims.of_run(input.restore_id, [candidate.vm for candidate in input.returns], CLAIM_SECONDS),
        ):
            policies = self._policies()
            context = RestoreContext(
                now=self._now,
                check_in=heartbeat.raise_if_handed_over,
                gate=gate,
                reach_back=stop_took_at_most(policies) + CLOCK_SKEW,
                lease_seconds=policies.lease_seconds,
                again=activity.info().attempt > 1,
            )
            return Batch(self._vcenter, input, self._claims, threads, context).give_back()


class TellRestored:
    """The activity that sends the event. address, namespace: those of Temporal, which form the event's source."""

    def __init__(self, sink: Sink, *, address: str, namespace: str) -> None:
        self._sink = sink
        self._source = source_reference(address, namespace)

    @activity.defn(name=TELL_RESTORED, no_thread_cancel_exception=True)
    def tell(self, input: TellRestoredInput) -> str:
        """Send the event of the restored VMs; return its ID."""
        restore = input.restore
        identity = RestoreIdentity(input.event_run_id, restore.run, restore.tag, restore.reason)
        machines = [
            RestoredMachine(candidate.vm, candidate.name, candidate.started, candidate.run_id)
            for candidate in input.machines
        ]
        event = restored_event(identity, machines, source=self._source, time=input.time)
        with with_heartbeat():
            self._sink.send(event, restore.reply_to)
        return event.id


def policy_of(restore: RestoreInput, policies: PolicySet) -> Policy:
    """The policy that the restore names, if it still exists; else the one for its places, or the default."""
    named = policies.policies.get(restore.policy_name)
    return named or choose_policy(policies, alarm="", places=restore.places or ())


def stop_took_at_most(policies: PolicySet) -> timedelta:
    """The maximum time between the request to stop a VM and the time in its mark, when it was off."""
    return max(timedelta(seconds=policies.lease_seconds) + STOP_MARGIN, LONGEST_STOP)
