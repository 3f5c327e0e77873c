# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A call may wait long between the gate's answer and the wire: what is decided meanwhile counts."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.reasons import VictimReason
from vsphere_preemption.core.records.outcome import VictimStatus
from vsphere_preemption.core.sending import CallWithdrawn
from vsphere_preemption.vcenter.transport.faults import SessionLost

from ...fake_vcenter import SOMEBODY, Attempt, FakeClock, FakeVCenter, an_order, vm

CALLS = [
    pytest.param(StopMethod.HARD, "mark", id="mark"),
    pytest.param(StopMethod.HARD, "power_off", id="power off"),
    pytest.param(StopMethod.SUSPEND, "suspend", id="suspend"),
    pytest.param(StopMethod.SOFT, "shut_down_guest", id="shutdown"),
]
Decided = list[VictimReason]


def session_lost(ref: ManagedObject) -> None:
    raise SessionLost("Cannot stop", why="vCenter ended our session", next_step="Retry; a new session is opened.")


@pytest.fixture
def vcenter() -> FakeVCenter:
    return FakeVCenter(FakeClock(), 1, 2)


@pytest.fixture
def decided() -> Decided:
    """What a user has decided so far."""
    return []


def run(vcenter: FakeVCenter, method: StopMethod, decided: Decided) -> set[tuple[VictimStatus, VictimReason]]:
    ended = Attempt(vcenter, an_order(vcenter, method), ending=lambda: next(iter(decided), None)).run()
    return {(end.outcome, end.reason) for end in ended.values()}


@pytest.mark.parametrize("decision", [VictimReason.PAUSED, VictimReason.CANCELLED])
@pytest.mark.parametrize(("method", "call"), CALLS)
def test_a_decision_while_a_call_waits_withdraws_it(
    vcenter: FakeVCenter, decided: Decided, method: StopMethod, call: str, decision: VictimReason
) -> None:
    vcenter.waiting[call] = lambda ref: decided.append(decision)
    assert run(vcenter, method, decided) == {(VictimStatus.SPARED, decision)}
    assert vcenter.said(call) == []


@pytest.mark.parametrize(("method", "call"), CALLS)
def test_a_call_that_was_only_late_is_made_after_all(
    vcenter: FakeVCenter, decided: Decided, method: StopMethod, call: str
) -> None:
    late = ["vm-1"]

    def wait_too_long(ref: ManagedObject) -> None:
        if ref.value in late:
            late.remove(ref.value)
            raise CallWithdrawn

    vcenter.waiting[call] = wait_too_long
    assert run(vcenter, method, decided) == {(VictimStatus.STOPPED, VictimReason.NONE)}
    assert vcenter.said(call) == ["vm-1", "vm-2"]


@pytest.mark.parametrize(("method", "call"), CALLS)
def test_a_session_that_expired_fails_no_vm(
    vcenter: FakeVCenter, decided: Decided, method: StopMethod, call: str
) -> None:
    def expire(ref: ManagedObject) -> None:
        if vcenter.said(call) == ["vm-1"]:
            session_lost(ref)

    vcenter.before[call] = expire
    assert run(vcenter, method, decided) == {(VictimStatus.STOPPED, VictimReason.NONE)}
    assert vcenter.said(call) == ["vm-1", "vm-1", "vm-2"]


@pytest.mark.parametrize(("method", "call"), CALLS[1:])
def test_a_pause_while_a_new_session_is_opened_leaves_the_vm_on(
    vcenter: FakeVCenter, decided: Decided, method: StopMethod, call: str
) -> None:
    def expire(ref: ManagedObject) -> None:
        decided.append(VictimReason.PAUSED)
        session_lost(ref)

    vcenter.before[call] = expire
    assert run(vcenter, method, decided) == {(VictimStatus.SPARED, VictimReason.PAUSED)}
    assert vcenter.said(call) == ["vm-1"]


def test_a_vm_is_looked_at_again_after_its_session_was_lost(vcenter: FakeVCenter, decided: Decided) -> None:
    def expire(ref: ManagedObject) -> None:
        vcenter.switch_off(ref, SOMEBODY)
        session_lost(ref)

    vcenter.before["power_off"] = expire
    assert run(vcenter, StopMethod.HARD, decided) == {(VictimStatus.SPARED, VictimReason.ALREADY_OFF)}
    assert vcenter.said("power_off") == [vm(1).value, vm(2).value]
