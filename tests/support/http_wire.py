# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 messages on a socket, read and passed on with as little work as possible.

The proxy must add less than a millisecond to a call, and the standard library's HTTP classes take about that long to
parse the headers of one message. So only what a proxy needs is looked at: the first line, the length of the body, and
single headers when somebody asks for one.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

READ_BYTES = 1 << 16
MAX_HEAD_BYTES = 1 << 16
HEAD_END = b"\r\n\r\n"


class WireBroken(ConnectionError):
    """The peer ended the connection inside a message, or sent no HTTP."""


@dataclass(frozen=True)
class Message:
    """One request or reply. head: first line and headers without the empty line. body: complete and not chunked."""

    head: bytes
    body: bytes

    @property
    def first_line(self) -> str:
        """`METHOD path HTTP/1.1` of a request, `HTTP/1.1 status reason` of a reply."""
        return self.head.split(b"\r\n", 1)[0].decode("latin-1")

    @property
    def status(self) -> int:
        """The status code of a reply."""
        return int(self.first_line.split(" ", 2)[1])

    @property
    def closes(self) -> bool:
        """The sender will not use the connection again."""
        return (self.header("connection") or "").lower() == "close"

    def header(self, name: str) -> str | None:
        """The value of a header, None where there is none."""
        return _header(self.head, name)

    def as_bytes(self) -> bytes:
        """The message as it goes on the wire, with a content length where it has a body."""
        lines = [line for line in self.head.split(b"\r\n") if not line.lower().startswith(b"transfer-encoding:")]
        if self.body and _header(self.head, "content-length") is None:
            lines.append(b"Content-Length: %d" % len(self.body))
        return b"\r\n".join(lines) + HEAD_END + self.body


class Wire:
    """A socket on which whole messages are read."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._buffer = bytearray()

    def read_request(self) -> Message | None:
        """The next request; None when the peer ended the connection in good order."""
        head = self._read_head()
        return None if head is None else Message(head, self._read_body(head))

    def read_reply(self, *, to_method: str) -> Message:
        """The reply to a request of that method."""
        head = self._read_head()
        if head is None:
            raise WireBroken("the connection ended before the reply")
        message = Message(head, b"")
        if to_method == "HEAD" or message.status in (204, 304):
            return message
        return Message(head, self._read_body(head))

    def write(self, data: bytes) -> None:
        """Send all of it."""
        self.connection.sendall(data)

    def _read_head(self) -> bytes | None:
        while (end := self._buffer.find(HEAD_END)) < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise WireBroken("the headers are too long")
            if not self._fill():
                if self._buffer:
                    raise WireBroken("the connection ended inside the headers")
                return None
        head = bytes(self._buffer[:end])
        del self._buffer[: end + len(HEAD_END)]
        return head

    def _read_body(self, head: bytes) -> bytes:
        if "chunked" in (_header(head, "transfer-encoding") or "").lower():
            return self._read_chunks()
        return self._take(int(_header(head, "content-length") or 0))

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while size := int(self._take_line().split(b";")[0], 16):
            body += self._take(size)
            self._take_line()
        while self._take_line():
            continue
        return bytes(body)

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            if not self._fill():
                raise WireBroken("the connection ended inside a body")
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _take_line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if not self._fill():
                raise WireBroken("the connection ended inside a body")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _fill(self) -> bool:
        data = self.connection.recv(READ_BYTES)
        self._buffer += data
        return bool(data)


def reply(status: int, body: bytes, *, content_type: str = "text/xml; charset=utf-8") -> bytes:
    """A complete reply of our own."""
    return (
        f"HTTP/1.1 {status} Proxy\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


def _header(head: bytes, name: str) -> str | None:
    found = re.search(rb"(?im)^%s:[ \t]*([^\r\n]*)" % re.escape(name.encode()), head)
    return found[1].decode("latin-1").strip() if found else None
