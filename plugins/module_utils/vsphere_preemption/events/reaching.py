# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the receiver of reply events can be reached. Nothing is sent to it."""

from __future__ import annotations

import socket
import ssl

from ..core.errors import SinkUnreachable
from .targets import ReplyTarget
from .time_limit import TimeLimit

WHAT = "Cannot reach the receiver of reply events"


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
