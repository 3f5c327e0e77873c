# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which VMs may be stopped: all rules about one VM that do not depend on other VMs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..inventory import PowerState, VirtualMachine
from ..mark import MarkFound, MarkPhase, preemptions, read_mark
from ..names import fits, names_tag, spellings
from ..policy.model import DAY
from ..reasons import LeftOut
from .limits import PlanLimits

Rule = Callable[[VirtualMachine, "MarkFound | None", PlanLimits], "LeftOut | None"]

_BY_POWER_STATE = {
    PowerState.OFF: LeftOut.ALREADY_OFF,
    PowerState.SUSPENDED: LeftOut.SUSPENDED,
    PowerState.UNKNOWN: LeftOut.POWER_STATE_UNKNOWN,
}


def why_not(machine: VirtualMachine, limits: PlanLimits) -> LeftOut | None:
    """The first reason why this VM may not be stopped, None if it may.

    The order is fixed: template, agent, shadow of a fault-tolerant VM, unreachable, not powered on, pending question,
    host in maintenance; not requested, out of scope; a lost protection, protected by tag, by name, by MoRef, by its
    uptime; claimed by another run, restored recently, stopped too often today. Properties that were not read have
    defaults that pass.
    """
    return why_ineligible(machine, read_mark(machine.mark), limits)


def why_ineligible(machine: VirtualMachine, mark: MarkFound | None, limits: PlanLimits) -> LeftOut | None:
    """The same, for a VM whose mark was already read."""
    for rule in _RULES:
        reason = rule(machine, mark, limits)
        if reason is not None:
            return reason
    return None


def _what_it_is(machine: VirtualMachine, mark: MarkFound | None, limits: PlanLimits) -> LeftOut | None:
    if machine.template:
        return LeftOut.TEMPLATE
    if machine.agent:
        return LeftOut.AGENT
    return LeftOut.FT_SECONDARY if machine.ft_secondary else None


def _what_state_it_is_in(machine: VirtualMachine, mark: MarkFound | None, limits: PlanLimits) -> LeftOut | None:
    if not machine.connected:
        return LeftOut.UNREACHABLE
    if machine.power_state is not PowerState.ON:
        return _BY_POWER_STATE[machine.power_state]
    if machine.question:
        return LeftOut.QUESTION
    return LeftOut.HOST_IN_MAINTENANCE if machine.in_maintenance else None


def _what_was_asked_for(machine: VirtualMachine, mark: MarkFound | None, limits: PlanLimits) -> LeftOut | None:
    if limits.only and not limits.only & {*spellings(machine.name), machine.ref.value}:
        return LeftOut.NOT_REQUESTED
    return None if limits.scope.holds(machine) else LeftOut.OUT_OF_SCOPE


def _what_protects_it(machine: VirtualMachine, mark: MarkFound | None, limits: PlanLimits) -> LeftOut | None:
    protection = limits.policy.protection
    if machine.lost_protections:
        # This may be one of the VMs that the operator intended to protect.
        return LeftOut.PROTECTION_LOST
    if any(_carries(machine.tags, tag) for tag in protection.tags):
        return LeftOut.PROTECTED_TAG
    if any(fits(machine.name, pattern) for pattern in protection.names):
        return LeftOut.PROTECTED_NAME
    if machine.ref.value in protection.vms:
        return LeftOut.PROTECTED_VM
    if machine.boot_time is not None:
        uptime = (limits.now - machine.boot_time).total_seconds()
        if uptime < protection.min_uptime_seconds:
            return LeftOut.TOO_YOUNG
    return None


def _what_its_mark_says(machine: VirtualMachine, mark: MarkFound | None, limits: PlanLimits) -> LeftOut | None:
    if mark is None:
        return None
    if mark.claims(run_id=limits.run_id, now=limits.now, lease_seconds=limits.lease_seconds):
        return LeftOut.CLAIMED
    if mark.phase is MarkPhase.RESTORED and mark.time is not None:
        age = (limits.now - mark.time).total_seconds()
        if age < limits.policy.restore.hold_seconds:
            return LeftOut.RESTORED_RECENTLY
    per_day = limits.policy.amount.per_vm_per_day
    if per_day is not None and preemptions(mark, limits.now, DAY, but_of=limits.run_id) >= per_day:
        return LeftOut.DAY_CAP
    return None


def _carries(tags: Iterable[str], wanted: str) -> bool:
    return any(names_tag(wanted, tag) for tag in tags)


_RULES: tuple[Rule, ...] = (
    _what_it_is,
    _what_state_it_is_in,
    _what_was_asked_for,
    _what_protects_it,
    _what_its_mark_says,
)
