# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the webhook answers, and its memory of answers, so that a repetition gets the first one."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

REMEMBERED_BYTES = 4 * 1024 * 1024
# Keys, statuses and the books that hold them.
_BYTES_BESIDES = 400


class Ignored(StrEnum):
    """Why an event that is well formed asks for nothing."""

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
    """What became of an event; for metrics and the access log."""

    ASKED = "asked"
    ENDED = "ended"
    IGNORED = "ignored"
    WRONG = "wrong"
    AWAY = "away"


@dataclass(frozen=True)
class Answer:
    """An HTTP status and a JSON body.

    results: of each event; empty for a request that never got so far. retry_seconds: when to try again, 0 for never.
    allow: methods, with 405. note: for the log alone. closes: the connection is of no more use.
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

    def again(self) -> Answer:
        """The same answer, to a repetition."""
        return replace(self, duplicate=True)


def refused(status: int, reason: str, *, note: str = "", closes: bool = False, retry_seconds: int = 0) -> Answer:
    """A request that was not looked into."""
    return Answer(status, {"error": reason}, retry_seconds=retry_seconds, note=note, closes=closes)


def wrong(reason: str, status: int = 400) -> Answer:
    """An event that is the sender's fault; trying again is no use."""
    return Answer(status, {"error": reason}, (Result.WRONG,), note=reason)


def ignored(reason: Ignored) -> Answer:
    """Nobody wants to hear of this event."""
    return Answer(200, {"ignored": reason.value}, (Result.IGNORED,), note=reason.value)


def away(reason: str, retry_seconds: int) -> Answer:
    """Not the sender's fault, and it should try again."""
    return Answer(503, {"error": reason}, (Result.AWAY,), retry_seconds)


def of_batch(named: Sequence[tuple[Mapping[str, str], Answer]]) -> Answer:
    """One answer that reports each event: 503 if one is to be sent again, which does the others no harm.

    named: source and id of each event, with its answer.
    """
    answers = [answer for _name, answer in named]
    statuses = {answer.status for answer in answers}
    retry = max((answer.retry_seconds for answer in answers), default=0)
    wrong_ones = statuses & {400, 415}
    status = 503 if 503 in statuses else 207 if wrong_ones and statuses - wrong_ones else max(statuses, default=200)
    return Answer(
        status,
        {"events": [{**name, "status": answer.status, **answer.body} for name, answer in named]},
        tuple(result for answer in answers for result in answer.results),
        retry,
        duplicate=bool(answers) and all(answer.duplicate for answer in answers),
    )


class Memory:
    """The newest answers by key, up to an amount of memory."""

    def __init__(self, most_bytes: int = REMEMBERED_BYTES) -> None:
        self._most = most_bytes
        self._bytes = 0
        self._answers: OrderedDict[str, tuple[Answer, int]] = OrderedDict()

    def find(self, key: str) -> Answer | None:
        found = self._answers.get(key)
        return found[0] if found else None

    def keep(self, key: str, answer: Answer) -> None:
        """Remember an answer, and forget the oldest where there is no room."""
        if key in self._answers:
            return
        size = len(answer.encoded()) * 3 + _BYTES_BESIDES
        self._answers[key] = (answer, size)
        self._bytes += size
        while self._bytes > self._most:
            self._bytes -= self._answers.popitem(last=False)[1][1]
