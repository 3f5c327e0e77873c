# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending one CloudEvent over HTTP, within a time limit and to an allowed address only; and whether one would arrive.

The operator of the worker has settings for it.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from enum import StrEnum

from ..core.environment import Environment, choice, existing_file, refused, seconds
from ..core.errors import SinkRefused, SinkUnreachable
from .event_types import OutgoingEvent
from .targets import VARIABLE, ReplyTarget, ReplyTargets
from .time_limit import TimeLimit

# Far beyond Temporal's timeout for an announcement, and still valid for a timer.
LONGEST_TIMEOUT_SECONDS = 300.0


class ContentMode(StrEnum):
    """The content mode of CloudEvents over HTTP. The prototype sends binary."""

    BINARY = "binary"
    STRUCTURED = "structured"


@dataclass(frozen=True)
class SinkSettings:
    """timeout_seconds: for one whole delivery, regardless of how slowly the receiver or DNS responds.

    ca_file: PEM file with the CAs to trust. None: those of the Python package certifi.
    """

    mode: ContentMode = ContentMode.BINARY
    timeout_seconds: float = 10.0
    allow: ReplyTargets = field(default_factory=ReplyTargets)
    ca_file: str | None = None

    @classmethod
    def from_environment(cls, environ: Environment) -> SinkSettings:
        """Raises InvalidSetting, which names the invalid variable."""
        default = cls()
        return cls(
            mode=choice(environ, "PREEMPTION_REPLY_MODE", default.mode),
            timeout_seconds=_timeout(environ, default.timeout_seconds),
            allow=ReplyTargets.parse(environ.get(VARIABLE, "")),
            ca_file=_authorities(environ),
        )


def _timeout(environ: Environment, default: float) -> float:
    name = "PREEMPTION_REPLY_TIMEOUT_SECONDS"
    value = seconds(environ, name, default)
    if value > LONGEST_TIMEOUT_SECONDS:
        raise refused(name, f"{value:g} is above {LONGEST_TIMEOUT_SECONDS:g}", f"Set {name} to seconds, such as 10.")
    return value


def _authorities(environ: Environment) -> str | None:
    """The file, after checking that it contains certificates: failing at startup is better than at every delivery."""
    name = "PREEMPTION_REPLY_CA_FILE"
    path = existing_file(environ, name)
    if path:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        except OSError as error:
            why = f"cannot read a certificate from {path!r} ({error.strerror or error})"
            raise refused(name, why, f"Set {name} to a PEM file with CA certificates.") from error
    return path


# Statuses that indicate that a retry may help (RFC 9110, RFC 6585, RFC 8470).
_TRY_AGAIN = frozenset({408, 425, 429})

WHAT = "Cannot reach the receiver of reply events"


class Sink:
    """Sends events. Thread-safe: each delivery has its own connection."""

    def __init__(self, settings: SinkSettings) -> None:
        self._settings = settings

    def prepare(self) -> None:
        """Load the HTTP and CloudEvents libraries before the first event needs them. Raises MissingLibrary."""
        from . import _delivery

        _delivery.require()

    def send(self, event: OutgoingEvent, url: str) -> None:
        """Deliver the event. SinkNotAllowed and SinkRefused are final; SinkUnreachable may be retried."""
        limit = TimeLimit(self._settings.timeout_seconds)
        target = self._settings.allow.check(url)
        address = self._settings.allow.resolve(target, limit.getaddrinfo)
        # Imported here, so that a worker can start without loading the HTTP and CloudEvents libraries.
        from . import _delivery

        message = _delivery.encode(event, self._settings.mode)
        status = _delivery.post(message, target.url, address=address, limit=limit, ca_file=self._settings.ca_file)
        _judge(status)


def _judge(status: int) -> None:
    if 200 <= status < 300:
        return
    why = f"the receiver responded with status {status}"
    if status >= 500 or status in _TRY_AGAIN:
        raise SinkUnreachable("Cannot send the reply event", why=why, next_step="Check the receiver's log.")
    if 300 <= status < 400:
        why += "; redirects are not followed"
    raise SinkRefused("Cannot send the reply event", why=why, next_step="Correct replyTo in the request.")


def reach(target: ReplyTarget, address: str, *, limit: TimeLimit, ca_file: str | None = None) -> None:
    """Open a connection and close it; for https, with a TLS handshake. Raises SinkUnreachable.

    address: the resolved address of the target. ca_file: CAs to trust; those of the worker if None.
    """
    try:
        with socket.create_connection((address, target.port), limit.left()) as connection:
            if target.scheme == "https":
                connection.settimeout(limit.left())
                with _trusting(ca_file).wrap_socket(connection, server_hostname=target.host):
                    pass
    except (OSError, ValueError) as error:
        next_step = "Check that the receiver is running and, for https, that its certificate is trusted."
        raise SinkUnreachable(WHAT, why=_reason(error), next_step=next_step) from error


def _trusting(ca_file: str | None) -> ssl.SSLContext:
    if ca_file is None:
        # The worker's HTTP library has its own CAs, which may differ from those of the system.
        from . import _delivery

        ca_file = _delivery.authorities()
    return ssl.create_default_context(cafile=ca_file)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return "no response in time"
    return str(getattr(error, "strerror", None) or error)
