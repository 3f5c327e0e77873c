# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slow senders, too many of them, and TLS."""

from __future__ import annotations

import json
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from support.certificates import CertificateAuthority
from support.ports import LOOPBACK
from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption_worker.triggers.webhook import connections, server

from .conftest import GOOD, Listen, raw


def trusting(authority: CertificateAuthority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.file))


def test_a_sender_that_never_finishes_its_headers_is_left(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.3)
    assert raw(listen().send.port, b"POST / HTTP/1.1\r\nHost") == b""


def test_a_sender_that_never_finishes_its_body_is_told(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BODY_SECONDS", 0.3)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"
    assert raw(listen().send.port, head).startswith(b"HTTP/1.1 408 ")


def test_many_idle_connections_do_not_lock_out_a_good_one(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 5)
    hook = listen()
    idle = [socket.create_connection((LOOPBACK, hook.send.port)) for _number in range(20)]
    assert hook.send.post(GOOD).status == 202
    for connection in idle:
        connection.close()


def test_what_is_no_http_gets_a_short_answer(listen: Listen) -> None:
    assert raw(listen().send.port, b"\x16\x03\x01\x02\x00\r\n\r\n").startswith(b"HTTP/1.0 400 ")


def test_a_body_that_waits_to_be_wanted_is_asked_for(listen: Listen) -> None:
    hook = listen()
    assert hook.send.post(GOOD, headers={"Expect": "something"}).status == 417
    body = json.dumps(GOOD).encode()
    head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/cloudevents+json\r\n"
    with socket.create_connection((LOOPBACK, hook.send.port), 10) as connection:
        connection.sendall(head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert connection.recv(100).startswith(b"HTTP/1.1 202 ")


def test_tls_and_a_certificate_that_is_renewed(
    listen: Listen, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    older, newer = (CertificateAuthority(tmp_path_factory.mktemp("authority")) for _number in range(2))
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"

    def use(authority: CertificateAuthority) -> None:
        made = authority.server()
        certificate.write_bytes(Path(made.certificate).read_bytes())
        key.write_bytes(Path(made.key).read_bytes())

    use(older)
    hook = listen(certificate=certificate, key=key)
    assert replace(hook.send, tls=trusting(older)).post(GOOD).status == 202
    use(newer)
    assert replace(hook.send, tls=trusting(newer)).post(GOOD).status == 202
    key.write_text("broken")
    assert replace(hook.send, tls=trusting(newer)).post(GOOD).status == 202
    with pytest.raises((ConnectionError, OSError)):
        hook.send.post(GOOD)


def test_an_address_that_is_taken_stops_the_start(listen: Listen) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        with pytest.raises(InvalidSetting, match="Cannot listen"):
            listen(port=taken.getsockname()[1])
