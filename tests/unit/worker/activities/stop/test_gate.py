# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate before every stop: it asks when it must, believes no old answer, and lets nobody pass without one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from temporalio.exceptions import ApplicationError

from vsphere_preemption.core.errors import TemporalUnreachable
from vsphere_preemption.core.reasons import VictimReason
from vsphere_preemption.core.sending import CallWithdrawn, Confirm
from vsphere_preemption.temporal.kill_switch import KillSwitch
from vsphere_preemption.temporal.run_control import RunControl
from vsphere_preemption_worker.activities.stop.gate import (
    MAX_AGE_SECONDS,
    MOST_LATE_ANSWERS,
    GateClosed,
    StopGate,
    pass_through,
)
from vsphere_preemption_worker.activities.support.heartbeat import Heartbeat

from ...fake_vcenter import FakeClock

PAUSED = RunControl(KillSwitch(paused=True, by="ada"))


class Temporal:
    """Answers what it is told to, and counts how often it was asked."""

    def __init__(self) -> None:
        self.answer = RunControl()
        self.asked = 0
        self.away = False
        self.meanwhile: Callable[[], None] = lambda: None

    def __call__(self) -> RunControl:
        self.asked += 1
        self.meanwhile()
        if self.away:
            raise TemporalUnreachable("Cannot ask", why="it is away", next_step="Try again.")
        return self.answer


@pytest.fixture
def temporal() -> Temporal:
    return Temporal()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def gate(temporal: Temporal, clock: FakeClock) -> StopGate:
    """Without its thread: what is asked, the test sees."""
    return StopGate(temporal, Heartbeat(), clock)


def test_the_first_check_asks(gate: StopGate, temporal: Temporal) -> None:
    temporal.answer = PAUSED
    assert gate.check() is VictimReason.PAUSED


def test_an_answer_is_believed_for_a_second(gate: StopGate, temporal: Temporal, clock: FakeClock) -> None:
    assert gate.check() is None
    temporal.answer = PAUSED
    clock.pass_by(MAX_AGE_SECONDS)
    assert gate.check() is None
    clock.pass_by(0.01)
    assert gate.check() is VictimReason.PAUSED
    assert temporal.asked == 2


def test_what_is_forgotten_is_asked_again(gate: StopGate, temporal: Temporal, clock: FakeClock) -> None:
    assert gate.check() is None
    temporal.answer = PAUSED
    clock.pass_by(0.01)
    gate.forget()
    assert gate.check() is VictimReason.PAUSED


def test_a_cancellation_counts_more_than_a_pause(gate: StopGate, temporal: Temporal) -> None:
    temporal.answer = RunControl(KillSwitch(paused=True), cancelled=True)
    assert gate.check() is VictimReason.CANCELLED


def test_without_an_answer_nobody_passes(gate: StopGate, temporal: Temporal, clock: FakeClock) -> None:
    assert gate.check() is None
    temporal.away = True
    clock.pass_by(MAX_AGE_SECONDS + 0.01)
    for asked in (2, 3):
        with pytest.raises(TemporalUnreachable):
            gate.check()
        assert temporal.asked == asked


def test_who_only_waits_asks_nobody(gate: StopGate, temporal: Temporal) -> None:
    assert gate.closed() is None
    assert temporal.asked == 0


def test_a_run_that_is_no_longer_ours_is_left_to_the_other_attempt(gate: StopGate, temporal: Temporal) -> None:
    temporal.answer = RunControl(superseded=True)
    for error_type in ("handed_over", "handed_over"):
        with pytest.raises(ApplicationError) as error:
            gate.check()
        assert error.value.type == error_type


def test_once_closed_it_stays_closed(gate: StopGate, temporal: Temporal, clock: FakeClock) -> None:
    temporal.answer = PAUSED
    gate.check()
    temporal.answer = RunControl()
    clock.pass_by(60)
    assert gate.check() is VictimReason.PAUSED


def test_many_threads_share_one_answer(temporal: Temporal) -> None:
    began, answer = threading.Event(), threading.Event()

    def slowly() -> RunControl:
        began.set()
        assert answer.wait(5)
        return temporal()

    gate = StopGate(slowly, Heartbeat())
    with ThreadPoolExecutor(8) as threads:
        checks = [threads.submit(gate.check) for thread in range(8)]
        assert began.wait(5)
        answer.set()
        assert {check.result(5) for check in checks} == {None}
    assert temporal.asked == 1


def test_an_answer_that_took_too_long_is_requested_again(gate: StopGate, temporal: Temporal, clock: FakeClock) -> None:
    """What it says may have been true before a pause was confirmed."""

    def slow_once() -> None:
        if temporal.asked == 1:
            clock.pass_by(MAX_AGE_SECONDS + 0.01)
        else:
            temporal.answer = PAUSED

    temporal.meanwhile = slow_once
    assert gate.check() is VictimReason.PAUSED
    assert temporal.asked == 2


def test_nobody_passes_while_every_answer_takes_too_long(gate: StopGate, temporal: Temporal, clock: FakeClock) -> None:
    temporal.meanwhile = lambda: clock.pass_by(MAX_AGE_SECONDS + 0.01)
    with pytest.raises(TemporalUnreachable, match="took more than 1 second") as error:
        gate.check()
    assert error.value.retryable
    assert temporal.asked == MOST_LATE_ANSWERS


def test_what_another_thread_forgets_is_not_asked_again_for_ever(
    gate: StopGate, temporal: Temporal, clock: FakeClock
) -> None:
    def forgotten_meanwhile() -> None:
        clock.pass_by(0.01)
        gate.forget()

    temporal.meanwhile = forgotten_meanwhile
    assert gate.check() is None
    assert temporal.asked == 1


def test_a_call_is_confirmed_by_an_answer_of_the_last_second_without_asking(
    gate: StopGate, temporal: Temporal, clock: FakeClock
) -> None:
    with pytest.raises(CallWithdrawn):
        gate.confirm()
    gate.check()
    clock.pass_by(MAX_AGE_SECONDS)
    gate.confirm()
    clock.pass_by(0.01)
    with pytest.raises(CallWithdrawn):
        gate.confirm()
    assert temporal.asked == 1


@pytest.mark.parametrize("answer", [PAUSED, RunControl(cancelled=True), RunControl(superseded=True)])
def test_a_call_is_not_confirmed_once_the_thread_has_seen_a_decision(
    gate: StopGate, temporal: Temporal, clock: FakeClock, answer: RunControl
) -> None:
    gate.check()
    gate.confirm()
    temporal.answer = answer
    gate._look()
    with pytest.raises(CallWithdrawn):
        gate.confirm()


def test_a_call_that_waited_too_long_passes_the_gate_again(
    gate: StopGate, temporal: Temporal, clock: FakeClock
) -> None:
    waits = [MAX_AGE_SECONDS + 0.01, 0.5]

    def call(confirm: Confirm) -> str:
        clock.pass_by(waits.pop(0))
        confirm()
        return "sent"

    assert pass_through(gate, call) == "sent"
    assert (temporal.asked, waits) == (2, [])


def test_a_call_that_waited_through_a_pause_is_not_made(gate: StopGate, temporal: Temporal, clock: FakeClock) -> None:
    def call(confirm: Confirm) -> str:
        temporal.answer = PAUSED
        clock.pass_by(5)
        confirm()
        return "sent"

    with pytest.raises(GateClosed) as closed:
        pass_through(gate, call)
    assert closed.value.reason is VictimReason.PAUSED
    assert "by ada" in closed.value.message
