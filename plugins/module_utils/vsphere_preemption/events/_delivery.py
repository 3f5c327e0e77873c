# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where the library imports cloudevents and, for events, requests. Private to this folder.

A delivery has its own connection to an address that was checked before. The name stays in the Host header and in the
TLS handshake. One timer limits all of it: a receiver that trickles bytes resets every socket timeout, but not this one.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import struct
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from ..core import times
from ..core.errors import MissingLibrary, SinkUnreachable
from ..core.records.state import compact_json
from .event_types import OutgoingEvent
from .sink import ContentMode
from .time_limit import TimeLimit

try:
    import requests
    import requests.adapters
    import requests.utils
    import urllib3
    from cloudevents.core.bindings.http import to_binary, to_structured
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent
except ImportError as error:
    _PROBLEM: ImportError | None = error
else:
    _PROBLEM = None

USER_AGENT = "vsphere.preemption"
# The C structure linger: on, after 0 seconds.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_WIRE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)


@dataclass(frozen=True)
class Message:
    """Headers and body of one delivery."""

    headers: dict[str, str]
    body: bytes


class _Deadline:
    """Breaks the connections of one delivery when its time limit expires; a context manager."""

    def __init__(self, limit: TimeLimit) -> None:
        self.passed = False
        self._handles: list[socket.socket] = []
        self._timer = threading.Timer(limit.left(), self._pass)
        self._timer.daemon = True

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._timer.join()
        for handle in self._handles:
            handle.close()

    def covers(self, connected: socket.socket) -> socket.socket:
        """Cover this connection, with a handle of our own, since TLS takes over the socket."""
        handle = connected.dup()
        self._handles.append(handle)
        if self.passed:
            _break(handle)
        return connected

    def _pass(self) -> None:
        self.passed = True
        for handle in self._handles:
            _break(handle)


def _break(handle: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is already broken, which is the goal
        # Reset when it is closed: a peer whose window is full would not notice a graceful end for a minute.
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        handle.shutdown(socket.SHUT_RDWR)


def encode(event: OutgoingEvent, mode: ContentMode) -> Message:
    """The event in one of the two content modes of the HTTP binding; the same event is always the same bytes."""
    require()
    moment = times.from_wire(event.time)
    attributes = {
        "specversion": "1.0",
        "id": _clean(event.id),
        "source": _clean(event.source),
        "type": event.type,
        "datacontenttype": "application/json",
        "time": moment,
    }
    # The library cuts times to microseconds and adds spaces to JSON. The wire has the original time and no spaces.
    time = event.time if _WIRE_TIME.fullmatch(event.time) else times.to_wire(moment)
    if mode is ContentMode.BINARY:
        binary = to_binary(CloudEvent(attributes, compact_json(event.data).encode()), JSONFormat())
        return Message({**binary.headers, "ce-time": time}, binary.body)
    structured = to_structured(CloudEvent(attributes, dict(event.data)), JSONFormat())
    body = compact_json({**json.loads(structured.body), "time": time}).encode()
    return Message(dict(structured.headers), body)


def post(message: Message, url: str, *, address: str, limit: TimeLimit, ca_file: str | None) -> int:
    """The status of the receiver's response. Raises SinkUnreachable if there is none in time."""
    require()
    status, fault = 0, None
    with _Deadline(limit) as deadline, requests.Session() as session:
        session.trust_env = False
        session.mount("http://", _pinned_adapter(address, deadline))
        session.mount("https://", _pinned_adapter(address, deadline))
        try:
            with session.post(
                url,
                data=message.body,
                headers={**message.headers, "User-Agent": USER_AGENT},
                timeout=limit.left(),
                allow_redirects=False,
                verify=ca_file or True,
                stream=True,
            ) as answer:
                status = int(answer.status_code)  # the body is not read
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            fault = _innermost(error)
    # Raised here, from the innermost error: outer errors contain the whole URL, which may contain a token.
    # A response that was cut off in mid-header looks complete to the library, so the deadline is checked first.
    if deadline.passed or (fault and limit.is_over()):
        raise _unreachable(f"no response after {limit.seconds:g} seconds") from fault
    if fault is not None:
        raise _unreachable(str(fault)) from fault
    return status


def _pinned_adapter(address: str, deadline: _Deadline) -> Any:
    """A transport whose connections go to this address, regardless of how the name resolves later."""

    def connect(connection: Any) -> socket.socket:
        try:
            return deadline.covers(socket.create_connection((address, connection.port), connection.timeout))
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(connection, str(error)) from error

    class Connection(urllib3.connection.HTTPConnection):
        _new_conn = connect

    class TlsConnection(urllib3.connection.HTTPSConnection):
        _new_conn = connect

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Connection

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    adapter = requests.adapters.HTTPAdapter()
    adapter.poolmanager.pool_classes_by_scheme = {"http": Pool, "https": TlsPool}
    return adapter


def _unreachable(why: str) -> SinkUnreachable:
    next_step = "Check that the receiver is running and, for https, that its certificate is trusted."
    return SinkUnreachable("Cannot send the reply event", why=why, next_step=next_step)


def _innermost(error: BaseException) -> BaseException:
    """The cause that a user can act on, below the layers of requests and urllib3."""
    inner = error
    while True:
        reason = getattr(inner, "reason", None)
        deeper = reason if isinstance(reason, BaseException) else next(iter(inner.args), None)
        if not isinstance(deeper, BaseException):
            return inner
        inner = deeper


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def authorities() -> str | None:
    """The file of CAs that deliveries trust by default; None if the library is not installed."""
    return None if _PROBLEM else str(requests.utils.DEFAULT_CA_BUNDLE_PATH)


def require() -> None:
    """Raises MissingLibrary if one of the libraries is not installed."""
    if _PROBLEM is not None:
        raise MissingLibrary(
            "Cannot send events",
            why=str(_PROBLEM),
            next_step="Install the Python packages cloudevents and requests for the Python interpreter in use.",
        ) from _PROBLEM
