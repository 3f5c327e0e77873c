# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stop that another worker goes on with: the first one lets go soon, and no guest is asked twice."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.errors import VCenterUnreachable
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.reasons import VictimReason
from vsphere_preemption_worker.activities.stop.requested import ShutdownRequests

from ...fake_vcenter import Attempt, FakeClock, FakeVCenter, an_order


@pytest.fixture
def vcenter() -> FakeVCenter:
    return FakeVCenter(FakeClock(), 1, 2)


def unreachable(_vm: ManagedObject) -> None:
    raise VCenterUnreachable("Cannot reach vCenter", why="the connection broke", next_step="Wait.")


def test_a_guest_that_an_earlier_attempt_asked_is_not_asked_again_and_gets_no_longer_grace_period(
    vcenter: FakeVCenter,
) -> None:
    vcenter.guest_obeys = False
    order, asked = an_order(vcenter, StopMethod.SOFT_THEN_HARD, grace_seconds=100), ShutdownRequests()

    def check_in() -> None:
        if vcenter.clock.seconds >= 60:
            raise InterruptedError("left to the next worker")

    with pytest.raises(InterruptedError):
        Attempt(vcenter, order, check_in=check_in, asked=asked).run()
    outcomes = Attempt(vcenter, order, asked=ShutdownRequests(asked.as_wire())).run()
    assert {outcome.reason for outcome in outcomes.values()} == {VictimReason.ESCALATED}
    assert vcenter.said("shut_down_guest") == ["vm-1", "vm-2"]
    assert vcenter.clock.seconds < 110


@pytest.mark.parametrize("call", ["mark", "shut_down_guest"])
def test_a_worker_that_shuts_down_does_not_go_on_trying(vcenter: FakeVCenter, call: str) -> None:
    vcenter.before[call] = unreachable

    def check_in() -> None:
        if vcenter.said(call):
            raise InterruptedError("left to the next worker")

    with pytest.raises(InterruptedError):
        Attempt(vcenter, an_order(vcenter, StopMethod.SOFT), check_in=check_in).run()
    assert len(vcenter.said(call)) == 1
