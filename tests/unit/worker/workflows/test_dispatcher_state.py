# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The book of a dispatcher: what it remembers, what it forgets, and that it fits into one payload."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest

from vsphere_preemption.core import times
from vsphere_preemption.core.contract import Criticality
from vsphere_preemption.core.requests.request import PreemptionRequest, read_request
from vsphere_preemption_worker.workflows.dispatcher_state import (
    EVENTS_REMEMBERED,
    REQUESTS_REMEMBERED,
    WAITING_BYTES,
    Book,
    Carried,
    restore,
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


def run(book: Book, request: PreemptionRequest, record: dict[str, Any]) -> None:
    assert book.accept(request, FINISHED)
    book.finish(book.take(), record)


def handed_on(book: Book) -> Book:
    """The book after a continue-as-new."""
    return Book(restore(json.loads(json.dumps(asdict(book.carried())))))


def asked(event_id: str, **given: Any) -> PreemptionRequest:
    return read_request(a_request(event_id, **given))


def test_what_was_handed_on_is_known_as_before() -> None:
    book = Book(Carried())
    run(book, asked("e1"), a_record())
    assert book.accept(asked("waiting"), FINISHED)
    later = handed_on(book)
    assert later.last == book.last
    assert later.runs() == book.runs()
    assert later.requests() == book.requests()
    assert [pending.request.event.id for pending in later.queue] == ["waiting"]
    assert later.is_known(asked("e1"))
    assert later.answer(asked("e1")) == a_record()


@pytest.mark.parametrize(("outcome", "opens"), [("done", True), ("partial", True), ("failed", False)])
def test_only_a_run_that_was_carried_out_opens_the_window(outcome: str, opens: bool) -> None:
    book = Book(Carried())
    run(book, asked("e1"), a_record(outcome))
    finished = times.from_wire(FINISHED)
    assert book.in_window(Criticality.MEDIUM, finished + timedelta(seconds=59)) is opens
    assert not book.in_window(Criticality.MEDIUM, finished + timedelta(seconds=60))


def test_a_request_that_is_more_urgent_than_the_last_run_is_not_swallowed_by_its_window() -> None:
    book = Book(Carried())
    run(book, asked("e1"), a_record())
    for later in (book, handed_on(book)):
        inside = times.from_wire(FINISHED) + timedelta(seconds=1)
        assert later.in_window(Criticality.LOW, inside)
        assert not later.in_window(Criticality.HIGH, inside)


def test_the_most_urgent_of_those_that_wait_hurries_a_less_urgent_run() -> None:
    book = Book(Carried())
    for number, criticality in enumerate(("LOW", "LOW", "HIGH", "MEDIUM")):
        assert book.accept(asked(f"e{number}", criticality=criticality), FINISHED)
    assert book.hurry is None
    book.take()
    assert book.hurry is Criticality.HIGH
    book.note({"outcome": "done"}, keys=asked("e0", criticality="LOW").keys)
    book.take(), book.take()
    assert book.hurry is None


def test_an_open_request_is_open_until_its_outcome_is_recorded() -> None:
    book = Book(Carried())
    assert book.accept(asked("e1"), FINISHED)
    assert book.is_open(asked("e1"))
    taken = book.take()
    assert book.is_open(asked("e1"))
    book.finish(taken, a_record())
    assert not book.is_open(asked("e1"))


def test_memory_is_bounded() -> None:
    book = Book(Carried())
    for number in range(EVENTS_REMEMBERED + 50):
        assert book.accept(asked(f"e{number}"), FINISHED)
        pending = book.take()
        book.note({"outcome": "skipped"}, keys=pending.request.keys)
    assert len(book.carried().seen) == EVENTS_REMEMBERED
    assert len(book.requests()["recent"]) == REQUESTS_REMEMBERED
    assert book.requests()["counts"] == {"skipped": EVENTS_REMEMBERED + 50}


def test_twenty_large_runs_still_fit_into_one_payload() -> None:
    book = Book(Carried())
    for number in range(25):
        run(book, asked(f"e{number}"), a_record(victims=1500))
    carried = handed_on(book).carried()
    assert len(carried.runs) == 20
    assert len(carried.runs[-1]["record"]["victims"]) == 1500
    assert carried.runs[0]["record"]["shortened"] is True
    assert len(json.dumps(asdict(carried))) < 1_500_000


def a_large_request(name: str, characters: int) -> PreemptionRequest:
    request = a_request(name + "x" * 2000)
    return read_request({**request, "event": {**request["event"], "source": "s" * 2048, "data": "d" * characters}})


def test_what_waits_is_bounded_by_its_size_and_a_single_request_always_has_room() -> None:
    book = Book(Carried())
    waiting = 0
    while book.has_room(request := a_large_request(str(waiting), 200_000)):
        assert book.accept(request, FINISHED)
        waiting += 1
    assert waiting == WAITING_BYTES // 204_500
    assert book.has_room(asked("small"))
    assert handed_on(book).has_room(request) is False
    book.take()
    assert book.has_room(request)
    assert Book(Carried()).has_room(a_large_request("e", 250_000))


def test_a_book_whose_every_part_is_large_still_fits_into_one_payload() -> None:
    book = Book(Carried())
    for number in range(250):
        request = a_large_request(str(number), 250_000)
        record = {**a_record(victims=1500), "event": request.event.summary(), "requestID": request.event.id}
        run(book, request, record)
    while book.has_room(request := a_large_request(f"w{len(book.queue)}", 1000)):
        assert book.accept(request, FINISHED)
    later = handed_on(book)
    assert len(json.dumps(asdict(book.carried()))) < 2_000_000
    assert [pending.request for pending in later.queue] == [pending.request for pending in book.queue]
    assert later.last == book.last
    assert later.is_known(a_large_request("0", 250_000))


@pytest.mark.parametrize("junk", [None, 7, "x", [], {}, {"queue": 1}])
def test_what_is_no_book_is_an_empty_one(junk: object) -> None:
    assert restore(junk) == Carried()
