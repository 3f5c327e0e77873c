# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mark remembers of earlier preemptions, so that caps hold over runs, retries and restores."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.mark import (
    HISTORY_LENGTH,
    MAX_MARK_CHARACTERS,
    Mark,
    MarkFound,
    MarkPhase,
    RunIdentity,
    history_after,
    preemptions,
    read_mark,
    restored,
    settled,
)
from vsphere_preemption.core.requests.request import read_request

from .machines import MINE, NOW, a_mark, wire_time

HOUR = 3600.0
PLAIN = {"tag", "preempted", "forcedShutdown", "criticality", "workflowID", "workflowStarted", "event"}


def mark(phase: MarkPhase, minutes_ago: float, run: str = MINE, event: Any = None, **more: Any) -> Mark:
    raw = {"tag": "t", "criticality": "HIGH", "event": event or {"id": "1", "source": "s", "type": "t"}}
    identity = RunIdentity("wf", "2026-11-24T08:00:00Z", run, read_request(raw))
    return Mark(identity, phase, StopMethod.HARD, forced=True, time=wire_time(minutes_ago), **more)


def read(text: str | None) -> MarkFound:
    found = read_mark(text)
    assert found is not None
    return found


def test_a_plain_mark_says_nothing_about_history_order_or_note() -> None:
    written = json.loads(mark(MarkPhase.PENDING, 0).as_text())
    assert set(written) == PLAIN | {"phase", "runID", "method", "time", "reason"}


def test_what_a_mark_remembers_is_read_back() -> None:
    text = mark(MarkPhase.PREEMPTED, 1, history=(wire_time(90), wire_time(60)), position=3, note="drill").as_text()
    found = read(text)
    assert found.history == (NOW - timedelta(minutes=90), NOW - timedelta(minutes=60))
    assert (found.position, found.note, found.method, found.forced) == (3, "drill", StopMethod.HARD, True)


def test_a_settled_mark_remembers_what_the_pending_one_did() -> None:
    pending = mark(MarkPhase.PENDING, 2, history=(wire_time(60),), position=3, note="drill")
    final = settled(pending, phase=MarkPhase.PREEMPTED, forced=True, time=wire_time(1), reason="")
    assert (final.history, final.position, final.note) == (pending.history, 3, "drill")


@pytest.mark.parametrize(
    "fields",
    [
        {"history": "soon"},
        {"history": [None, 7, "soon", "2026-11-24T09:00:00"]},
        {"history": {"a": 1}},
        {"order": "first"},
        {"method": "gently"},
        {"method": ["hard"]},
        {"time": "0001-01-01T00:00:00+05:00"},
    ],
    ids=str,
)
def test_odd_fields_do_not_make_a_mark_unreadable(fields: dict[str, Any]) -> None:
    found = read(json.dumps({"phase": "preempted", **fields}))
    assert (found.history, found.position, found.method, found.time) == ((), 0, None, None)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param(a_mark("preempted", 59), 1, id="stopped"),
        pytest.param(a_mark("preempted", 60), 0, id="stopped an hour ago"),
        pytest.param(a_mark("preempted", -5), 1, id="stopped, by a fast clock"),
        pytest.param(a_mark("pending", 9), 1, id="about to be stopped"),
        pytest.param(a_mark("failed", 9), 0, id="not stopped"),
        pytest.param(a_mark("restored", 9), 0, id="given back"),
        pytest.param(a_mark("restored", 9, 61, 30), 1, id="given back, with its history"),
        pytest.param(a_mark("preempted", 9, 61, 30, 20), 3, id="again and again"),
        pytest.param(a_mark("preempted", 9, 20, run=MINE), 1, id="the run that asks does not count itself"),
        pytest.param('{"preempted": true}', 0, id="a mark of the prototype"),
        pytest.param(None, 0, id="no mark"),
    ],
)
def test_preemptions_of_the_last_hour(text: str | None, wanted: int) -> None:
    assert preemptions(read_mark(text), NOW, HOUR, but_of=MINE) == wanted


@pytest.mark.parametrize(
    ("text", "minutes_ago"),
    [
        pytest.param(None, [], id="no mark"),
        pytest.param('{"preempted": true}', [], id="a mark of the prototype"),
        pytest.param(a_mark("preempted", 9, 30), [30, 9], id="stopped"),
        pytest.param(a_mark("restored", 9, 30), [30], id="given back"),
        pytest.param(a_mark("failed", 9, 30), [30], id="not stopped"),
        pytest.param(a_mark("pending", 9, 30), [30], id="about to be stopped"),
        pytest.param(a_mark("preempted", 9, 1440, 1439), [1439, 9], id="yesterday is forgotten"),
        pytest.param(a_mark("preempted", 9, 20, 30, 9), [30, 20, 9], id="in order, each once"),
        pytest.param(a_mark("preempted", 9, *range(60, 30, -1)), [*range(49, 30, -1), 9], id="at most twenty"),
    ],
)
def test_the_next_mark_carries_on_the_history(text: str | None, minutes_ago: list[float]) -> None:
    assert history_after(read_mark(text), NOW) == tuple(wire_time(minutes) for minutes in minutes_ago)


def test_a_restored_mark_keeps_its_event_and_the_time_of_the_preemption() -> None:
    text = mark(MarkPhase.PREEMPTED, 30, history=(wire_time(90),), position=2).as_text()
    given_back = restored(text, NOW, reason="pressure gone")
    found, wire = read(given_back), json.loads(given_back)
    assert (found.phase, found.time, found.position, found.run_id) == (MarkPhase.RESTORED, NOW, 2, MINE)
    assert [wire["preempted"], wire["reason"], wire["event"]["id"]] == [False, "pressure gone", "1"]
    assert wire["history"] == [wire_time(90), wire_time(30)]
    assert restored(given_back, NOW, reason="pressure gone") == given_back


@pytest.mark.parametrize("text", ["", "{}", a_mark("failed", 1), a_mark("pending", 1)])
def test_what_we_did_not_stop_cannot_be_marked_as_restored(text: str) -> None:
    with pytest.raises(ValueError, match="without a preempted mark"):
        restored(text, NOW)


@given(st.text(max_size=3000), st.lists(st.floats(0, 1400), max_size=HISTORY_LENGTH))
def test_no_mark_with_a_history_is_longer_than_the_limit(source: str, ago: list[float]) -> None:
    event = {"id": "1", "source": source or "s", "type": "t" * 2000, "data": {"text": source}}
    history = tuple(wire_time(minutes) for minutes in sorted(ago, reverse=True))
    text = mark(MarkPhase.PREEMPTED, 0, event=event, history=history).as_text()
    given_back = restored(text, NOW)
    assert max(len(text), len(given_back)) <= MAX_MARK_CHARACTERS
    assert len(read(text).history) == len(history)


@given(st.lists(st.tuples(st.sampled_from(["stop", "fail", "restore"]), st.integers(1, 500)), max_size=15))
def test_no_chain_of_marks_forgets_a_preemption_of_the_last_day(steps: list[tuple[str, int]]) -> None:
    """Mark after mark on one VM, each so many minutes after the one before."""
    text, now, stops = None, NOW, []
    for step, minutes in steps:
        now += timedelta(minutes=minutes)
        found = read_mark(text)
        if step == "restore" and found and found.phase is MarkPhase.PREEMPTED:
            text = restored(text or "", now)
        elif step != "restore":
            phase = MarkPhase.PREEMPTED if step == "stop" else MarkPhase.FAILED
            ago = (NOW - now).total_seconds() / 60
            text = mark(phase, ago, run="another-run", history=history_after(found, now)).as_text()
            stops += [now] if step == "stop" else []
        told = preemptions(read_mark(text), now, 24 * HOUR)
        assert told == sum((now - stop).total_seconds() < 24 * HOUR for stop in stops)
