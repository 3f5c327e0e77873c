# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The responses of the webhook, and its memory of them, so that a repeated event gets the first response."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

REMEMBERED_BYTES = 4 * 1024 * 1024
# For keys, statuses and the containers.
_BYTES_BESIDES = 400


class Ignored(StrEnum):
    """Why a valid event results in no action."""

    NOT_AN_ALARM = "not_an_alarm"
    NO_CHANGE = "no_change"
    OTHER_SOURCE = "other_source"
    NO_RULE = "no_rule"
    NO_COMPUTE_RESOURCE = "no_compute_resource"
    GRAY = "gray"
    FALLING = "falling"
    COLOUR = "colour_asks_for_nothing"
    GREEN = "green_asks_for_nothing"
    FLAPPED = "flapped"
    STILL_FIRING = "still_firing"
    NOTHING_TO_CANCEL = "nothing_to_cancel"


class Result(StrEnum):
    """The result of an event, for metrics and the access log."""

    ASKED = "asked"
    ENDED = "ended"
    IGNORED = "ignored"
    WRONG = "wrong"
    AWAY = "away"


@dataclass(frozen=True)
class WebhookResponse:
    """An HTTP status and a JSON body.

    results: of each event; empty if the request was rejected before. retry_seconds: when to retry, 0 for never.
    allow: methods, with 405. note: for the log only. closes: whether to close the connection.
    """

    status: int
    body: Any
    results: tuple[Result, ...] = ()
    retry_seconds: int = 0
    allow: str = ""
    duplicate: bool = False
    note: str = ""
    closes: bool = False

    def encoded(self) -> bytes:
        return json.dumps(self.body).encode() + b"\n"

    def again(self) -> WebhookResponse:
        """The same response, for a repeated event."""
        return replace(self, duplicate=True)


def refused(
    status: int, reason: str, *, note: str = "", closes: bool = False, retry_seconds: int = 0
) -> WebhookResponse:
    """The response to a request that was rejected before its events were read."""
    return WebhookResponse(status, {"error": reason}, retry_seconds=retry_seconds, note=note, closes=closes)


def wrong(reason: str, status: int = 400) -> WebhookResponse:
    """The response to an invalid event; a retry does not help."""
    return WebhookResponse(status, {"error": reason}, (Result.WRONG,), note=reason)


def ignored(reason: Ignored) -> WebhookResponse:
    """The response to an event that needs no action."""
    return WebhookResponse(200, {"ignored": reason.value}, (Result.IGNORED,), note=reason.value)


def away(reason: str, retry_seconds: int) -> WebhookResponse:
    """The response if a server is unreachable; the sender should retry."""
    return WebhookResponse(503, {"error": reason}, (Result.AWAY,), retry_seconds)


def of_batch(named: Sequence[tuple[Mapping[str, str], WebhookResponse]]) -> WebhookResponse:
    """One response with the result of each event: 503 if any of them must be sent again, which is safe for the others.

    named: source and ID of each event, with its response.
    """
    answers = [answer for _name, answer in named]
    statuses = {answer.status for answer in answers}
    retry = max((answer.retry_seconds for answer in answers), default=0)
    wrong_ones = statuses & {400, 415}
    status = 503 if 503 in statuses else 207 if wrong_ones and statuses - wrong_ones else max(statuses, default=200)
    return WebhookResponse(
        status,
        {"events": [{**name, "status": answer.status, **answer.body} for name, answer in named]},
        tuple(result for answer in answers for result in answer.results),
        retry,
        duplicate=bool(answers) and all(answer.duplicate for answer in answers),
    )


class Memory:
    """The latest responses by key, up to a maximum size."""

    def __init__(self, most_bytes: int = REMEMBERED_BYTES) -> None:
        self._most = most_bytes
        self._bytes = 0
        self._answers: OrderedDict[str, tuple[WebhookResponse, int]] = OrderedDict()

    def find(self, key: str) -> WebhookResponse | None:
        found = self._answers.get(key)
        return found[0] if found else None

    def keep(self, key: str, answer: WebhookResponse) -> None:
        """Store a response, and drop the oldest ones if there is no space."""
        if key in self._answers:
            return
        size = len(answer.encoded()) * 3 + _BYTES_BESIDES
        self._answers[key] = (answer, size)
        self._bytes += size
        while self._bytes > self._most:
            self._bytes -= self._answers.popitem(last=False)[1][1]
