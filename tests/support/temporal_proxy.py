# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secure front for the Temporal development server, which itself speaks clear text only.

It ends TLS, asks for a client certificate and an API key where it is told to, and passes the calls on as raw bytes. All
calls of the frontend are unary, so one generic handler serves them without knowing any message.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import grpc  # type: ignore[import-untyped, unused-ignore]
import grpc.aio  # type: ignore[import-untyped, unused-ignore]

from .certificates import Certificate, CertificateAuthority
from .ports import LOOPBACK, free_port

START_SECONDS = 10.0
STOP_SECONDS = 1.0
NO_SIZE_LIMIT = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]

# Set by gRPC itself on each hop.
HOP_BY_HOP = ("grpc-", "user-agent", "te", "content-type")

Handler = Callable[[bytes, Any], Awaitable[bytes]]


class TemporalProxy:
    """The front; it listens from `start` until `close`.

    backend: host:port of the development server.
    certificate: what it shows; by default one of `authority`.
    client_authority: when given, a client must show a certificate that it signed.
    api_key: when given, each call must carry it as a bearer token.
    calls: number of calls by method, refused ones included.
    refused: methods that are answered with a status, such as {"UpdateNamespace": "PERMISSION_DENIED"}.
    """

    def __init__(
        self,
        backend: str,
        *,
        authority: CertificateAuthority,
        certificate: Certificate | None = None,
        client_authority: CertificateAuthority | None = None,
        api_key: str | None = None,
        port: int | None = None,
        refused: Mapping[str, str] | None = None,
    ) -> None:
        self.refused = dict(refused or {})
        self.authority = authority
        self.port = port or free_port()
        self.calls: Counter[str] = Counter()
        self._backend = backend
        self._certificate = certificate or authority.server("temporal")
        self._client_authority = client_authority
        self._api_key = api_key
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="temporal-proxy")
        self._server: Any = None

    @property
    def address(self) -> str:
        """host:port for a client."""
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> TemporalProxy:
        """Listen."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(START_SECONDS)
        return self

    def close(self) -> None:
        """Stop listening and end the calls that are open."""
        asyncio.run_coroutine_threadsafe(self._server.stop(STOP_SECONDS), self._loop).result(START_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)

    async def _start(self) -> None:
        channel = grpc.aio.insecure_channel(self._backend, options=NO_SIZE_LIMIT)
        self._server = grpc.aio.server(options=NO_SIZE_LIMIT)
        self._server.add_generic_rpc_handlers([_AnyCall(self._handler_for(channel))])
        self._server.add_secure_port(self.address, self._credentials())
        await self._server.start()

    def _credentials(self) -> Any:
        pair = (self._certificate.key.read_bytes(), self._certificate.certificate.read_bytes())
        if self._client_authority is None:
            return grpc.ssl_server_credentials([pair])
        return grpc.ssl_server_credentials([pair], self._client_authority.file.read_bytes(), require_client_auth=True)

    def _handler_for(self, channel: Any) -> Callable[[str], Handler]:
        def handler_for(method: str) -> Handler:
            forward = channel.unary_unary(method)

            async def handle(request: bytes, context: Any) -> bytes:
                name = method.rpartition("/")[2]
                self.calls[name] += 1
                await self._check_key(context)
                if name in self.refused:
                    await context.abort(getattr(grpc.StatusCode, self.refused[name]), "Request unauthorized.")
                return await _pass_on(forward, request, context)

            return handle

        return handler_for

    async def _check_key(self, context: Any) -> None:
        if self._api_key is None:
            return
        shown = dict(context.invocation_metadata()).get("authorization")
        if shown is None:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no API key")
        if shown != f"Bearer {self._api_key}":
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "the API key is not accepted")


class _AnyCall(grpc.GenericRpcHandler):  # type: ignore[misc, unused-ignore]
    """Serves each method with the handler that is made for it."""

    def __init__(self, handler_for: Callable[[str], Handler]) -> None:
        self._handler_for = handler_for

    def service(self, handler_call_details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(self._handler_for(handler_call_details.method))


async def _pass_on(forward: Any, request: bytes, context: Any) -> bytes:
    call = forward(request, metadata=_end_to_end(context.invocation_metadata()), timeout=context.time_remaining())
    try:
        answer: bytes = await call
    except grpc.aio.AioRpcError as error:
        # The trailing metadata holds Temporal's own details of the failure.
        context.set_trailing_metadata(tuple(error.trailing_metadata() or ()))
        await context.abort(error.code(), error.details() or "")
        raise
    return answer


def _end_to_end(metadata: Sequence[tuple[str, str | bytes]]) -> list[tuple[str, str | bytes]]:
    return [(key, value) for key, value in metadata if not key.startswith(HOP_BY_HOP)]
