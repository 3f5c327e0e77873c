# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which VM may be stopped at all, rule by rule, and which rule speaks first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from vsphere_preemption.core.inventory import Area, ManagedObject, PowerState, Scope, VirtualMachine
from vsphere_preemption.core.planning.plan import why_not
from vsphere_preemption.core.policy.model import Amount, Policy, Protection, Restore
from vsphere_preemption.core.reasons import LeftOut

from ..machines import MINE, NOW, a_mark, a_vm, some_limits

HOST, ELSEWHERE = ManagedObject("HostSystem", "host-1"), ManagedObject("HostSystem", "host-2")
SCOPE = Scope((Area(hosts=frozenset({HOST})),))
PROTECTION = Protection(tags=("protected", "Role/db"), names=("DC-*",), vms=("vm-7",), min_uptime_seconds=600)
STRICT = Policy(protection=PROTECTION, amount=Amount(per_vm_per_day=2), restore=Restore(hold_seconds=900))
ONLY = frozenset({"VM 1", "dc-main"})


def reason_for(machine: VirtualMachine, **more: Any) -> LeftOut | None:
    return why_not(machine, some_limits(policy=STRICT, **more))


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        pytest.param(a_vm(1), None, id="nothing speaks against it"),
        pytest.param(a_vm(1, agent=True), LeftOut.AGENT, id="agent"),
        pytest.param(a_vm(1, ft_secondary=True), LeftOut.FT_SECONDARY, id="shadow of a fault-tolerant VM"),
        pytest.param(a_vm(1, question=True), LeftOut.QUESTION, id="waits for an answer"),
        pytest.param(a_vm(1, in_maintenance=True), LeftOut.HOST_IN_MAINTENANCE, id="host in maintenance"),
        pytest.param(a_vm(1, "Any/protected"), LeftOut.PROTECTED_TAG, id="protected tag by name"),
        pytest.param(a_vm(1, "Role/db"), LeftOut.PROTECTED_TAG, id="protected tag with category"),
        pytest.param(a_vm(1, "Other/db"), None, id="same name in another category"),
        pytest.param(a_vm(1, "Any/unprotected"), None, id="a name that only ends like it"),
        pytest.param(a_vm(1, name="dc-main"), LeftOut.PROTECTED_NAME, id="name in other case"),
        pytest.param(a_vm(1, name="old-dc-main"), None, id="pattern is for the whole name"),
        pytest.param(a_vm(7), LeftOut.PROTECTED_VM, id="protected by reference"),
        pytest.param(a_vm(1, up_minutes=9.9), LeftOut.TOO_YOUNG, id="booted just now"),
        pytest.param(a_vm(1, up_minutes=10), None, id="old enough"),
        pytest.param(a_vm(1, mark=a_mark("pending", 1)), LeftOut.CLAIMED, id="another run is at work"),
        pytest.param(a_vm(1, mark=a_mark("pending", 1, run=MINE)), None, id="this run is at work"),
        pytest.param(a_vm(1, mark=a_mark("restored", 14.9)), LeftOut.RESTORED_RECENTLY, id="given back just now"),
        pytest.param(a_vm(1, mark=a_mark("restored", 15)), None, id="given back long ago"),
        pytest.param(a_vm(1, mark=a_mark("restored", -1)), LeftOut.RESTORED_RECENTLY, id="given back, by a fast clock"),
        pytest.param(a_vm(1, mark='{"phase": "restored"}'), None, id="given back at an unknown time"),
        pytest.param(a_vm(1, mark=a_mark("preempted", 60, 120)), LeftOut.DAY_CAP, id="twice today"),
        pytest.param(a_vm(1, mark=a_mark("restored", 60, 90, 120)), LeftOut.DAY_CAP, id="twice today, given back"),
        pytest.param(a_vm(1, mark=a_mark("failed", 5, 90, 120)), LeftOut.DAY_CAP, id="twice today, then not"),
        pytest.param(a_vm(1, mark=a_mark("failed", 5, 90)), None, id="once today, then not"),
        pytest.param(a_vm(1, mark=a_mark("preempted", 60, 1441)), None, id="once today, once yesterday"),
        pytest.param(
            a_vm(1, mark=a_mark("pending", 1, 90, run=MINE)), None, id="the mark of this run is no second time"
        ),
        pytest.param(a_vm(1, mark='{"preempted": true}'), None, id="a mark of the prototype counts as nothing"),
    ],
)
def test_each_rule_about_one_vm_has_its_reason(machine: VirtualMachine, reason: LeftOut | None) -> None:
    assert reason_for(machine) is reason


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"only": frozenset({"VM 1"})}, None),
        ({"only": frozenset({"vm-1"})}, None),
        ({"only": frozenset({"VM 2", "vm-11"})}, LeftOut.NOT_REQUESTED),
        ({"scope": SCOPE}, None),
        ({"scope": Scope((*SCOPE.areas, Area(hosts=frozenset({ELSEWHERE}))))}, LeftOut.OUT_OF_SCOPE),
        ({"scope": Scope((Area(),))}, LeftOut.OUT_OF_SCOPE),
    ],
)
def test_a_vm_that_was_not_asked_for_or_is_out_of_scope_is_left_out(more: dict[str, Any], reason: LeftOut) -> None:
    assert reason_for(a_vm(1, host=HOST), **more) is reason


def test_the_reasons_come_in_a_fixed_order() -> None:
    """Everything speaks against the VM at first; then one objection after the other falls."""
    objections: list[tuple[dict[str, Any], LeftOut]] = [
        ({"template": True}, LeftOut.TEMPLATE),
        ({"agent": True}, LeftOut.AGENT),
        ({"ft_secondary": True}, LeftOut.FT_SECONDARY),
        ({"connected": False}, LeftOut.UNREACHABLE),
        ({"power_state": PowerState.SUSPENDED}, LeftOut.SUSPENDED),
        ({"question": True}, LeftOut.QUESTION),
        ({"in_maintenance": True}, LeftOut.HOST_IN_MAINTENANCE),
        ({"name": "dc-other"}, LeftOut.NOT_REQUESTED),
        ({"host": ELSEWHERE}, LeftOut.OUT_OF_SCOPE),
        ({"lost_protections": ("protected",)}, LeftOut.PROTECTION_LOST),
        ({"tags": frozenset({"x/protected"})}, LeftOut.PROTECTED_TAG),
        ({"name": "dc-main"}, LeftOut.PROTECTED_NAME),
        ({"ref": ManagedObject("VirtualMachine", "vm-7")}, LeftOut.PROTECTED_VM),
        ({"boot_time": NOW - timedelta(minutes=1)}, LeftOut.TOO_YOUNG),
        ({"mark": a_mark("pending", 1, 90, 120)}, LeftOut.CLAIMED),
        ({"mark": a_mark("restored", 1, 90, 120)}, LeftOut.RESTORED_RECENTLY),
        ({"mark": a_mark("preempted", 30, 90, 120)}, LeftOut.DAY_CAP),
    ]
    found = []
    for first in range(len(objections)):
        fields: dict[str, Any] = {"ref": a_vm(1).ref, "name": "VM 1", "power_state": PowerState.ON, "host": HOST}
        for changes, _reason in reversed(objections[first:]):
            fields |= changes
        found.append(reason_for(VirtualMachine(**fields), scope=SCOPE, only=ONLY))
    assert found == [reason for _changes, reason in objections]


def test_a_last_look_that_read_only_tag_and_power_state_passes_all_other_rules() -> None:
    assert reason_for(VirtualMachine(a_vm(1).ref, "", PowerState.ON)) is None
