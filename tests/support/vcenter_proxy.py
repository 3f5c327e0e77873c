# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS proxy in front of vcsim: it measures the calls, slows them down, and breaks them on demand.

vcsim answers in half a millisecond, never refuses and never loses a reply. This proxy gives each call the latency of a
real vCenter, counts the calls by SOAP method or REST path, and can be told per method to fail, to cut the connection
before or after vCenter got the call, or to swallow it. One thread serves one client connection and owns one connection
to vCenter; at the five to twenty connections of a client that is faster and simpler than an event loop.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from pathlib import Path

from .certificates import Certificate, CertificateAuthority
from .http_wire import Message, Wire, WireBroken, reply
from .ports import LOOPBACK, free_port
from .vcenter_calls import Call, CallLog, call_name
from .vcenter_faults import Behaviour, Cut, Fault, Hang, Rule, Rules, Run, Status, Swallow
from .vcsim import VCSim
from .witness import Witness

SESSION_HEADER = "vmware-api-session-id"
ACCEPT_BACKLOG = 128


class _CutHere(Exception):
    """The rule says to break the connection now."""


class VCenterProxy:
    """The proxy; it listens from `start` until `close`.

    delay_seconds: added to each call before it is passed on.
    certificate, authority: as for VCSim; by default the ones of vcsim's authority, so its `ca_file` serves both.
    calls: the log of what went through. Calls of the witness are in it too when it comes through the proxy.
    """

    def __init__(
        self,
        vcsim: VCSim,
        *,
        delay_seconds: float = 0.0,
        certificate: Certificate | None = None,
        authority: CertificateAuthority | None = None,
        port: int | None = None,
    ) -> None:
        self.delay_seconds = delay_seconds
        self.calls = CallLog()
        self.port = port or free_port()
        self._vcsim = vcsim
        self._authority = authority or vcsim.authority
        self._rules = Rules()
        self._server_tls = _server_context(certificate or self._authority.server("vcenter-proxy"))
        self._client_tls = ssl.create_default_context(cafile=str(vcsim.ca_file)) if vcsim.tls else None
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._rest_sessions: set[str] = set()
        self._ended_rest_sessions: set[str] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The address of vCenter for a client that shall come through the proxy."""
        return f"https://{LOOPBACK}:{self.port}"

    @property
    def ca_file(self) -> Path:
        """The authority that signed the proxy's certificate."""
        return self._authority.file

    def client_environment(self) -> dict[str, str]:
        """The worker's environment variables for vCenter by way of the proxy."""
        return {
            **self._vcsim.client_environment(),
            "VCENTER_URL": self.url,
            "VCENTER_CA_FILE": str(self.ca_file),
        }

    def witness(self) -> Witness:
        """The independent client, by way of the proxy (its calls are delayed and counted too)."""
        return self._vcsim.witness_through(self.port, self.ca_file)

    def start(self) -> VCenterProxy:
        """Listen."""
        listener = socket.create_server((LOOPBACK, self.port), backlog=ACCEPT_BACKLOG)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True, name="vcenter-proxy").start()
        return self

    def close(self) -> None:
        """Stop listening and break all connections: vCenter is down. `start` brings it back with its state."""
        listener, self._listener = self._listener, None
        if listener is not None:
            # Closing alone does not wake a thread that waits in accept.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.break_connections()

    def restart_vcenter(self, *, down_seconds: float, end_sessions_of: str) -> None:
        """What a client sees of a restart of vCenter: refused connections, then no session of its own any more.

        Unlike VCSim.restart it keeps tags, tag ids, events and running tasks.
        """
        self.close()
        self.end_rest_sessions()
        with contextlib.closing(self._vcsim.witness()) as witness:
            witness.end_sessions(end_sessions_of)
        time.sleep(down_seconds)
        self.start()

    def break_connections(self) -> None:
        """Reset every open connection."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            _hang_up(connection)

    def end_rest_sessions(self) -> None:
        """Answer 401 to every REST session that was seen so far, as after a restart or the idle time-out."""
        with self._lock:
            self._ended_rest_sessions |= self._rest_sessions

    def on(
        self, pattern: str, behaviour: Behaviour, *, times: int | None = 1, vm: str | None = None, skip: int = 0
    ) -> Rule:
        """Do something else with the next calls that fit; see Rule for the arguments."""
        return self._rules.add(Rule(pattern, behaviour, times=times, vm=vm, skip=skip))

    def clear_rules(self) -> None:
        """Pass everything on again."""
        self._rules.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True, name="vcenter-proxy-call").start()

    def _serve(self, plain: socket.socket) -> None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            client = self._server_tls.wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()
            return
        with self._lock:
            self._connections.add(client)
        upstream = _Upstream(self._vcsim.port, self._client_tls)
        try:
            self._serve_calls(Wire(client), upstream)
        except _CutHere:
            _reset(client)
        except (OSError, WireBroken):
            # Either end went away. The client sees a broken connection, as it would with a real vCenter.
            _reset(client)
        finally:
            upstream.close()
            with self._lock:
                self._connections.discard(client)
            client.close()

    def _serve_calls(self, wire: Wire, upstream: _Upstream) -> None:
        while (request := wire.read_request()) is not None:
            self._serve_call(request, wire, upstream)
            if request.closes:
                return

    def _serve_call(self, request: Message, wire: Wire, upstream: _Upstream) -> None:
        started = time.time()
        name = call_name(request)
        behaviour = self._rules.next_for(name, request.body)
        outcome = "forwarded" if behaviour is None else type(behaviour).__name__.lower()
        status: int | None = None
        try:
            if self.delay_seconds:
                time.sleep(self.delay_seconds)
            answer = self._own_answer(name, request, behaviour)
            if answer is None:
                answer = self._forward(request, behaviour, upstream)
            status = int(answer[9:12])
        finally:
            # Recorded before the answer goes out, so whoever has the answer also finds the call in the log.
            self.calls.add(Call(name, started, time.time(), outcome, status))
        wire.write(answer)

    def _own_answer(self, name: str, request: Message, behaviour: Behaviour | None) -> bytes | None:
        if self._is_ended_rest_session(request):
            return reply(401, b'{"type":"com.vmware.vapi.std.errors.unauthenticated"}', content_type="application/json")
        match behaviour:
            case Fault():
                return reply(500, behaviour.body())
            case Status():
                return reply(behaviour.code, behaviour.body, content_type="application/json")
            case Swallow():
                return reply(200, behaviour.body(name))
            case Cut(after_forwarding=False):
                raise _CutHere
            case Hang():
                time.sleep(behaviour.seconds)
            case Run(after_forwarding=False):
                behaviour.action()
        return None

    def _forward(self, request: Message, behaviour: Behaviour | None, upstream: _Upstream) -> bytes:
        answer = upstream.call(request)
        match behaviour:
            case Cut(after_forwarding=True):
                raise _CutHere
            case Run(after_forwarding=True):
                behaviour.action()
        return answer.as_bytes()

    def _is_ended_rest_session(self, request: Message) -> bool:
        session = request.header(SESSION_HEADER)
        if session is None:
            return False
        with self._lock:
            self._rest_sessions.add(session)
            return session in self._ended_rest_sessions


class _Upstream:
    """The connection to vcsim of one client connection, made anew where vcsim has ended it."""

    def __init__(self, port: int, tls: ssl.SSLContext | None) -> None:
        self._port = port
        self._tls = tls
        self._wire: Wire | None = None

    def call(self, request: Message) -> Message:
        """Pass a request on. A connection is never used twice for one request: vCenter may have acted on the first."""
        wire = self._wire or self._connect()
        self._wire = None
        wire.write(request.as_bytes())
        answer = wire.read_reply(to_method=request.first_line.split(" ", 1)[0])
        if answer.closes:
            wire.connection.close()
        else:
            self._wire = wire
        return answer

    def close(self) -> None:
        """End the connection."""
        if self._wire is not None:
            self._wire.connection.close()

    def _connect(self) -> Wire:
        connection = socket.create_connection((LOOPBACK, self._port), timeout=None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Wire(self._tls.wrap_socket(connection, server_hostname=LOOPBACK) if self._tls else connection)


def _server_context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    return context


def _reset(connection: socket.socket) -> None:
    """Break a connection and close it; only in the thread that serves it."""
    _hang_up(connection)
    with contextlib.suppress(OSError):
        connection.close()


def _hang_up(connection: socket.socket) -> None:
    """Break a connection that another thread serves, which then closes it.

    Closed here, its number could be given to the next connection while the other thread still writes to it.
    """
    # Linger of zero seconds makes the kernel send a reset instead of an orderly end.
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
