# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decision on a request: its policy, its scope and its plan, or why it is rejected.

The worker and the module `preemption_plan` both call `decide`, so the plan shown is the plan that would be carried out.
Nothing here changes anything; vCenter is only read, through the methods of `InventoryReader`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from ..alarm_event import AlarmEvent, read_alarm
from ..inventory import Area, ManagedObject, Scope, TaggedObjects, Usage
from ..policy.model import (
    Action,
    AlarmScope,
    Mode,
    OnShortfall,
    Place,
    PlaceKind,
    Policy,
    PolicySet,
    Target,
    choose_policy,
)
from ..policy.references import NEXT_STEP, References, references_of
from ..policy.windows import may_begin
from ..reasons import RunReason
from ..requests.limits import Narrowing
from ..requests.request import PreemptionRequest
from .plan import Plan, PlanLimits, plan_victims


class InventoryReader(Protocol):
    """The vCenter queries that a decision needs."""

    def tagged(self, tag: str, *, labels: bool, placed: bool, sized: bool) -> TaggedObjects: ...

    def resolve(self, places: Sequence[Place]) -> Area: ...

    def compute_resource(self, ref: ManagedObject) -> Area: ...

    def usage(self, hosts: Iterable[ManagedObject] | None) -> Usage: ...

    def missing(self, references: References) -> References: ...


@dataclass(frozen=True)
class DecisionContext:
    """The context of a decision besides the request and vCenter.

    run_id: marks of this run are not claims of another run. lease_seconds: how long a pending mark of another run
    reserves its VM. most_vms: upper limit for any policy. only: approved VMs, by MoRef; empty: all.
    explain: also calculate what stopping the VMs would free if there is no target.
    """

    now: datetime
    run_id: str = ""
    lease_seconds: float = 180.0
    most_vms: int = 2000
    only: frozenset[str] = frozenset()
    explain: bool = False


@dataclass(frozen=True)
class Decision:
    """refusal: why the request is rejected; then the plan is empty. message: the reason in plain text."""

    policy: Policy
    alarm: AlarmEvent | None = None
    scope: Scope = field(default_factory=Scope)
    plan: Plan = field(default_factory=Plan)
    refusal: RunReason = RunReason.NONE
    message: str = ""

    def action_for(self, request: PreemptionRequest) -> Action:
        return self.policy.actions.of(request.criticality)

    @property
    def is_refused(self) -> bool:
        return self.refusal is not RunReason.NONE


def decide(
    request: PreemptionRequest, policies: PolicySet, vcenter: InventoryReader, context: DecisionContext
) -> Decision:
    """Select the policy, resolve the scope, read the tagged objects, and plan. vCenter errors are passed on."""
    alarm = read_alarm(request.event)
    narrowing = request.narrowing
    policy = policy_for(policies, alarm) if alarm else choose_policy(policies, alarm="", places=narrowing.scope)
    decision = Decision(_narrowed(policy, narrowing), alarm)
    for check in (_tag_refusal, _time_refusal, _scope_refusal):
        reason, message = check(request, decision, context)
        if reason is not RunReason.NONE:
            return Decision(decision.policy, alarm, refusal=reason, message=message)
    reason, message = _protection_refusal(policy, vcenter)
    if reason is not RunReason.NONE:
        return Decision(decision.policy, alarm, refusal=reason, message=message)
    scope = _scope(decision.policy, narrowing, alarm, vcenter)
    target = decision.policy.amount.target
    # Whoever approves a plan is shown what it frees.
    sized = context.explain or bool(target) or decision.policy.mode is Mode.APPROVE
    tagged = vcenter.tagged(request.tag, labels=needs_labels(policy), placed=bool(scope.areas), sized=sized)
    limits = plan_limits(decision.policy, scope, context, only=frozenset(narrowing.only))
    if target.until_memory_percent is not None or target.until_cpu_percent is not None:
        limits = replace(limits, usage=vcenter.usage(_hosts(scope, tagged)))
    return Decision(decision.policy, alarm, scope, plan_victims(tagged, limits))


def policy_for(policies: PolicySet, alarm: AlarmEvent) -> Policy:
    """The policy for the requests of an alarm."""
    return choose_policy(policies, alarm=alarm.name, places=_places(alarm))


def plan_limits(
    policy: Policy, scope: Scope, context: DecisionContext, *, only: frozenset[str] = frozenset()
) -> PlanLimits:
    """The limits of a plan, and of the check immediately before a VM is stopped."""
    return PlanLimits(
        max_vms=min(policy.amount.max_vms, context.most_vms),
        run_id=context.run_id,
        now=context.now,
        lease_seconds=context.lease_seconds,
        policy=policy,
        scope=scope,
        target=policy.amount.target,
        only=context.only or only,
    )


def needs_labels(policy: Policy) -> bool:
    """Whether this policy needs the tags of the VMs; reading them takes an additional call."""
    by_tag = policy.protection.tags or policy.priority.category
    return bool(by_tag or any(group.category for group in policy.protection.groups))


def has_shared_limits(policy: Policy) -> bool:
    """Whether a limit applies across several runs, so that concurrent runs must take each other into account."""
    strict = any(group.strict for group in policy.protection.groups)
    return policy.amount.per_hour is not None or strict


def narrower(policy: Target, request: Target) -> Target:
    """The narrower of both targets: for each part, the value that frees less."""
    return Target(
        memory_mib=_least(policy.memory_mib, request.memory_mib),
        cpu_mhz=_least(policy.cpu_mhz, request.cpu_mhz),
        until_memory_percent=_most(policy.until_memory_percent, request.until_memory_percent),
        until_cpu_percent=_most(policy.until_cpu_percent, request.until_cpu_percent),
    )


def _places(alarm: AlarmEvent) -> tuple[Place, ...]:
    """The compute resource of an alarm, under each name that a policy may use for it."""
    ref = alarm.compute_resource
    names = (alarm.compute_resource_name, ref.value if ref else "")
    return tuple(Place(PlaceKind.CLUSTER, name) for name in names if name)


def _narrowed(policy: Policy, narrowing: Narrowing) -> Policy:
    """The policy with the limits of the request if these are tighter."""
    amount = policy.amount
    capped = amount.max_vms if narrowing.max_vms is None else min(amount.max_vms, narrowing.max_vms)
    tighter = replace(amount, max_vms=capped, target=narrower(amount.target, narrowing.target))
    return replace(policy, amount=tighter, mode=Mode.DRY_RUN if narrowing.dry_run else policy.mode)


Refusal = tuple[RunReason, str]
_NO_REFUSAL: Refusal = (RunReason.NONE, "")


def _tag_refusal(request: PreemptionRequest, decision: Decision, context: DecisionContext) -> Refusal:
    allowed = decision.policy.tags
    if not allowed or request.tag in allowed:
        return _NO_REFUSAL
    why = f"Policy {decision.policy.name!r} does not allow the tag of the request"
    return RunReason.NOT_ALLOWED, f"{why}; it allows {', '.join(allowed)}."


def _time_refusal(request: PreemptionRequest, decision: Decision, context: DecisionContext) -> Refusal:
    if may_begin(decision.policy.windows, context.now):
        return _NO_REFUSAL
    return RunReason.OUTSIDE_WINDOWS, f"The time windows of policy {decision.policy.name!r} do not allow a run now."


def _scope_refusal(request: PreemptionRequest, decision: Decision, context: DecisionContext) -> Refusal:
    rules, alarm = decision.policy.scope, decision.alarm
    if alarm and rules.alarm is AlarmScope.COMPUTE_RESOURCE and alarm.compute_resource is None:
        message = "The alarm event names no compute resource, and without one it would apply to all of vCenter."
        return RunReason.NOT_ALLOWED, message
    if not alarm and not rules.vcenter_wide and not request.narrowing.scope:
        message = f"Policy {decision.policy.name!r} requires a scope for manual requests."
        return RunReason.NOT_ALLOWED, message
    return _NO_REFUSAL


def _protection_refusal(policy: Policy, vcenter: InventoryReader) -> Refusal:
    """A protection by something that does not exist protects no VM, and the intended VMs are unknown."""
    references = references_of([policy])
    lost = vcenter.missing(references) if references else References()
    if not lost:
        return _NO_REFUSAL
    what = f"The policy {policy.name!r} protects VMs by {lost}"
    why = "which vCenter does not have or does not show to the account"
    return RunReason.PROTECTION_LOST, f"{what}, {why}. No VM is stopped. {NEXT_STEP}"


def _scope(policy: Policy, narrowing: Narrowing, alarm: AlarmEvent | None, vcenter: InventoryReader) -> Scope:
    areas = []
    if alarm and alarm.compute_resource and policy.scope.alarm is AlarmScope.COMPUTE_RESOURCE:
        areas.append(vcenter.compute_resource(alarm.compute_resource))
    areas += [vcenter.resolve(places) for places in (narrowing.scope, policy.scope.within) if places]
    return Scope(tuple(areas))


def _hosts(scope: Scope, tagged: TaggedObjects) -> frozenset[ManagedObject] | None:
    """The hosts whose usage counts: those in the scope, otherwise those of the VMs in scope; None: all of vCenter."""
    if not scope.areas:
        return None
    named = [area.hosts for area in scope.areas if area.hosts]
    if named:
        return frozenset.intersection(*named)
    return frozenset(machine.host for machine in tagged.machines if machine.host and scope.holds(machine))


def _least(one: int | None, other: int | None) -> int | None:
    return min((part for part in (one, other) if part is not None), default=None)


def _most(one: float | None, other: float | None) -> float | None:
    return max((part for part in (one, other) if part is not None), default=None)


def plan_as_result(plan: Plan) -> dict[str, Any]:
    """The victims in order, the objects left out and why, the freed capacity, and the target."""
    return {
        "victims": [
            {
                "rank": rank,
                "vm": victim.vm.value,
                "name": victim.name,
                "priority": victim.priority,
                "memory_mib": victim.memory_mib,
                "cpu_mhz": victim.cpu_mhz,
            }
            for rank, victim in enumerate(plan.victims, 1)
        ],
        "left_out": [
            {"vm": entry.vm.value, "name": entry.name, "reason": entry.reason.value} for entry in plan.left_out
        ],
        "left_out_count": plan.left_out_count,
        "freed": {"memory_mib": plan.freed_memory_mib, "cpu_mhz": plan.freed_cpu_mhz},
        "target": plan.target and {"memory_mib": plan.target.memory_mib, "cpu_mhz": plan.target.cpu_mhz},
        "shortfall": plan.shortfall,
    }


def decision_as_result(decision: Decision, request: PreemptionRequest, policies: PolicySet) -> dict[str, Any]:
    """The decision as a result for users and playbooks."""
    policy, action = decision.policy, decision.action_for(request)
    reason, message = _refusal(decision)
    return {
        "policy": {"name": policy.name, "digest": policies.digest, "mode": policy.mode.value},
        "refused": reason is not RunReason.NONE,
        "reason": reason.value,
        "message": message,
        **plan_as_result(decision.plan),
        "method": action.method.value,
        "grace_seconds": action.grace_seconds,
    }


def _refusal(decision: Decision) -> tuple[RunReason, str]:
    """Why the request is rejected, regardless of any approval."""
    aborts = decision.policy.amount.on_shortfall is OnShortfall.ABORT
    if decision.plan.shortfall and aborts and not decision.is_refused:
        return RunReason.SHORTFALL, "The eligible VMs free less than the target."
    return decision.refusal, decision.message
