# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sink records what it gets, and each of its ways to misbehave is seen by a client as that."""

from __future__ import annotations

import time

import pytest
import requests

from support.sink import Answer, Sink

EVENT = {"specversion": "1.0", "id": "7", "source": "test", "type": "demo"}


def post(sink: Sink, **arguments: object) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(sink.url, timeout=2, allow_redirects=False, **arguments)  # type: ignore[arg-type]


def test_a_structured_event_is_recorded_as_it_was_sent(sink: Sink) -> None:
    response = post(sink, json={**EVENT, "data": {"n": 1}}, headers={"Content-Type": "application/cloudevents+json"})
    assert response.status_code == 202
    assert sink.events() == [{**EVENT, "data": {"n": 1}}]


def test_a_binary_event_is_put_together_from_its_headers(sink: Sink) -> None:
    post(sink, json={"n": 1}, headers={f"ce-{name}": value for name, value in EVENT.items()})
    assert sink.events() == [{**EVENT, "data": {"n": 1}}]


def test_a_queued_status_is_answered_as_often_as_asked(sink: Sink) -> None:
    sink.answer(Answer(500), times=2)
    assert [post(sink, json={}).status_code for attempt in range(3)] == [500, 500, 202]
    assert len(sink.wait_for(3)) == 3


def test_a_reset_is_a_broken_connection(sink: Sink) -> None:
    sink.answer(Answer(reset=True))
    with pytest.raises(requests.ConnectionError):
        post(sink, json={})
    assert len(sink.deliveries) == 1


def test_a_hanging_sink_never_answers(sink: Sink) -> None:
    sink.answer(Answer.hang())
    with pytest.raises(requests.ReadTimeout):
        post(sink, json={})


def test_a_redirect_names_its_target(sink: Sink) -> None:
    sink.answer(Answer.redirect("http://127.0.0.1:1/elsewhere"))
    response = post(sink, json={})
    assert (response.status_code, response.headers["Location"]) == (307, "http://127.0.0.1:1/elsewhere")


def test_a_slow_answer_arrives_byte_by_byte(sink: Sink) -> None:
    sink.answer(Answer(trickle_seconds=0.005))
    started = time.monotonic()
    assert post(sink, json={}).status_code == 202
    assert time.monotonic() - started > 0.1
