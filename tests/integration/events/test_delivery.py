# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deliveries over real HTTP and HTTPS, to receivers of every temper."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from support.certificates import CertificateAuthority
from support.ports import LOOPBACK, free_port
from support.sink import Answer
from support.sink import Sink as Receiver
from vsphere_preemption.core.errors import SinkNotAllowed, SinkRefused, SinkUnreachable
from vsphere_preemption.events._delivery import Message, post
from vsphere_preemption.events.event_types import preempted_event
from vsphere_preemption.events.sink import ContentMode, Sink, SinkSettings
from vsphere_preemption.events.targets import ReplyTargets
from vsphere_preemption.events.time_limit import TimeLimit

WIRE = Path(__file__).parents[2] / "fixtures" / "wire"
RECORDED = json.loads((WIRE / "reply-event.json").read_text())
ANYWHERE = ReplyTargets.parse("*")
EVENT = preempted_event(
    source_address="localhost:19000",
    namespace="bench",
    workflow_id="cluster-cpu-above-80",
    event_id="d65a8ad1-7d3c-4f72-ace4-e3f2883c4475",
    time="2026-11-24T09:29:47.20603305Z",
    data=RECORDED["data"],
)


def send(
    url: str, *, mode: ContentMode = ContentMode.BINARY, seconds: float = 5.0, ca_file: Path | None = None
) -> None:
    settings = SinkSettings(mode, seconds, ANYWHERE, str(ca_file) if ca_file else None)
    Sink(settings).send(EVENT, url)


def test_a_binary_event_is_that_of_the_prototype(sink: Receiver) -> None:
    send(sink.url)
    [delivery] = sink.wait_for(1)
    ours = {name.lower(): value for name, value in RECORDED["headers"].items() if name.lower().startswith("ce-")}
    assert {name: value for name, value in delivery.headers.items() if name.startswith("ce-")} == ours
    assert delivery.headers["content-type"] == "application/json"
    assert delivery.headers["user-agent"] == "vsphere.preemption"
    assert json.loads(delivery.body) == RECORDED["data"]
    assert list(json.loads(delivery.body)) == list(RECORDED["data"])


def test_a_structured_event_says_the_same(sink: Receiver) -> None:
    send(sink.url, mode=ContentMode.STRUCTURED)
    [event] = [delivery.event() for delivery in sink.wait_for(1)]
    assert event["data"] == RECORDED["data"]
    assert event["id"] == RECORDED["headers"]["Ce-Id"]
    assert event["source"] == RECORDED["headers"]["Ce-Source"]
    assert event["time"] == RECORDED["headers"]["Ce-Time"]
    assert event["type"] == RECORDED["headers"]["Ce-Type"]
    assert event["datacontenttype"] == RECORDED["headers"]["Content-Type"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(400), SinkRefused),
        (Answer(404), SinkRefused),
        (Answer.redirect("http://127.0.0.1:9/"), SinkRefused),
        (Answer(408), SinkUnreachable),
        (Answer(429), SinkUnreachable),
        (Answer(500), SinkUnreachable),
        (Answer(503), SinkUnreachable),
        (Answer(reset=True), SinkUnreachable),
    ],
    ids=lambda value: str(getattr(value, "status", "")),
)
def test_what_the_receiver_answers_decides_whether_another_try_helps(
    sink: Receiver, answer: Answer, error: type[Exception]
) -> None:
    sink.answer(answer)
    with pytest.raises(error):
        send(sink.url)
    assert len(sink.wait_for(1)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer.hang(), id="says nothing"),
        pytest.param(Answer(headers={"X-Long": "x" * 10}, trickle_seconds=0.3), id="says it byte by byte"),
    ],
)
def test_no_receiver_can_hold_a_delivery_longer_than_its_time(sink: Receiver, answer: Answer) -> None:
    sink.answer(answer)
    began = time.monotonic()
    with pytest.raises(SinkUnreachable, match="after 1 seconds"):
        send(sink.url, seconds=1)
    assert time.monotonic() - began < 15


def test_the_connection_goes_to_the_checked_address_whatever_the_name_means_by_then(sink: Receiver) -> None:
    port = sink.url.split(":")[2].partition("/")[0]
    message = Message({}, b"{}")
    url = f"http://name-that-nobody-resolves.invalid:{port}/events"
    assert post(message, url, address=LOOPBACK, limit=TimeLimit(2), ca_file=None) == 202
    [delivery] = sink.wait_for(1)
    assert delivery.headers["host"] == f"name-that-nobody-resolves.invalid:{port}"


def test_a_name_that_changes_its_mind_is_asked_only_once(sink: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: str, port: int, *arguments: Any, **options: Any) -> Any:
        if host != "rebinding.example":
            return real(host, port, *arguments, **options)
        asked.append(host)
        return real(LOOPBACK if len(asked) == 1 else "192.0.2.1", port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    settings = SinkSettings(allow=ReplyTargets.parse(LOOPBACK), timeout_seconds=3)
    Sink(settings).send(EVENT, f"http://rebinding.example:{sink.port}/events")
    assert asked == ["rebinding.example"]
    assert len(sink.wait_for(1)) == 1


def test_the_host_on_the_wire_is_the_name_that_was_looked_up(sink: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    asked: list[str] = []

    def answering(host: str, port: int, *arguments: Any, **options: Any) -> Any:
        asked.append(host)
        return real(LOOPBACK, port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answering)
    # The snowman: the HTTP library's own reading of international names refuses it.
    send(f"http://\u2603.EXAMPLE:{sink.port}/events#part")
    [delivery] = sink.wait_for(1)
    assert delivery.headers["host"] == f"xn--n3h.example:{sink.port}"
    assert asked[0] == "xn--n3h.example"


def test_nobody_listening_is_said_plainly() -> None:
    with pytest.raises(SinkUnreachable, match="refused") as failure:
        send(f"http://{LOOPBACK}:{free_port()}/")
    assert failure.value.__cause__ is not None


def test_a_redirect_is_named_as_such(sink: Receiver) -> None:
    sink.answer(Answer.redirect("http://127.0.0.1:9/"))
    with pytest.raises(SinkRefused, match="307; redirects are not followed"):
        send(sink.url)


def test_an_endless_body_is_not_read(sink: Receiver) -> None:
    sink.answer(Answer(200, body=b"x" * 50_000_000))
    send(sink.url)


def test_a_target_that_is_not_allowed_hears_nothing(sink: Receiver) -> None:
    with pytest.raises(SinkNotAllowed):
        Sink(SinkSettings()).send(EVENT, sink.url)
    assert sink.events() == []


@pytest.fixture
def https(authority: CertificateAuthority) -> Iterator[tuple[str, list[str]]]:
    """A receiver behind TLS whose certificate is for localhost; its address, and the Host headers that it saw."""
    hosts: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hosts.append(self.headers["Host"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    files = authority.server("receiver", hosts=("localhost",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    server = HTTPServer((LOOPBACK, 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"localhost:{server.server_port}", hosts
    server.shutdown()


def test_https_verifies_the_name_of_the_url_although_the_address_is_pinned(
    https: tuple[str, list[str]], authority: CertificateAuthority
) -> None:
    where, hosts = https
    send(f"https://{where}/", ca_file=authority.file)
    assert hosts == [where]


def test_a_certificate_for_another_name_is_refused(
    https: tuple[str, list[str]], authority: CertificateAuthority
) -> None:
    where, hosts = https
    with pytest.raises(SinkUnreachable, match="certificate"):
        send(f"https://{where.replace('localhost', LOOPBACK)}/", ca_file=authority.file)
    assert hosts == []


def test_an_unknown_authority_is_refused(https: tuple[str, list[str]]) -> None:
    with pytest.raises(SinkUnreachable, match="certificate"):
        send(f"https://{https[0]}/")


def test_a_silent_tls_server_cannot_hold_a_delivery(authority: CertificateAuthority) -> None:
    with socket.create_server((LOOPBACK, 0)) as silent, pytest.raises(SinkUnreachable):
        send(f"https://localhost:{silent.getsockname()[1]}/", seconds=1, ca_file=authority.file)
