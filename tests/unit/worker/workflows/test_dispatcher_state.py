# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a dispatcher: what it remembers, what it forgets, and that it fits into one payload."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict
from datetime import timedelta
from typing import Any, NoReturn

import pytest

from vsphere_preemption.core import times
from vsphere_preemption.core.contract import Criticality
from vsphere_preemption.core.requests.request import PreemptionRequest, read_request
from vsphere_preemption_worker.workflows.dispatcher_state import (
    EVENTS_REMEMBERED,
    REQUESTS_REMEMBERED,
    WAITING_BYTES,
    DispatcherSnapshot,
    DispatcherState,
    QueuedRequest,
    state_from,
)

from ..world import a_request

FINISHED = "2026-11-24T10:00:00Z"


def a_record(outcome: str = "done", *, victims: int = 1) -> dict[str, Any]:
    stopped = {"vm": {"Type": "VirtualMachine", "Value": "vm-1"}, "name": "x" * 80, "outcome": "stopped"}
    return {
        "outcome": outcome,
        "finished": FINISHED,
        "windowSeconds": 60.0,
        "victims": [stopped] * victims,
        "planned": [],
        "urgency": "MEDIUM",
        "tellsSkipped": False,
        "leftOut": {"total": 0, "byReason": {}, "vms": []},
        "announcement": {},
    }


def run(state: DispatcherState, request: PreemptionRequest, record: dict[str, Any]) -> None:
    assert state.accept(request, FINISHED)
    state.record_run(state.next_request(), record)


def handed_on(state: DispatcherState) -> DispatcherState:
    """The state after a continue-as-new."""
    return DispatcherState(state_from(json.loads(json.dumps(asdict(state.snapshot())))))


def asked(event_id: str, **given: Any) -> PreemptionRequest:
    return read_request(a_request(event_id, **given))


def test_what_was_handed_on_is_known_as_before() -> None:
    state = DispatcherState(DispatcherSnapshot())
    run(state, asked("e1"), a_record())
    assert state.accept(asked("waiting"), FINISHED)
    later = handed_on(state)
    assert later.last == state.last
    assert later.runs() == state.runs()
    assert later.requests() == state.requests()
    assert [pending.request.event.id for pending in later.queue] == ["waiting"]
    assert later.is_known(asked("e1"))
    assert later.answer(asked("e1")) == a_record()


@pytest.mark.parametrize(("outcome", "opens"), [("done", True), ("partial", True), ("failed", False)])
def test_only_a_run_that_was_carried_out_opens_the_window(outcome: str, opens: bool) -> None:
    state = DispatcherState(DispatcherSnapshot())
    run(state, asked("e1"), a_record(outcome))
    finished = times.from_wire(FINISHED)
    assert state.in_window(Criticality.MEDIUM, finished + timedelta(seconds=59)) is opens
    assert not state.in_window(Criticality.MEDIUM, finished + timedelta(seconds=60))


def test_a_request_that_is_more_urgent_than_the_last_run_is_not_swallowed_by_its_window() -> None:
    state = DispatcherState(DispatcherSnapshot())
    run(state, asked("e1"), a_record())
    for later in (state, handed_on(state)):
        inside = times.from_wire(FINISHED) + timedelta(seconds=1)
        assert later.in_window(Criticality.LOW, inside)
        assert not later.in_window(Criticality.HIGH, inside)


def test_the_most_urgent_of_those_that_wait_hurries_a_less_urgent_run() -> None:
    state = DispatcherState(DispatcherSnapshot())
    for number, criticality in enumerate(("LOW", "LOW", "HIGH", "MEDIUM")):
        assert state.accept(asked(f"e{number}", criticality=criticality), FINISHED)
    assert state.escalation is None
    state.next_request()
    assert state.escalation is Criticality.HIGH
    state.record_outcome({"outcome": "done"}, keys=asked("e0", criticality="LOW").keys)
    state.next_request(), state.next_request()
    assert state.escalation is None


def test_the_most_urgent_one_is_still_known_after_continue_as_new() -> None:
    state = DispatcherState(DispatcherSnapshot())
    for number, criticality in enumerate(("LOW", "LOW", "HIGH")):
        assert state.accept(asked(f"e{number}", criticality=criticality), FINISHED)
    later = handed_on(state)
    later.next_request()
    assert later.escalation is Criticality.HIGH
    assert later.is_open(asked("e2", criticality="HIGH"))


def test_a_step_costs_the_same_however_many_requests_wait() -> None:
    state = DispatcherState(DispatcherSnapshot())
    for number in range(300):
        assert state.accept(asked(f"e{number}", criticality="LOW"), FINISHED)
    state.next_request()
    state.queue = UnreadQueue(state.queue)
    assert state.escalation is None
    assert state.is_open(asked("e299", criticality="LOW"))
    assert not state.is_open(asked("e300", criticality="LOW"))


class UnreadQueue(deque[QueuedRequest]):
    """A queue that nobody may walk through."""

    def __iter__(self) -> NoReturn:
        raise AssertionError("the whole queue was read")


def test_an_open_request_is_open_until_its_outcome_is_recorded() -> None:
    state = DispatcherState(DispatcherSnapshot())
    assert state.accept(asked("e1"), FINISHED)
    assert state.is_open(asked("e1"))
    taken = state.next_request()
    assert state.is_open(asked("e1"))
    state.record_run(taken, a_record())
    assert not state.is_open(asked("e1"))


def test_memory_is_bounded() -> None:
    state = DispatcherState(DispatcherSnapshot())
    for number in range(EVENTS_REMEMBERED + 50):
        assert state.accept(asked(f"e{number}"), FINISHED)
        pending = state.next_request()
        state.record_outcome({"outcome": "skipped"}, keys=pending.request.keys)
    assert len(state.snapshot().seen) == EVENTS_REMEMBERED
    assert len(state.requests()["recent"]) == REQUESTS_REMEMBERED
    assert state.requests()["counts"] == {"skipped": EVENTS_REMEMBERED + 50}


def test_twenty_large_runs_still_fit_into_one_payload() -> None:
    state = DispatcherState(DispatcherSnapshot())
    for number in range(25):
        run(state, asked(f"e{number}"), a_record(victims=1500))
    snapshot = handed_on(state).snapshot()
    assert len(snapshot.runs) == 20
    assert len(snapshot.runs[-1]["record"]["victims"]) == 1500
    assert snapshot.runs[0]["record"]["shortened"] is True
    assert len(json.dumps(asdict(snapshot))) < 1_500_000


def a_large_request(name: str, characters: int) -> PreemptionRequest:
    request = a_request(name + "x" * 2000)
    return read_request({**request, "event": {**request["event"], "source": "s" * 2048, "data": "d" * characters}})


def test_what_waits_is_bounded_by_its_size_and_a_single_request_always_has_room() -> None:
    state = DispatcherState(DispatcherSnapshot())
    waiting = 0
    while state.has_room(request := a_large_request(str(waiting), 200_000)):
        assert state.accept(request, FINISHED)
        waiting += 1
    assert waiting == WAITING_BYTES // 204_500
    assert state.has_room(asked("small"))
    assert handed_on(state).has_room(request) is False
    state.next_request()
    assert state.has_room(request)
    assert DispatcherState(DispatcherSnapshot()).has_room(a_large_request("e", 250_000))


def test_a_book_whose_every_part_is_large_still_fits_into_one_payload() -> None:
    state = DispatcherState(DispatcherSnapshot())
    for number in range(250):
        request = a_large_request(str(number), 250_000)
        record = {**a_record(victims=1500), "event": request.event.summary(), "requestID": request.event.id}
        run(state, request, record)
    while state.has_room(request := a_large_request(f"w{len(state.queue)}", 1000)):
        assert state.accept(request, FINISHED)
    later = handed_on(state)
    assert len(json.dumps(asdict(state.snapshot()))) < 2_000_000
    assert [pending.request for pending in later.queue] == [pending.request for pending in state.queue]
    assert later.last == state.last
    assert later.is_known(a_large_request("0", 250_000))


@pytest.mark.parametrize("junk", [None, 7, "x", [], {}, {"queue": 1}])
def test_what_is_no_book_is_an_empty_one(junk: object) -> None:
    assert state_from(junk) == DispatcherSnapshot()
