# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that are kept, and those that are not."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption.core.sending import CallWithdrawn
from vsphere_preemption.vcenter.settings import VCenterSettings
from vsphere_preemption.vcenter.transport.http import ConnectionPool

from ..conftest import FakeClock

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class OneLineServer:
    """Answers every request. accepted, requests: how many connections and requests there were."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.accepted = self.requests = 0
        self._first = threading.Event()
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self.end_connections()

    def wait_accepted(self) -> int:
        """The number of connections, once there is one."""
        assert self._first.wait(5)
        return self.accepted

    def end_connections(self) -> None:
        """As a server that is tired of idle clients."""
        while self._connections:
            with contextlib.suppress(OSError):
                self._connections.pop().shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._first.set()
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        while connection.recv(65536):
            self.requests += 1
            connection.sendall(ANSWER)


@pytest.fixture
def server() -> Iterator[OneLineServer]:
    server = OneLineServer()
    yield server
    server.close()


@pytest.fixture
def connections(server: OneLineServer, clock: FakeClock) -> Iterator[ConnectionPool]:
    opened = ConnectionPool(VCenterSettings(f"http://127.0.0.1:{server.port}", insecure=True, call_seconds=5), clock)
    yield opened
    opened.drop()


def test_a_connection_is_used_again(server: OneLineServer, connections: ConnectionPool) -> None:
    for _attempt in range(3):
        assert connections.exchange("GET", "/").body == b"ok"
    assert server.accepted == 1


def test_a_connection_that_the_server_has_ended_is_not_used_again(
    server: OneLineServer, connections: ConnectionPool
) -> None:
    connection = connections.take()
    connections.give_back(connection)
    assert connections.exchange("GET", "/").body == b"ok"
    server.end_connections()
    assert connections.exchange("GET", "/").body == b"ok"
    assert server.accepted == 2


def test_a_connection_that_was_idle_for_long_is_not_used_again(
    server: OneLineServer, connections: ConnectionPool, clock: FakeClock
) -> None:
    connections.exchange("GET", "/")
    clock.pass_by(121)
    connections.exchange("GET", "/")
    assert server.accepted == 2


def test_a_ca_file_without_certificates_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    with pytest.raises(InvalidSetting, match=str(file)):
        ConnectionPool(VCenterSettings("vcenter.example.com", ca_file=str(file)))


def test_a_request_is_confirmed_once_its_connection_is_open(server: OneLineServer, connections: ConnectionPool) -> None:
    accepted: list[int] = []
    assert connections.exchange("GET", "/", confirm=lambda: accepted.append(server.wait_accepted())).body == b"ok"
    assert accepted == [1]


def test_a_request_that_is_withdrawn_is_not_sent_and_its_connection_is_kept(
    server: OneLineServer, connections: ConnectionPool
) -> None:
    def withdraw() -> None:
        raise CallWithdrawn

    for _attempt in range(2):
        with pytest.raises(CallWithdrawn):
            connections.exchange("GET", "/", confirm=withdraw)
    assert connections.exchange("GET", "/").body == b"ok"
    assert (server.accepted, server.requests) == (1, 1)
