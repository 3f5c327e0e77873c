# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The webhook: receives CloudEvents over HTTP, and responds when Temporal has stored the requests.

Cheap checks come first: path and method, the size, the token. Only then is the body read.

In the log and the metrics, bodies, queries and headers are omitted: they may contain secrets. Rejected requests are
logged up to a maximum rate, and then only counted, so that no sender can fill the disk.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError
from temporalio.runtime import Runtime

from vsphere_preemption.core.event import TriggerEvent
from vsphere_preemption.core.policy.alarm_rule import AlarmRule

from .answers import Memory, WebhookResponse, of_batch, refused, wrong
from .authentication import Authentication, AuthStatus, signed_headers
from .connections import Connections
from .intake import RETRY_SECONDS, AlarmHandler, ColourOf, Intake
from .reading import EventMode, Unreadable, events_of, mode_of
from .settings import WebhookSettings

REFUSALS_LOGGED_PER_SECOND = 20
MAX_PATH = 80
ANSWER = web.RequestKey("answer", WebhookResponse)

Observer = Callable[[int, WebhookResponse | None, float], None]


class Allowance:
    """Refills steadily up to the amount of one second. now: seconds of a monotonic clock."""

    def __init__(self, per_second: int, now: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._now = now
        self._left = float(per_second)
        self._seen = now()

    def take(self) -> bool:
        """Take one if available; return whether it was."""
        self._fill()
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def owe(self, count: int) -> None:
        """Take this number in any case; it is missing later."""
        self._left -= count

    def wait_seconds(self) -> int:
        """Whole seconds until one is available again; at least 1."""
        self._fill()
        return max(1, math.ceil((1 - self._left) / self._per_second))

    def _fill(self) -> None:
        now = self._now()
        self._left = min(self._per_second, self._left + (now - self._seen) * self._per_second)
        self._seen = now


def observe_requests(runtime: Runtime) -> Observer:
    """Count requests by status and events by result, and measure the duration."""
    meter = runtime.metric_meter
    requests = meter.create_counter("preemption_webhook_requests", "Requests to the webhook by status.")
    events = meter.create_counter("preemption_webhook_events", "Events that the webhook received, by result.")
    seconds = meter.create_histogram_float("preemption_webhook_seconds", "Time of a request to the webhook.")

    def observe(status: int, answer: WebhookResponse | None, took: float) -> None:
        requests.add(1, {"status": str(status)})
        seconds.record(took, {})
        for result in answer.results if answer else ():
            events.add(1, {"result": "duplicate" if answer and answer.duplicate else result.value})

    return observe


def access_log(observe: Observer) -> type[AbstractAccessLogger]:
    """The access logger class for aiohttp. It is called for every request, including those that are not HTTP."""
    refusals = Allowance(REFUSALS_LOGGED_PER_SECOND)
    left_out = 0

    class AccessLog(AbstractAccessLogger):
        def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
            nonlocal left_out
            answer: WebhookResponse | None = request.get(ANSWER)
            observe(response.status, answer, time)
            if response.status >= 300 and response.status != 503 and not refusals.take():
                left_out += 1
                return
            more = {"refusals_not_logged": left_out} if left_out else {}
            left_out = 0
            log.info("webhook", extra={**_fields(request, response, answer, time), **more})

    return AccessLog


def _fields(
    request: web.BaseRequest, response: web.StreamResponse, answer: WebhookResponse | None, time: float
) -> dict[str, Any]:
    known: dict[str, Any] = {
        "peer": request.remote or "",
        "status": response.status,
        "milliseconds": round(1000 * time, 1),
    }
    if answer is None:
        return {**known, "note": "not a supported HTTP request"}
    results = ",".join(sorted({result.value for result in answer.results}))
    told = {"method": request.method[:10], "path": request.rel_url.raw_path[:MAX_PATH], "result": results}
    more = {"note": answer.note, "duplicate": answer.duplicate, "events": len(answer.results)}
    return {**known, **told, **{name: value for name, value in more.items() if value}}


PATHS = ("/", "/events")
BODY_SECONDS = 10.0
# Number of events that are processed at the same time.
AT_ONCE = 16
# vCenter events are smaller. Temporal terminates a workflow with a too large history, so larger events count more.
EVENT_BYTES = 4096
CLOSE_SECONDS = 5.0

log = logging.getLogger(__name__)


class _Refused(Exception):
    def __init__(self, answer: WebhookResponse) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Webhook:
    """Listens from its creation, in a running event loop, until `close`.

    rules: returns the current rules. colour_of: see Intake. source: of events that are not CloudEvents. Raises
    InvalidSetting for an address, a secret or a certificate that is not usable.
    """

    def __init__(
        self,
        settings: WebhookSettings,
        rules: Callable[[], Sequence[AlarmRule]],
        acting: AlarmHandler,
        colour_of: ColourOf,
        *,
        source: str,
        runtime: Runtime,
    ) -> None:
        self._settings = settings
        self._source = source
        self._memory = Memory()
        self._intake = Intake(rules, acting, colour_of, self._memory, settings.sources)
        self._authentication = Authentication(settings)
        self._allowance = Allowance(settings.per_second)
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._connections = Connections(settings, self._handle, access_log(observe_requests(runtime)))
        secured = "tls" if settings.certificate else "none"
        log.info("webhook is listening", extra={"address": str(settings.address), "encryption": secured})
        if not (settings.certificate or settings.address.is_loopback):
            log.warning("webhook connections are not encrypted, so tokens can be read on the network")

    async def close(self) -> None:
        """Accept no further requests, and finish the active ones."""
        await self._connections.close(CLOSE_SECONDS)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            answer = await self._answer(request)
        except _Refused as refusal:
            answer = refusal.answer
        except Exception:
            log.exception("webhook failed to process a request")
            answer = refused(500, "internal error; see the worker's log", closes=True)
        request[ANSWER] = answer
        return _response(answer)

    async def _answer(self, request: web.BaseRequest) -> WebhookResponse:
        if request.path not in PATHS:
            return refused(404, "not found; send events to / or /events")
        if request.method != "POST":
            return WebhookResponse(405, {"error": "method not allowed; use POST"}, allow="POST")
        if (request.content_length or 0) > self._settings.max_bytes:
            raise self._too_large()
        admission = self._authentication.before_body(request.headers)
        if admission not in (None, AuthStatus.OPEN):
            return _closed(admission)
        body = await self._body(request)
        with self._connections.busy(request):
            return await self._enter(request, body, signed=admission is None)

    async def _enter(self, request: web.BaseRequest, body: bytes, *, signed: bool) -> WebhookResponse:
        seal = ""
        if signed:
            binary = any(name.lower().startswith("ce-") for name in request.headers)
            message = (signed_headers(request.headers) if binary else b"") + body
            entry = self._authentication.with_body(request.headers, message)
            if entry.admission is not AuthStatus.OPEN:
                return _closed(entry.admission)
            seal = f"seal {entry.seal}"
            if known := self._memory.find(seal):
                return known.again()
        if not self._allowance.take():
            return refused(429, "too many requests", retry_seconds=self._allowance.wait_seconds())
        self._allowance.owe(_events_in(body) - 1)
        async with self._gate:
            answer = await self._take(request, body)
        if seal and answer.status in (200, 202, 207):
            self._memory.keep(seal, answer)
        return answer

    async def _take(self, request: web.BaseRequest, body: bytes) -> WebhookResponse:
        try:
            mode = mode_of(request.headers)
            events = events_of(mode, request.headers, body, source=self._source)
        except Unreadable as trouble:
            return wrong(str(trouble), trouble.status)
        self._allowance.owe(max(0, len(events) - _events_in(body)))
        if mode is not EventMode.BATCH:
            return await self._take_one(events[0])
        named = []
        for event in events:
            name = {} if isinstance(event, Unreadable) else {"source": event.source, "id": event.id}
            named.append((name, await self._take_one(event)))
        return of_batch(named)

    async def _take_one(self, event: TriggerEvent | Unreadable) -> WebhookResponse:
        return wrong(str(event), event.status) if isinstance(event, Unreadable) else await self._intake.take(event)

    async def _body(self, request: web.BaseRequest) -> bytes:
        """The whole body. Raises _Refused if it is too large, too late or broken."""
        expected = request.headers.get("Expect", "").lower()
        if expected not in ("", "100-continue"):
            raise _Refused(refused(417, "unknown expectation", closes=True))
        try:
            async with asyncio.timeout(BODY_SECONDS):
                if expected:
                    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                    request.writer.output_size = 0
                return await self._read(request)
        except TimeoutError:
            raise _Refused(refused(408, "timeout while reading the body", closes=True)) from None
        except (RequestPayloadError, HttpProcessingError, ConnectionError):
            raise _Refused(refused(400, "the body is incomplete or broken", closes=True)) from None

    async def _read(self, request: web.BaseRequest) -> bytes:
        body = bytearray()
        while chunk := await request.content.readany():
            body += chunk
            if len(body) > self._settings.max_bytes:
                raise self._too_large()
        return bytes(body)

    def _too_large(self) -> _Refused:
        return _Refused(refused(413, f"the body exceeds {self._settings.max_bytes} bytes", closes=True))


def _events_in(body: bytes) -> int:
    """The number of events of normal size that a body of this size corresponds to."""
    return max(1, math.ceil(len(body) / EVENT_BYTES))


def _closed(admission: AuthStatus | None) -> WebhookResponse:
    if admission is AuthStatus.NO_SECRETS:
        return refused(503, "the worker has no usable secrets", retry_seconds=RETRY_SECONDS)
    return refused(401, "a valid token or signature is required", note=str(admission))


def _response(answer: WebhookResponse) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    if answer.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if answer.retry_seconds:
        headers["Retry-After"] = str(answer.retry_seconds)
    if answer.allow:
        headers["Allow"] = answer.allow
    if answer.duplicate:
        headers["X-Preemption-Duplicate"] = "true"
    response = web.Response(
        status=answer.status, body=answer.encoded(), headers=headers, content_type="application/json"
    )
    if answer.closes:
        response.force_close()
    return response
