# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire contract, held against what the prototype really sent and answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.paths import CHECKOUT
from vsphere_preemption.core.contract import Criticality
from vsphere_preemption.core.errors import InvalidRequest
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.records.state import LastRun, compact_json, state_as_wire
from vsphere_preemption.core.requests.request import read_request

WIRE = CHECKOUT / "tests" / "fixtures" / "wire"


def sample(name: str) -> Any:
    return json.loads((WIRE / name).read_text())


@pytest.mark.parametrize("name", ["request-preemptctl.json", "request-alarm.json", "request-alarm-old-router.json"])
def test_a_recorded_request_is_written_as_it_was_read(name: str) -> None:
    assert read_request(sample(name)).as_wire() == sample(name)


def test_the_event_is_written_in_the_order_of_the_go_sdk() -> None:
    recorded = sample("request-alarm-old-router.json")["event"]
    shuffled = dict(reversed(recorded.items()))
    written = read_request({"tag": "t", "criticality": "LOW", "event": shuffled}).event.as_wire()
    assert list(written) == list(recorded)


@pytest.mark.parametrize(
    ("name", "last"),
    [
        pytest.param("current_state-before-first-run.json", LastRun(), id="before the first run"),
        pytest.param("current_state-after-skipped-signal.json", None, id="without machines"),
        pytest.param("current_state-after-run.json", None, id="after a run"),
    ],
)
def test_the_state_is_answered_byte_for_byte_as_the_prototype_does(name: str, last: LastRun | None) -> None:
    text = (WIRE / name).read_text().strip()
    recorded = json.loads(text)
    known = last or LastRun(
        time=recorded["lastPreemptionTime"],
        machines=[ManagedObject(vm["Type"], vm["Value"]) for vm in recorded["virtualMachines"] or []],
        tag=recorded["tag"],
        criticality=recorded["criticality"],
        event=recorded["event"],
        reply_to=recorded["replyTo"],
    )
    state = state_as_wire(workflow_id=recorded["workflowID"], run_id=recorded["workflowRunID"], last=known)
    assert compact_json(state) == text


def test_keys_are_matched_without_regard_to_case_and_unknown_fields_ignored() -> None:
    request = read_request({"Tag": "spot", "CRITICALITY": "high", "replyto": "http://sink", "Future": [1], "event": {}})
    assert (request.tag, request.criticality, request.reply_to) == ("spot", Criticality.HIGH, "http://sink")


def test_the_exact_spelling_of_a_key_wins() -> None:
    assert read_request({"TAG": "wrong", "tag": "right", "criticality": "LOW"}).tag == "right"


def nested(levels: int) -> object:
    return {"x": nested(levels - 1)} if levels else "bottom"


GARBAGE: list[tuple[str, object]] = [
    ("null", None),
    ("text", "preempt!"),
    ("number", 7),
    ("list", [1, 2]),
    ("no tag", {"criticality": "LOW"}),
    ("empty tag", {"tag": "  ", "criticality": "LOW"}),
    ("tag is a number", {"tag": 5, "criticality": "LOW"}),
    ("tag is endless", {"tag": "x" * 5000, "criticality": "LOW"}),
    ("no criticality", {"tag": "t"}),
    ("unknown criticality", {"tag": "t", "criticality": "URGENT"}),
    ("criticality is a list", {"tag": "t", "criticality": ["LOW"]}),
    ("event is text", {"tag": "t", "criticality": "LOW", "event": "boom"}),
    ("event id is a number", {"tag": "t", "criticality": "LOW", "event": {"id": 1}}),
    ("event is huge", {"tag": "t", "criticality": "LOW", "event": {"id": "1", "data": "x" * 300_000}}),
    ("event holds no JSON number", {"tag": "t", "criticality": "LOW", "event": {"id": "1", "data": float("nan")}}),
    ("event is deep", {"tag": "t", "criticality": "LOW", "event": {"id": "1", "data": nested(100)}}),
    ("replyTo is an object", {"tag": "t", "criticality": "LOW", "replyTo": {}}),
]


@pytest.mark.parametrize("raw", [raw for name, raw in GARBAGE], ids=[name for name, raw in GARBAGE])
def test_what_is_no_request_is_refused_with_a_reason(raw: object) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read_request(raw)
    assert refusal.value.code == "invalid_request"
    assert not refusal.value.retryable


def test_an_event_without_id_gets_one_so_that_it_can_be_told_apart() -> None:
    request = read_request({"tag": "t", "criticality": "LOW"}).with_event_id("made-up")
    assert request.event.as_wire() == {
        "specversion": "1.0",
        "id": "made-up",
        "source": "vsphere.preemption",
        "type": "PreemptionRequest",
    }


def test_a_request_id_names_an_event_that_has_no_id() -> None:
    request = read_request({"tag": "t", "criticality": "LOW", "requestID": "change-17"}).with_event_id("made-up")
    assert request.event.id == "change-17"


def test_the_same_event_from_another_source_is_another_request() -> None:
    first = read_request({"tag": "t", "criticality": "LOW", "event": {"id": "1", "source": "a"}})
    second = read_request({"tag": "t", "criticality": "LOW", "event": {"id": "1", "source": "b"}})
    assert first.key != second.key


def test_a_lone_surrogate_does_not_break_the_written_text() -> None:
    compact_json({"name": "\ud800", "other": "\uffff"}).encode("utf-8")
