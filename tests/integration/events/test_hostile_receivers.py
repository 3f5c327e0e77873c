# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deliveries to receivers that mean harm, and what a delivery must not give away."""

from __future__ import annotations

import itertools
import socket
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.ports import LOOPBACK, free_port
from support.sink import Answer
from support.sink import Sink as Receiver
from vsphere_preemption.core.errors import PreemptionError, SinkUnreachable
from vsphere_preemption.events.event_types import OutgoingEvent
from vsphere_preemption.events.sink import Sink, SinkSettings
from vsphere_preemption.events.targets import ReplyTargets

EVENT = OutgoingEvent("t", "localhost:7233/ns", "i", "2026-11-24T09:29:47Z", {"preempted": True})
LIMIT_SECONDS = 1.0


def endless(beginning: bytes, then: bytes) -> Iterator[bytes]:
    """The beginning once, and what follows for ever."""
    return itertools.chain([beginning], itertools.repeat(then))


@contextmanager
def saying(chunks: Iterable[bytes]) -> Iterator[str]:
    """The address of a receiver that says these bytes to its first caller, then nothing; an endless talk is fine."""
    listening = socket.create_server((LOOPBACK, 0))

    def talk() -> None:
        with listening.accept()[0] as caller:
            caller.recv(65536)
            try:
                for chunk in chunks:
                    caller.sendall(chunk)
                caller.shutdown(socket.SHUT_WR)
                while caller.recv(65536):
                    pass
            except OSError:
                return  # the caller hung up, as it should

    talking = threading.Thread(target=talk, daemon=True)
    talking.start()
    with listening:
        yield f"http://{LOOPBACK}:{listening.getsockname()[1]}/"
        talking.join(30)
    assert not talking.is_alive(), "the connection was left open"


def send(url: str, event: OutgoingEvent = EVENT) -> None:
    Sink(SinkSettings(timeout_seconds=LIMIT_SECONDS, allow=ReplyTargets.parse("*"))).send(event, url)


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="please go on, for ever"),
        # Faster than it can be read, so that a reader whose connection was shut down still finds bytes in its buffer.
        pytest.param(itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 4096), id="please go on, faster than read"),
        pytest.param(endless(b"HTTP/1.1 202 ", b"x" * 1024), id="a status line without end"),
        pytest.param(endless(b"HTTP/1.1 202 X\r\n", b"X-More: y\r\n"), id="headers without end"),
        pytest.param(endless(b"HTTP/1.1 202 X\r\nX-Long: ", b"y" * 1024), id="a header without end"),
        pytest.param([b"SSH-2.0-OpenSSH_9.6\r\n"], id="another protocol"),
        pytest.param([b"HTTP/1.1 twohundred\r\n\r\n"], id="a status that is no number"),
        pytest.param([b""], id="nothing, and hangs up"),
    ],
)
def test_an_answer_that_is_none_ends_in_time_and_is_tried_again(chunks: Iterable[bytes]) -> None:
    began = time.monotonic()
    with saying(chunks) as url, pytest.raises(SinkUnreachable):
        send(url)
    assert time.monotonic() - began < LIMIT_SECONDS + 15


def test_a_body_without_end_is_cut_off_once_the_status_is_known() -> None:
    began = time.monotonic()
    body = endless(b"HTTP/1.1 202 Accepted\r\n\r\n", b"z" * 65536)
    with saying(body) as url:
        send(url)
    assert time.monotonic() - began < LIMIT_SECONDS


def test_headers_and_body_that_come_very_slowly_are_cut_off(sink: Receiver) -> None:
    sink.answer(Answer(headers={f"X-{number}": "y" for number in range(50)}, trickle_seconds=0.05))
    began = time.monotonic()
    with pytest.raises(SinkUnreachable, match="after 1 seconds"):
        send(sink.url)
    assert time.monotonic() - began < LIMIT_SECONDS + 15


def test_an_odd_id_cannot_put_a_header_of_its_own_on_the_wire(sink: Receiver) -> None:
    event = OutgoingEvent("t", "a/b", 'x\r\nX-Injected: "1"\r\n\r\n', "2026-11-24T09:29:47Z", {})
    send(sink.url, event)
    [delivery] = sink.wait_for(1)
    assert delivery.headers["ce-id"] == "x%0D%0AX-Injected:%20%221%22%0D%0A%0D%0A"
    assert "x-injected" not in delivery.headers
    assert delivery.body == b"{}"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"http://{LOOPBACK}:{free_port()}/events?token=hidden", id="nobody listens, http"),
        "http://no-such-host.invalid/events?token=hidden",
        pytest.param(f"https://{LOOPBACK}:{free_port()}/hidden", id="nobody listens, https"),
        "http://someone:hidden@events.example.com/",
        "http://someone:hi/hidden@events.example.com/",
        "http://events.example.com:hidden/",
    ],
)
def test_a_secret_in_a_url_is_in_no_error_and_no_traceback(url: str) -> None:
    with pytest.raises(PreemptionError) as failure:
        send(url)
    assert "hidden" not in str(failure.value)
    # Without the lines of source: the table of this test is among them.
    chain: BaseException | None = failure.value
    while chain is not None:
        assert "hidden" not in "".join(traceback.format_exception_only(chain))
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)


def test_proxies_and_passwords_of_the_environment_are_not_used(
    sink: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {LOOPBACK} login someone password hidden\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{LOOPBACK}:{free_port()}")
    send(sink.url)
    [delivery] = sink.wait_for(1)
    assert "authorization" not in delivery.headers
