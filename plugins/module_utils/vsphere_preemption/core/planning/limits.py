# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of a plan: the operator's limits, the policy, the limits of the request, and the budgets of groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ..inventory import ManagedObject, PowerState, Scope, Usage, VirtualMachine
from ..mark import MarkFound
from ..policy.model import GroupBudget, Policy, Target


@dataclass(frozen=True)
class PlanLimits:
    """The limits of a plan.

    max_vms: maximum number of victims.
    run_id: of the run that plans; its own pending marks are not claims of another run.
    now: when the inventory was read.
    lease_seconds: how long a pending mark of another run reserves its VM.
    policy: which VMs are protected, in which order the others are stopped, and how far.
    scope: where VMs may be stopped. target: how much to free, after the request has narrowed the policy.
    usage: of the hosts in scope; without it, percentages in the target are ignored.
    only: names or MoRefs of the VMs that the request is for; empty for all.
    """

    max_vms: int
    run_id: str
    now: datetime
    lease_seconds: float
    policy: Policy = field(default_factory=Policy)
    scope: Scope = field(default_factory=Scope)
    target: Target = field(default_factory=Target)
    usage: Usage | None = None
    only: frozenset[str] = frozenset()


Seen = tuple[VirtualMachine, "MarkFound | None"]


@dataclass
class _Group:
    """The VMs that share one tag or value, whether or not they may be stopped."""

    budget: GroupBudget
    total: int = 0
    on: int = 0

    def bears_one_less(self) -> bool:
        """Whether the budget still holds if one more of them is stopped."""
        left = self.on - 1
        if self.budget.keep is not None and left < self.budget.keep:
            return False
        share = self.budget.max_off_percent
        return share is None or (self.total - left) * 100 <= share * self.total


class GroupCounts:
    """How many VMs of each group are running, while a plan selects them one by one.

    A VM counts as running if vCenter can reach it, reports it as powered on, and no other run is about to stop it.
    """

    def __init__(self, seen: Iterable[Seen], limits: PlanLimits) -> None:
        self._groups: dict[tuple[int, str], _Group] = {}
        self._of_machine: dict[ManagedObject, list[_Group]] = {}
        for machine, mark in seen:
            if machine.template:
                continue
            groups = [self._group(key, budget) for key, budget in _groups_of(machine, limits.policy.protection.groups)]
            is_on = _stays_on(machine, mark, limits)
            for group in groups:
                group.total += 1
                group.on += is_on
            # VMs that are off or shutting down are not part of the count.
            self._of_machine[machine.ref] = groups if is_on else []

    def forbid(self, vm: ManagedObject) -> bool:
        """Whether a strict budget would be broken."""
        return any(group.budget.strict and not group.bears_one_less() for group in self._of_machine[vm])

    def regret(self, vm: ManagedObject) -> bool:
        """Whether a budget that is not strict would be broken."""
        return any(not group.budget.strict and not group.bears_one_less() for group in self._of_machine[vm])

    def take(self, vm: ManagedObject) -> None:
        for group in self._of_machine[vm]:
            group.on -= 1

    def _group(self, key: tuple[int, str], budget: GroupBudget) -> _Group:
        return self._groups.setdefault(key, _Group(budget))


def _groups_of(
    machine: VirtualMachine, budgets: Sequence[GroupBudget]
) -> Iterator[tuple[tuple[int, str], GroupBudget]]:
    for number, budget in enumerate(budgets):
        if budget.category:
            prefix = budget.category + "/"
            for tag in machine.tags:
                if tag.startswith(prefix):
                    yield (number, tag), budget
        elif value := machine.attributes.get(budget.attribute):
            yield (number, value), budget


def _stays_on(machine: VirtualMachine, mark: MarkFound | None, limits: PlanLimits) -> bool:
    """A VM that this run has marked counts as running: it is decided on again before anything is stopped."""
    if not machine.connected or machine.power_state is not PowerState.ON:
        return False
    return mark is None or not mark.claims(run_id=limits.run_id, now=limits.now, lease_seconds=limits.lease_seconds)
