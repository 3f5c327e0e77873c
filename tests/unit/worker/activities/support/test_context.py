# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tries of a call that changes a VM: how many, with which pauses, and which errors end them."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.errors import (
    PreemptionError,
    VCenterFault,
    VCenterPermissionDenied,
    VCenterTimeout,
    VCenterUnreachable,
)
from vsphere_preemption_worker.activities.support.context import ActivityContext, Errors, any_fault, may_pass

from ...fake_vcenter import FakeClock

AWAY = VCenterUnreachable("Cannot reach vCenter", why="no route", next_step="Wait.")
SLOW = VCenterTimeout("Cannot power off", why="no response", next_step="Wait.")
DENIED = VCenterPermissionDenied("Cannot power off", why="no privilege", next_step="Add it.")


def a_fault(name: str, *, retryable: bool = False) -> VCenterFault:
    return VCenterFault("Cannot power off", why=name, next_step="Wait.", retryable=retryable, fault=name)


BUSY, OFF, REFUSED = a_fault("TaskInProgress", retryable=True), a_fault("InvalidPowerState"), a_fault("InvalidArgument")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def tries_of(clock: FakeClock, worth: Errors, error: PreemptionError) -> list[float]:
    """When each try is made, if all of them fail with that error."""
    at = []
    for again in ActivityContext(now=clock.now, clock=clock, pause=clock.pass_by).tries(worth):
        at.append(clock.seconds)
        if not again(error):
            break
    return at


@pytest.mark.parametrize(("worth", "error"), [(any_fault, REFUSED), (may_pass, BUSY), (may_pass, OFF)])
def test_an_error_that_is_worth_it_gets_three_further_tries(
    clock: FakeClock, worth: Errors, error: PreemptionError
) -> None:
    assert tries_of(clock, worth, error) == [0, 0.5, 1.5, 3.5]
    assert clock.seconds == 3.5


@pytest.mark.parametrize(("worth", "error"), [(any_fault, DENIED), (may_pass, DENIED), (may_pass, REFUSED)])
def test_any_other_error_ends_the_tries_without_a_pause(
    clock: FakeClock, worth: Errors, error: PreemptionError
) -> None:
    assert tries_of(clock, worth, error) == [0]
    assert clock.seconds == 0


@pytest.mark.parametrize("worth", [any_fault, may_pass])
def test_an_outage_is_raised_after_the_last_try(clock: FakeClock, worth: Errors) -> None:
    with pytest.raises(VCenterUnreachable):
        tries_of(clock, worth, AWAY)
    assert clock.seconds == 3.5


def test_an_outage_that_is_not_left_to_temporal_is_not_raised(clock: FakeClock) -> None:
    context = ActivityContext(now=clock.now, clock=clock, pause=clock.pass_by)
    assert [again(SLOW) for again in context.tries(may_pass, left_to_temporal=())] == [True] * 4
