# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections of the webhook: a limited number at a time, and none that stays idle.

The worker needs its sockets for vCenter. If there are too many connections, the one that has been waiting longest for a
request is closed, so that slow senders cannot lock out others. A renewed certificate is used for the next connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from vsphere_preemption.core.errors import InvalidSetting

from .secrets import Changing
from .settings import WebhookSettings

MOST_CONNECTIONS = 100
BACKLOG = 128
HANDSHAKE_SECONDS = 5.0
# For the headers of a request, and between two of them.
HEADER_SECONDS = 10.0
LINGER_SECONDS = 1.0
# No connection is closed sooner.
SHORTEST_STAY_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 0.1
NO_SOCKET_PAUSE = 0.5

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)
_silent = logging.getLogger(f"{__name__}.aiohttp")
_silent.setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class _Guest:
    """A connection, and since when it has been waiting for a request."""

    handler: RequestHandler
    since: float = field(default_factory=time.monotonic)


class Connections:
    """Accepts and closes connections. Raises InvalidSetting if the address or the certificate is not usable."""

    def __init__(self, settings: WebhookSettings, handler: Handler, access_log: Any) -> None:
        self._tls = _Certificate(settings) if settings.certificate else None
        self._server = _Server(
            handler,
            access_log_class=access_log,
            logger=_silent,
            keepalive_timeout=HEADER_SECONDS,
            lingering_time=LINGER_SECONDS,
            auto_decompress=False,
            max_line_size=4096,
            max_field_size=8190,
            max_headers=64,
        )
        self._listener = _listen(settings)
        self._open: dict[asyncio.Task[None], _Guest] = {}
        self._busy: set[RequestHandler] = set()
        self._accepting = asyncio.create_task(self._accept())

    async def close(self, seconds: float) -> None:
        """Accept no further requests, and give active ones this time to finish."""
        self._accepting.cancel()
        await asyncio.gather(self._accepting, return_exceptions=True)
        self._listener.close()
        self._server.pre_shutdown()
        await self._server.shutdown(seconds)
        for connection in self._open:
            connection.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    @contextlib.contextmanager
    def busy(self, request: web.BaseRequest) -> Any:
        """The request is complete, so its connection does not count as idle."""
        self._busy.add(request.protocol)
        try:
            yield
        finally:
            self._busy.discard(request.protocol)
            self._to_the_end(request.protocol)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._make_room()
            try:
                connected, _peer = await loop.sock_accept(self._listener)
            except OSError as error:
                log.warning("webhook cannot accept a connection", extra={"error": str(error)})
                await asyncio.sleep(NO_SOCKET_PAUSE)
                continue
            handler = self._server()
            connection = loop.create_task(self._serve(connected, handler))
            self._open[connection] = _Guest(handler)
            connection.add_done_callback(self._forget)

    async def _serve(self, connected: socket.socket, handler: RequestHandler) -> None:
        ended = self._server.ends[handler] = asyncio.get_running_loop().create_future()
        tls = self._tls.current() if self._tls else None
        limit = {"ssl_handshake_timeout": HANDSHAKE_SECONDS} if tls else {}
        try:
            transport, _handler = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: handler, connected, ssl=tls, **limit
            )
        except (OSError, asyncio.CancelledError):
            # The handshake has failed, so the socket has no transport that would close it.
            connected.close()
            raise
        try:
            await ended
        finally:
            transport.abort()

    def _forget(self, connection: asyncio.Task[None]) -> None:
        guest = self._open.pop(connection)
        self._server.ends.pop(guest.handler, None)
        trouble = None if connection.cancelled() else connection.exception()
        if trouble is not None and not isinstance(trouble, OSError):
            log.error("webhook connection failed", exc_info=trouble)

    async def _make_room(self) -> None:
        # Yield, so that received data is read before a connection is closed.
        await asyncio.sleep(0)
        while len(self._open) >= MOST_CONNECTIONS:
            idle = next((task for task, guest in self._open.items() if self._has_waited(guest)), None)
            if idle is not None:
                idle.cancel()
            await asyncio.wait(self._open, return_when=asyncio.FIRST_COMPLETED, timeout=LOOK_AGAIN_SECONDS)

    def _has_waited(self, guest: _Guest) -> bool:
        old = guest.since + SHORTEST_STAY_SECONDS <= time.monotonic()
        return old and guest.handler not in self._busy

    def _to_the_end(self, handler: RequestHandler) -> None:
        connection = next((task for task, guest in self._open.items() if guest.handler is handler), None)
        if connection is not None:
            del self._open[connection]
            self._open[connection] = _Guest(handler)


class _Server(web.Server):
    """Signals when a connection has ended."""

    def __init__(self, handler: Handler, **settings: Any) -> None:
        super().__init__(handler, **settings)
        self.ends: dict[RequestHandler, asyncio.Future[None]] = {}

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        ended = self.ends.get(handler)
        if ended is not None and not ended.done():
            ended.set_result(None)


class _Certificate:
    """The TLS context of the server, reloaded when its files change. An unusable pair has no effect."""

    def __init__(self, settings: WebhookSettings) -> None:
        self._certificate, self._key = settings.certificate, settings.key
        self._changing = Changing(*(path for path in (settings.certificate, settings.key) if path))
        self._changing.changed()
        self._context = self._read()

    def current(self) -> ssl.SSLContext:
        if self._changing.changed():
            try:
                self._context = self._read()
                log.info("webhook certificate reloaded", extra={"file": str(self._certificate)})
            except InvalidSetting as error:
                log.error("webhook keeps using its previous certificate", extra={"error": str(error)})
        return self._context

    def _read(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(str(self._certificate), self._key, password=_no_password)
        except (OSError, ValueError) as error:
            raise InvalidSetting(
                f"Cannot use the webhook's certificate {self._certificate}",
                why=str(error),
                next_step="Set PREEMPTION_WEBHOOK_CERT_FILE and _KEY_FILE to a PEM certificate and its plain key.",
            ) from error
        return context


def _no_password() -> str:
    """Raise, because the library would otherwise prompt on the terminal."""
    raise ValueError("the key is protected by a password")


def _listen(settings: WebhookSettings) -> socket.socket:
    address = settings.address
    try:
        family, kind, protocol, _name, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise InvalidSetting(
            f"Cannot listen for events on {address}",
            why=str(error),
            next_step="Set PREEMPTION_WEBHOOK_ADDRESS to a free address of this host.",
        ) from error
    listener.setblocking(False)
    return listener
