# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending one CloudEvent over HTTP, within a time limit and to an allowed address only."""

from __future__ import annotations

from ..core.errors import SinkRefused, SinkUnreachable
from .envelope import OutgoingEvent
from .sink_settings import SinkSettings
from .time_limit import TimeLimit

# Statuses that indicate that a retry may help (RFC 9110, RFC 6585, RFC 8470).
_TRY_AGAIN = frozenset({408, 425, 429})


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
