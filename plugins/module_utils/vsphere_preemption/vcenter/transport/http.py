# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep-alive connections to one vCenter, shared by SOAP and REST.

One pool means one verification of the certificate, one time limit and one set of errors for both. pyVmomi's own pool
disables the verification on loopback addresses if no context is given, and never detects that an idle connection has
died; this one always sets a context, and checks first.
"""

from __future__ import annotations

import select
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection

from ...core.errors import InvalidSetting
from ...core.sending import CallWithdrawn, Confirm
from ..settings import VCenterSettings

# Firewalls between here and vCenter forget idle connections silently, after four minutes or more.
IDLE_SECONDS = 120.0
LONGEST_CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class HttpResponse:
    """A complete HTTP response."""

    status: int
    body: bytes


class ConnectionPool:
    """Idle connections, and the creation of new ones. Thread-safe."""

    def __init__(self, settings: VCenterSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self.endpoint = settings.endpoint
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: list[tuple[HTTPConnection, float]] = []
        self._context: ssl.SSLContext | None = None
        self._tls_context()

    def take(self) -> HTTPConnection:
        """An open connection, the most recently used one if there is one."""
        while True:
            with self._lock:
                if not self._idle:
                    break
                connection, since = self._idle.pop()
            if self._clock() - since < IDLE_SECONDS and not _is_dead(connection):
                return connection
            connection.close()
        return self._open()

    def give_back(self, connection: HTTPConnection) -> None:
        """Keep a connection whose response was read for the next call."""
        if connection.sock is not None:
            with self._lock:
                self._idle.append((connection, self._clock()))

    def drop(self) -> None:
        """Close all idle connections: one of them broke, so vCenter has probably ended the others too."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection, _since in idle:
            connection.close()

    def exchange(
        self,
        verb: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        confirm: Confirm | None = None,
    ) -> HttpResponse:
        """One HTTP request and its response. Redirects are not followed. Raises CallWithdrawn if `confirm` does."""
        connection = self.take()
        try:
            if confirm:
                confirm()
            connection.request(verb, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            answer = HttpResponse(response.status, response.read())
        except CallWithdrawn:
            self.give_back(connection)
            raise
        except (OSError, HTTPException):
            connection.close()
            self.drop()
            raise
        self.give_back(connection)
        return answer

    def _open(self) -> HTTPConnection:
        host, port, seconds = self.endpoint.host, self.endpoint.port, self._settings.call_seconds
        connect_seconds = min(seconds, LONGEST_CONNECT_SECONDS)
        connection = (
            HTTPSConnection(host, port, timeout=connect_seconds, context=self._tls_context())
            if self.endpoint.secure
            else HTTPConnection(host, port, timeout=connect_seconds)
        )
        try:
            connection.connect()
        except ssl.SSLCertVerificationError:
            # The CA file may be replaced while we run; the next connection reads it again.
            self._context = None
            raise
        connection.sock.settimeout(seconds)
        connection.timeout = seconds
        return connection

    def _tls_context(self) -> ssl.SSLContext:
        context = self._context
        if context is None:
            context = self._context = make_tls_context(self._settings)
        return context


def make_tls_context(settings: VCenterSettings) -> ssl.SSLContext:
    """The TLS context for vCenter's certificate. Raises InvalidSetting for a CA file without certificates."""
    if settings.insecure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        # The same for every version of Python: any certificate in the file is trusted, even if it is not a root, and
        # vCenter's own CA may omit extensions that the newest versions require.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context
    except OSError as error:
        raise InvalidSetting(
            f"Cannot use the CA file {settings.ca_file}",
            why=str(error.strerror or error),
            next_step="Use a file with certificates in PEM format.",
        ) from error


def _is_dead(connection: HTTPConnection) -> bool:
    """Nothing is expected on an idle connection, so any data means that it was closed."""
    poller = select.poll()
    poller.register(connection.sock, select.POLLIN)
    return bool(poller.poll(0))
