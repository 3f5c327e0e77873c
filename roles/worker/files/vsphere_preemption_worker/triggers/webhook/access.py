# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The access log of the webhook, and its metrics. Bodies, queries and headers are omitted: they may contain secrets.

Rejected requests are logged up to a maximum rate, and then only counted, so that no sender can fill the disk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from temporalio.runtime import Runtime

from .allowance import Allowance
from .answers import WebhookResponse

REFUSALS_LOGGED_PER_SECOND = 20
MAX_PATH = 80
ANSWER = web.RequestKey("answer", WebhookResponse)

Observer = Callable[[int, WebhookResponse | None, float], None]

log = logging.getLogger(__name__)


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
