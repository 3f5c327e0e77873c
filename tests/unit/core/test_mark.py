# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks: the prototype's fields, our phases, and the limit of their length."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.paths import CHECKOUT
from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.mark import MAX_MARK_CHARACTERS, Mark, MarkPhase, RunIdentity, read_mark, settled
from vsphere_preemption.core.requests.request import read_request

RECORDED = json.loads((CHECKOUT / "tests" / "fixtures" / "wire" / "mark.json").read_text())
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def a_mark(phase: MarkPhase = MarkPhase.PENDING, **event: Any) -> Mark:
    raw = {"tag": "preemptible", "criticality": "HIGH", "event": event or RECORDED["event"]}
    identity = RunIdentity(RECORDED["workflowID"], RECORDED["workflowStarted"], "run-1", read_request(raw))
    return Mark(identity, phase, StopMethod.HARD, forced=True, time="2026-11-24T10:00:00Z")


def test_the_fields_of_the_prototype_come_first_and_unchanged() -> None:
    written = json.loads(a_mark(MarkPhase.PREEMPTED).as_text())
    assert list(written)[: len(RECORDED)] == list(RECORDED)
    assert {name: written[name] for name in RECORDED} == RECORDED


@pytest.mark.parametrize("phase", [MarkPhase.PENDING, MarkPhase.FAILED])
def test_a_mark_says_preempted_only_when_we_stopped_the_vm(phase: MarkPhase) -> None:
    assert json.loads(a_mark(phase).as_text())["preempted"] is False


def test_the_same_mark_is_the_same_text() -> None:
    assert a_mark().as_text() == a_mark().as_text()


def test_a_long_event_keeps_the_names_of_its_alarm_and_says_that_it_was_shortened() -> None:
    data = {"Alarm": {"Name": "Host CPU"}, "FullFormattedMessage": "x" * 9000, "To": "red"}
    written = json.loads(a_mark(id="1", source="vc", type="alarm", data=data).as_text())
    assert written["event"]["data"] == {"Alarm": {"Name": "Host CPU"}, "To": "red"}
    assert written["eventShortened"] is True


@given(
    st.dictionaries(st.text(max_size=20), st.text(max_size=3000), max_size=8),
    st.text(max_size=3000),
    st.text(max_size=300),
)
def test_no_mark_is_longer_than_the_limit(data: dict[str, str], source: str, extension: str) -> None:
    mark = a_mark(id="1", source=source, type="t" * 2000, data=data, zone=extension)
    text = mark.as_text()
    assert len(text) <= MAX_MARK_CHARACTERS
    found = read_mark(text)
    assert found is not None
    assert found.run_id == "run-1"


def test_a_settled_mark_names_the_same_run() -> None:
    final = settled(a_mark(), phase=MarkPhase.FAILED, forced=False, time="2026-11-24T10:01:00Z", reason="cancelled")
    found = read_mark(final.as_text())
    assert found is not None
    assert (found.phase, found.run_id) == (MarkPhase.FAILED, "run-1")
    assert json.loads(final.as_text())["reason"] == "cancelled"


@pytest.mark.parametrize("text", [None, "", "no json", "[]", "7", '{"phase": "odd"}', '{"phase": []}', "[" * 100_000])
def test_what_is_no_mark_of_ours_is_none(text: str | None) -> None:
    assert read_mark(text) is None


def test_a_mark_of_the_prototype_is_read_as_preempted() -> None:
    found = read_mark(json.dumps(RECORDED))
    assert found is not None
    assert found.phase is MarkPhase.PREEMPTED


@pytest.mark.parametrize(
    ("phase", "run_id", "age_seconds", "claimed"),
    [
        pytest.param("pending", "other", 10, True, id="another run is at work"),
        pytest.param("pending", "mine", 10, False, id="it is our own"),
        pytest.param("pending", "other", 181, False, id="the other run died"),
        pytest.param("preempted", "other", 10, False, id="the other run is over"),
    ],
)
def test_a_young_pending_mark_of_another_run_claims_its_vm(
    phase: str, run_id: str, age_seconds: int, claimed: bool
) -> None:
    time = (NOW - timedelta(seconds=age_seconds)).isoformat()
    found = read_mark(json.dumps({"phase": phase, "runID": run_id, "time": time}))
    assert found is not None
    assert found.claims(run_id="mine", now=NOW, lease_seconds=180) is claimed
