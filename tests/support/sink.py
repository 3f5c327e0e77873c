# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HTTP receiver for CloudEvents that records what it gets and misbehaves on demand."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from .ports import LOOPBACK, free_port
from .waiting import wait_until


@dataclass(frozen=True)
class Answer:
    """How the sink treats one request.

    status: answered after `after_seconds`; `headers` are added. trickle_seconds: pause between the bytes of the reply.
    reset: the connection is broken off instead. A hang is an answer after very many seconds; stopping the sink ends it.
    """

    status: int = 202
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    after_seconds: float = 0.0
    trickle_seconds: float = 0.0
    reset: bool = False

    @classmethod
    def hang(cls) -> Answer:
        """No answer, with the connection kept open."""
        return cls(after_seconds=3600.0)

    @classmethod
    def redirect(cls, location: str) -> Answer:
        """Send the caller somewhere else."""
        return cls(status=307, headers={"Location": location})


@dataclass(frozen=True)
class Delivery:
    """One request as it came in. headers: names in lower case. received: seconds since the epoch."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    received: float

    def event(self) -> dict[str, Any]:
        """The CloudEvent with its attributes and `data`, from binary or structured mode."""
        if self.headers.get("content-type", "").startswith("application/cloudevents+json"):
            return dict(json.loads(self.body))
        attributes = {name[3:]: value for name, value in self.headers.items() if name.startswith("ce-")}
        return {**attributes, "data": json.loads(self.body)}


class Sink:
    """An HTTP server on a loopback port; starts at once, `close` ends it.

    default: what is answered when no answer is queued. on_delivery: called with each request before it is answered.
    """

    def __init__(self, *, port: int | None = None, on_delivery: Callable[[Delivery], object] | None = None) -> None:
        self.default = Answer()
        self.on_delivery = on_delivery
        self.deliveries: list[Delivery] = []
        self._queued: deque[Answer] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        handler = type("Handler", (_Handler,), {"sink": self})
        self.port = port or free_port()
        self._server = ThreadingHTTPServer((LOOPBACK, self.port), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        """Where to send events."""
        return f"http://{LOOPBACK}:{self.port}/events"

    def answer(self, answer: Answer, *, times: int = 1) -> None:
        """Queue an answer for the next `times` requests."""
        with self._lock:
            self._queued.extend([answer] * times)

    def wait_for(self, count: int, seconds: float = 10.0) -> list[Delivery]:
        """Wait until `count` requests came in, and return them all."""
        return wait_until(
            lambda: list(self.deliveries), seconds, f"{count} deliveries", until=lambda got: len(got) >= count
        )

    def events(self) -> list[dict[str, Any]]:
        """Every event received, retries included."""
        return [delivery.event() for delivery in list(self.deliveries)]

    def close(self) -> None:
        """Stop listening and let hanging answers go."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def take(self, delivery: Delivery) -> Answer:
        """Record a request and say how to answer it (called by the handler)."""
        if self.on_delivery is not None:
            self.on_delivery(delivery)
        with self._lock:
            self.deliveries.append(delivery)
            return self._queued.popleft() if self._queued else self.default

    def pause(self, seconds: float) -> bool:
        """Sleep, unless the sink closes; False when it does."""
        return not self._closing.wait(seconds) if seconds else True


class _Handler(BaseHTTPRequestHandler):
    sink: ClassVar[Sink]
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.sink.take(Delivery(self.command, self.path, headers, body, time.time()))
        if answer.reset:
            # Linger of zero seconds makes the kernel send a reset instead of an orderly end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        if not self.sink.pause(answer.after_seconds):
            self.close_connection = True
            return
        self._reply(answer)

    def _reply(self, answer: Answer) -> None:
        lines = [f"HTTP/1.1 {answer.status} Programmed", f"Content-Length: {len(answer.body)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        reply = "\r\n".join([*lines, "", ""]).encode() + answer.body
        try:
            if not answer.trickle_seconds:
                self.wfile.write(reply)
                return
            for byte in reply:
                self.wfile.write(bytes([byte]))
                if not self.sink.pause(answer.trickle_seconds):
                    break
        except OSError:
            # The caller gave up; that is often what a test wants to see.
            self.close_connection = True

    def do_POST(self) -> None:
        self._handle()

    def do_GET(self) -> None:
        self._handle()

    def log_message(self, format: str, *args: object) -> None:
        """Tests read `deliveries`, not a log."""
