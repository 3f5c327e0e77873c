# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the webhook answers to each kind of message, over real sockets."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from support.webhook import (
    BATCH,
    STRUCTURED,
    alarm_data,
    binary,
    of_event_manager,
    of_knative,
    of_old_router,
)
from vsphere_preemption.core.errors import TemporalUnreachable, VCenterUnreachable
from vsphere_preemption.core.policy.alarm_rule import WhenGreen

from .conftest import ALARM, CLUSTER, GOOD, GREEN, Listen, a_rule, raw


def an_event(**more: Any) -> dict[str, Any]:
    return {name: value for name, value in {**GOOD, **more}.items() if value is not ...}


def test_a_good_event_is_asked_for_and_named(listen: Listen) -> None:
    hook = listen()
    reply = hook.send.post(GOOD)
    assert reply.status == 202
    assert reply.body["workflowID"] == f"alarm/queue/{ALARM}/{CLUSTER}"
    assert [event.as_wire() for event in hook.acts.asked] == [GOOD]


@pytest.mark.parametrize("path", ["/", "/events"])
def test_the_time_of_an_event_in_binary_mode_keeps_its_nanoseconds(listen: Listen, path: str) -> None:
    hook = listen()
    headers, body = binary(GOOD)
    assert hook.send.post(body, "application/json; charset=utf-8", headers, path=path).status == 202
    assert hook.acts.asked[0].as_wire() == {**GOOD, "datacontenttype": "application/json; charset=utf-8"}


def test_attributes_in_headers_are_decoded(listen: Listen) -> None:
    hook = listen()
    headers, body = binary(an_event(subject="x"))
    assert hook.send.post(body, "application/json", {**headers, "ce-subject": "Euro%20%E2%82%AC"}).status == 202
    assert hook.acts.asked[0].attributes["subject"] == "Euro €"


@pytest.mark.parametrize(
    ("event", "content_type", "status", "why"),
    [
        pytest.param(b"", STRUCTURED, 400, "not JSON", id="nothing"),
        pytest.param(b"{", STRUCTURED, 400, "not JSON", id="half of it"),
        pytest.param(b"\xff\xfe", STRUCTURED, 400, "not JSON", id="no text"),
        pytest.param(b"[" * 100_000, STRUCTURED, 400, "not JSON", id="deep"),
        pytest.param(b"1" * 9000, STRUCTURED, 400, "not JSON", id="huge number"),
        pytest.param([], STRUCTURED, 400, "not a JSON object", id="a list"),
        pytest.param(an_event(data=[[[]] * 3] * 9, id=...), STRUCTURED, 400, "no id", id="no id"),
        pytest.param(an_event(id=""), STRUCTURED, 400, "no id", id="empty id"),
        pytest.param(an_event(id=5), STRUCTURED, 400, "id is a int", id="id is a number"),
        pytest.param(an_event(id="x" * 3000), STRUCTURED, 400, "3000", id="long id"),
        pytest.param(an_event(id="a\nb"), STRUCTURED, 400, "id", id="two lines"),
        pytest.param(an_event(id="\ud800"), STRUCTURED, 400, "id", id="half a character"),
        pytest.param(an_event(type=...), STRUCTURED, 400, "no type", id="no type"),
        pytest.param(an_event(source=...), STRUCTURED, 400, "no source", id="no source"),
        pytest.param(an_event(specversion="0.3"), STRUCTURED, 400, "1.0", id="old version"),
        pytest.param(an_event(time="soon"), STRUCTURED, 400, "attributes", id="no time"),
        pytest.param(an_event(time="2026-11-24T09:29:47"), STRUCTURED, 400, "time", id="no zone"),
        pytest.param(an_event(Odd="x"), STRUCTURED, 400, "name", id="odd attribute"),
        pytest.param(an_event(odd={}), STRUCTURED, 400, "odd", id="attribute is an object"),
        pytest.param(an_event(data=..., data_base64="e30="), STRUCTURED, 400, "base64", id="base64"),
        pytest.param(an_event(data="<x/>"), STRUCTURED, 400, "Alarm.Name", id="data is text"),
        pytest.param(an_event(data={}), STRUCTURED, 400, "Alarm.Name", id="no alarm"),
        pytest.param(
            an_event(data=alarm_data(ALARM, CLUSTER, ("green", "blue"))),
            STRUCTURED,
            400,
            "From and To",
            id="odd colour",
        ),
        pytest.param(
            an_event(datacontenttype="application/xml", data="<x/>"),
            STRUCTURED,
            415,
            "as JSON",
            id="XML inside",
        ),
        pytest.param(b"<x/>", "application/xml", 415, "as JSON", id="XML"),
        pytest.param(GOOD, "text/plain", 415, "as JSON", id="plain text"),
        pytest.param(GOOD, "", 415, "as JSON", id="no content type"),
        pytest.param(GOOD, "application/cloudevents+json; charset=utf-16", 415, "UTF-8", id="other charset"),
        pytest.param({"a": 1}, "application/json", 400, "neither", id="any JSON"),
        pytest.param(GOOD, BATCH, 400, "a batch", id="batch that is none"),
        pytest.param([GOOD] * 101, BATCH, 400, "up to 100", id="large batch"),
    ],
)
def test_a_wrong_payload_is_answered_with_a_reason(
    listen: Listen, event: Any, content_type: str, status: int, why: str
) -> None:
    hook = listen()
    reply = hook.send.post(event, content_type)
    assert reply.status == status
    assert why in reply.body["error"]
    assert hook.acts.asked == []


def test_xml_in_binary_mode_is_refused_with_what_to_do(listen: Listen) -> None:
    reply = listen().send.post(b"<x/>", "application/xml", binary(GOOD)[0])
    assert reply.status == 415
    assert "send data encoded as JSON" in reply.body["error"]


def test_json_is_taken_as_an_event_where_it_is_one(listen: Listen) -> None:
    hook = listen()
    assert hook.send.post(GOOD, "application/json").status == 202
    assert hook.send.post(of_event_manager(5, ALARM, CLUSTER), "application/json").status == 202
    assert [event.source for event in hook.acts.asked] == [GOOD["source"], "https://vcenter.example/sdk"]


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (an_event(type="com.vmware.vsphere.VmPoweredOnEvent.v0", data={"Vm": {}}), "not_an_alarm"),
        (an_event(type="com.vmware.vsphere.AlarmAcknowledgedEvent.v0", data={"Alarm": {"Name": ALARM}}), "no_change"),
        (of_old_router("1", alarm_data("Other", CLUSTER)), "no_rule"),
        (of_knative("1", alarm_data(ALARM, CLUSTER, ("yellow", "gray"))), "gray"),
        (of_knative("1", alarm_data(ALARM, CLUSTER, ("red", "yellow"))), "falling"),
        (of_knative("1", alarm_data(ALARM, CLUSTER, ComputeResource=None)), "no_compute_resource"),
    ],
)
def test_what_nobody_wants_is_ignored(listen: Listen, event: dict[str, Any], why: str) -> None:
    reply = listen().send.post(event)
    assert (reply.status, reply.body) == (200, {"ignored": why})


def test_a_colour_without_a_criticality_asks_for_nothing(listen: Listen) -> None:
    hook = listen((a_rule(criticality={}),))
    assert hook.send.post(GOOD).body == {"ignored": "colour_asks_for_nothing"}


def test_only_sources_that_were_allowed_are_heard(listen: Listen) -> None:
    hook = listen(sources=("https://vc-*/sdk",))
    assert hook.send.post(GOOD).body == {"ignored": "other_source"}
    assert hook.send.post(an_event(source="https://vc-1/sdk")).status == 202


def test_green_ends_what_the_alarm_asked_for_once(listen: Listen) -> None:
    hook = listen()
    first, second = hook.send.post(GREEN), hook.send.post(GREEN)
    assert first.status == second.status == 202
    assert second.headers["x-preemption-duplicate"] == "true"
    assert len(hook.acts.ended) == 1


def test_green_of_one_host_ends_nothing_while_the_alarm_fires_on_another(listen: Listen) -> None:
    hook = listen()
    hook.acts.colour = "red"
    assert hook.send.post(GREEN).body == {"ignored": "still_firing"}
    assert hook.acts.ended == []


@pytest.mark.parametrize(
    ("when_green", "running", "why"),
    [(WhenGreen.NOTHING, True, "flapped"), (WhenGreen.CANCEL, False, "flapped"), (WhenGreen.CANCEL, True, None)],
)
def test_with_a_raise_delay_an_alarm_has_to_last_and_green_ends_the_waiting(
    listen: Listen, when_green: WhenGreen, running: bool, why: str | None
) -> None:
    hook = listen((a_rule(raise_delay_seconds=30.0, when_green=when_green),))
    hook.acts.running = running
    reply = hook.send.post(GOOD)
    assert (reply.status, reply.body["afterSeconds"]) == (202, 30.0)
    assert (hook.acts.asked, hook.acts.waiting) == ([], ["red"])
    assert hook.send.post(GREEN).body.get("ignored") == why
    assert hook.acts.waiting == []


@pytest.mark.parametrize(("colour", "left"), [("yellow", []), ("red", ["red"])])
def test_falling_to_yellow_ends_the_waiting_for_red(listen: Listen, colour: str, left: list[str]) -> None:
    hook = listen((a_rule(raise_delay_seconds=30.0),))
    hook.send.post(GOOD)
    hook.acts.colour = colour
    falling = of_knative("3", alarm_data(ALARM, CLUSTER, ("red", "yellow")))
    assert hook.send.post(falling).body == {"ignored": "falling"}
    assert hook.acts.waiting == left


@pytest.mark.parametrize("event", [GOOD, GREEN])
@pytest.mark.parametrize("error", [TemporalUnreachable, VCenterUnreachable])
def test_while_a_server_is_away_the_sender_shall_come_again(
    listen: Listen, event: dict[str, Any], error: type[Exception]
) -> None:
    hook = listen()
    hook.acts.trouble = error("Cannot", why="it is away", next_step="Wait.")  # type: ignore[call-arg]
    reply = hook.send.post(event)
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    hook.acts.trouble = None
    assert hook.send.post(event).status == 202


def test_a_batch_with_one_event_to_repeat_is_to_be_repeated(listen: Listen) -> None:
    hook = listen()
    hook.send.post(GOOD)
    hook.acts.trouble = TemporalUnreachable("Cannot", why="it is away", next_step="Wait.")
    reply = hook.send.post([GOOD, an_event(id="9")], BATCH)
    assert reply.status == 503
    assert [event["status"] for event in reply.body["events"]] == [202, 503]


def test_an_error_that_nobody_expected_is_no_secret_to_the_log_and_one_to_the_sender(
    listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    hook = listen()
    hook.acts.trouble = RuntimeError("inner secret")
    reply = hook.send.post(GOOD)
    assert reply.status == 500
    assert "inner secret" not in str(reply.body)
    assert "inner secret" in caplog.text


def test_other_paths_and_methods_are_not_there(listen: Listen) -> None:
    hook = listen()
    assert hook.send.post(GOOD, path="/admin").status == 404
    reply = hook.send.post(GOOD, method="PUT")
    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    assert hook.send.send(b"", {}, method="GET").status == 405


def test_a_large_body_is_refused_before_and_while_it_is_read(listen: Listen) -> None:
    hook = listen(max_bytes=2048)
    assert hook.send.post(b" " * 4096).status == 413
    chunked = b"".join(b"200\r\n" + b" " * 512 + b"\r\n" for _number in range(5)) + b"0\r\n\r\n"
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert raw(hook.send.port, head + chunked).startswith(b"HTTP/1.1 413 ")


def test_a_compressed_body_is_refused(listen: Listen) -> None:
    body = gzip.compress(json.dumps(GOOD).encode())
    assert listen().send.post(body, headers={"Content-Encoding": "gzip"}).status == 415


def test_who_asks_too_often_is_told_to_wait(listen: Listen) -> None:
    hook = listen(per_second=2)
    replies = [hook.send.post(GOOD) for _number in range(6)]
    late = [reply for reply in replies if reply.status == 429]
    assert late
    assert {reply.headers["retry-after"] for reply in late} == {"1"}


def test_a_batch_counts_as_its_events(listen: Listen) -> None:
    hook = listen(per_second=2)
    assert hook.send.post([an_event(id=str(number)) for number in range(20)], BATCH).status == 202
    reply = hook.send.post(GOOD)
    assert reply.status == 429
    assert int(reply.headers["retry-after"]) >= 8


def test_a_large_event_counts_as_the_usual_ones_that_take_its_room(listen: Listen) -> None:
    hook = listen(per_second=2)
    large = {**GOOD, "data": {**GOOD["data"], "Note": "x" * 20 * 4096}}
    assert hook.send.post(large).status == 202
    reply = hook.send.post(GOOD)
    assert reply.status == 429
    assert int(reply.headers["retry-after"]) >= 8
