# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that nobody in his right mind sends: broken HTTP, broken events, wrong tokens, senders that dawdle.

Everything comes from one seed, so a request that did harm can be made again. Between them, good events are sent, and
each has to be taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .ports import LOOPBACK
from .webhook import BATCH, STRUCTURED, alarm_data, binary, of_event_manager, of_knative

ANSWER_SECONDS = 60.0
# For requests that may not be whole: the other side waits for the rest of them, and answers much later.
PATIENCE_SECONDS = 0.3
AT_ONCE = 40
DAWDLERS = 12
GOOD_EVERY = 100


@dataclass
class Tally:
    """answers: by status; 0 where the connection ended without one. lost: good events that were not taken."""

    answers: Counter[int] = field(default_factory=Counter)
    taken: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    slowest_good: float = 0.0

    def add(self, other: Tally) -> None:
        """What happened in another storm, as if it were one."""
        self.answers += other.answers
        self.taken += other.taken
        self.lost += other.lost
        self.slowest_good = max(self.slowest_good, other.slowest_good)


class Hostility:
    """Makes requests as bytes. token: of good ones; some bad ones know it too.

    alarm: of good events. bad_alarm: of the others; what is odd about them may be harmless, so with the same alarm some
    are taken.
    """

    def __init__(self, seed: int, *, alarm: str, cluster: str, token: str = "", bad_alarm: str = "") -> None:
        self.random = random.Random(seed)
        self._alarm, self._bad_alarm, self._cluster = alarm, bad_alarm or alarm, cluster
        self._token = token

    def good(self, event_id: str) -> bytes:
        """An event that has to be taken, in one of the modes."""
        event = of_knative(event_id, alarm_data(self._alarm, self._cluster))
        mode = self.random.randrange(3)
        if mode == 0:
            headers, body = binary(event)
            return self._message(body, {**headers, "Content-Type": "application/json"})
        content, kind = (event, STRUCTURED) if mode == 1 else ([event], BATCH)
        return self._message(json.dumps(content).encode(), {"Content-Type": kind})

    def bad(self) -> tuple[bytes, float]:
        """A request that is wrong in one way or another, or none at all; and how long to wait for an answer."""
        pieces: list[Callable[[], bytes]] = [self._noise, self._broken_head, self._broken_length, self._cut_short]
        wholes = [self._bad_token, self._mutated_event, self._mutated_event, self._odd_json]
        wholes += [self._odd_headers, self._large]
        make = self.random.choice([*pieces, *wholes])
        return make(), PATIENCE_SECONDS if make in pieces else ANSWER_SECONDS

    def _message(self, body: bytes, headers: dict[str, str], *, token: str | None = None) -> bytes:
        shown = self._token if token is None else token
        own = {"Host": "x", "Connection": "close", "Content-Length": str(len(body))}
        own |= {"Authorization": f"Bearer {shown}"} if shown else {}
        head = "".join(f"{name}: {value}\r\n" for name, value in {**own, **headers}.items())
        return b"POST / HTTP/1.1\r\n" + head.encode("utf-8", "surrogateescape") + b"\r\n" + body

    def _noise(self) -> bytes:
        return self.random.randbytes(self.random.randrange(1, 600)) + self.random.choice([b"", b"\r\n\r\n"])

    def _broken_head(self) -> bytes:
        whole = bytearray(self.good("broken"))
        end = whole.index(b"\r\n\r\n")
        for _number in range(self.random.randrange(1, 6)):
            whole[self.random.randrange(end)] = self.random.randrange(256)
        return bytes(whole)

    def _broken_length(self) -> bytes:
        length = self.random.choice(
            ["-1", "99999999999999999999", "0x10", "1, 2", "", "5\r\nTransfer-Encoding: chunked"]
        )
        chunks = self.random.choice([b"zz\r\n\r\n", b"5\r\nab", b"ffffffffffffffff\r\nx", b"1\r\n{\r\n0\r\n\r\n"])
        if self.random.random() < 0.5:
            return self._message(chunks, {"Content-Length": length})
        return self._message(chunks, {"Transfer-Encoding": "chunked", "Content-Length": length})

    def _bad_token(self) -> bytes:
        token = self.random.choice(["x" * 5000, "", "\udcff\udcfe", "Bearer", self._token[:-1] or "y", "a b c"])
        body = json.dumps(of_knative("bad-token", alarm_data(self._bad_alarm, self._cluster))).encode()
        return self._message(body, {"Content-Type": STRUCTURED}, token=token)

    def _mutated_event(self) -> bytes:
        event: Any = of_knative(f"bad-{self.random.random()}", alarm_data(self._bad_alarm, self._cluster))
        if self.random.random() < 0.3:
            event = of_event_manager(self.random.randrange(1, 1 << 40), self._bad_alarm, self._cluster)
        for _number in range(self.random.randrange(1, 4)):
            self._mutate(event)
        kind = self.random.choice([STRUCTURED, BATCH, "application/json"])
        return self._message(json.dumps([event] if kind == BATCH else event).encode(), {"Content-Type": kind})

    def _mutate(self, value: dict[str, Any]) -> None:
        name = self.random.choice(list(value) or ["x"])
        inner = value.get(name)
        if isinstance(inner, dict) and self.random.random() < 0.7:
            self._mutate(inner)
        else:
            value[name] = self._anything(3)

    def _anything(self, depth: int) -> Any:
        plain: list[Any] = [None, True, -1, 1e308, 10**30, "", "\x00", "\ud800", "red" * 2000, "vim.X:y", "\u202e"]
        if depth and self.random.random() < 0.4:
            parts = [self._anything(depth - 1) for _number in range(3)]
            return parts if self.random.random() < 0.5 else {str(part)[:20]: part for part in parts}
        return self.random.choice(plain)

    def _odd_json(self) -> bytes:
        body = self.random.choice(
            [
                b"[" * 50_000,
                b'{"a":' * 20_000,
                b"NaN",
                b'{"specversion":"1.0","id":"1","source":"s","type":"AlarmStatusChangedEvent","data":{"a":1e999}}',
                b"\xff\xfe\x00",
                b"\xef\xbb\xbf{}",
                b'"' + b"\\ud800" * 1000 + b'"',
                b"[" + b"[]," * 60_000 + b"[]]",
                b"9" * 100_000,
                self.random.randbytes(2000),
            ]
        )
        return self._message(body, {"Content-Type": self.random.choice([STRUCTURED, BATCH, "application/json"])})

    def _cut_short(self) -> bytes:
        whole = self.good("cut")
        return whole[: self.random.randrange(1, len(whole) - 1)]

    def _odd_headers(self) -> bytes:
        kinds = [
            "application/json; charset=*''x",
            "/",
            'x/y; a="',
            ";;;",
            "application/json; charset=utf-7",
            "a" * 4000,
        ]
        odd = {
            "Content-Type": self.random.choice(kinds),
            "ce-id": self.random.choice(["%", "%ff%fe", "\udcff", "x" * 6000]),
            "ce-time": self.random.choice(["now", "9999999999-01-01", "%00"]),
            f"ce-{self.random.choice(['', '-', 'data', 'type', 'specversion'])}": "1.0",
            **{f"X-{number}": "y" for number in range(self.random.choice([0, 10, 200]))},
            "Expect": self.random.choice(["100-continue", "x", ""]),
        }
        return self._message(b"{}", odd)

    def _large(self) -> bytes:
        return self._message(b" " * self.random.choice([262_145, 300_000]), {"Content-Type": STRUCTURED})


async def storm(port: int, hostility: Hostility, count: int, *, name: str) -> Tally:
    """Send so many bad requests, and a good one among each hundred. name: begins the ids of the good ones."""
    tally, numbers = Tally(), iter(range(count))
    async with _dawdling(port):
        await asyncio.gather(*(_send_all(port, hostility, numbers, tally, name) for _number in range(AT_ONCE)))
    return tally


async def _send_all(port: int, hostility: Hostility, numbers: Any, tally: Tally, name: str) -> None:
    for number in numbers:
        tally.answers[await _exchange(port, *hostility.bad())] += 1
        if number % GOOD_EVERY == 0:
            began = asyncio.get_running_loop().time()
            status = await _exchange(port, hostility.good(f"{name}-{number}"), ANSWER_SECONDS)
            tally.slowest_good = max(tally.slowest_good, asyncio.get_running_loop().time() - began)
            (tally.taken if status == 202 else tally.lost).append(f"{name}-{number}")


async def _exchange(port: int, message: bytes, seconds: float) -> int:
    """The status of the answer, 0 where there is none."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(message)
                with contextlib.suppress(OSError):
                    await writer.drain()
                lines = [await reader.readline()]
                while lines[-1].startswith(b"HTTP/1.1 100"):
                    lines += [await reader.readline(), await reader.readline()]
                return int(lines[-1].split(b" ")[1]) if lines[-1].startswith(b"HTTP/") else 0
            finally:
                writer.close()
    except OSError:
        return 0


@contextlib.asynccontextmanager
async def _dawdling(port: int) -> Any:
    """Some senders that never come to an end, and come again when they are thrown out."""

    async def dawdle(number: int) -> None:
        while True:
            with contextlib.suppress(OSError):
                _reader, writer = await asyncio.open_connection(LOOPBACK, port)
                with contextlib.closing(writer):
                    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
                    for byte in head if number % 2 else head + b"\r\n":
                        writer.write(bytes([byte]))
                        await writer.drain()
                        await asyncio.sleep(0.05)
                    await asyncio.sleep(20)
            await asyncio.sleep(0.1)

    tasks = [asyncio.create_task(dawdle(number)) for number in range(DAWDLERS)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
