# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The meaning of temporalio's errors: unreachable, access denied, not trusted, or not found.

A connection that fails before the first call is only reported as text by the SDK's core; the words that distinguish the
cases were found by trying each of them.
"""

from __future__ import annotations

import re

from ..core.errors import (
    NamespaceNotFound,
    TemporalAccessDenied,
    TemporalError,
    TemporalTlsRefused,
    TemporalUnreachable,
)
from ._temporalio import part

_TLS_WORDS = (
    "InvalidCertificate",
    "AlertReceived",
    "HandshakeFailure",
    "InvalidMessage",
    "ParseError",
    "InconsistentKeys",
    "certificate",
)
# The server accepted the connection and closed it before it responded: all that TLS 1.3 shows of a missing certificate.
_HUNG_UP = ('message: "transport error"', "hyper::Error(Canceled")
_CERTIFICATE_REASONS = {
    "CertificateParseError": "the CA or client certificate is not a valid certificate",
    "PrivateKeyParseError": "the client key is not a valid private key",
    "InconsistentKeys": "the client key does not match the client certificate",
    "UnknownIssuer": "the CA that signed the server's certificate is not trusted",
    "Expired": "the server's certificate has expired",
    "NotValidForName": "the server's certificate is for another name",
    "CertificateRequired": "the server requires a client certificate",
    "UnknownCA": "the server does not trust the client certificate",
    "InvalidMessage": "the server does not use TLS on this port",
    "InvalidContentType": "the server does not use TLS on this port",
    "hyper::Error": "the server closed the connection; it requires a client certificate, or does not trust it",
}


def translate(error: BaseException, *, what: str, secure: bool = False) -> TemporalError:
    """Our error for one of temporalio's; to be raised `from` it. secure: the connection uses TLS."""
    service = part("service")
    if isinstance(error, service.RPCError):
        return _from_status(error.status.name, error.message, what)
    text = str(error)
    denied = re.search(r"(Unauthenticated|PermissionDenied)", text)
    if denied:
        return _denied(what, text)
    if any(word in text for word in _TLS_WORDS) or (secure and _hung_up(text)):
        return _tls_refused(what, text)
    if _hung_up(text):
        return _unreachable(what, "the server closed the connection immediately; it may require TLS")
    return _unreachable(what, _short(text))


def namespace_missing(namespace: str) -> NamespaceNotFound:
    """The error for a namespace that does not exist."""
    return NamespaceNotFound(
        f"Cannot use the Temporal namespace {namespace}",
        why="it does not exist",
        next_step="Create it (temporal operator namespace create), or correct the name.",
    )


def _from_status(status: str, message: str, what: str) -> TemporalError:
    if status in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
        return _denied(what, message)
    if status == "NOT_FOUND" and "amespace" in message:
        return NamespaceNotFound(what, why=message, next_step="Create the namespace, or correct its name.")
    if status in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "RESOURCE_EXHAUSTED"):
        return _tls_refused(what, message) if "certificate" in message else _unreachable(what, message)
    return TemporalError(what, why=message or status, next_step="Check the log of the Temporal server.")


def _denied(what: str, text: str) -> TemporalAccessDenied:
    return TemporalAccessDenied(
        what,
        why=_short(text) or "access was denied",
        next_step="Check the API key or the client certificate, and its permissions on the namespace.",
    )


def _tls_refused(what: str, text: str) -> TemporalTlsRefused:
    reason = next((reason for word, reason in _CERTIFICATE_REASONS.items() if word in text), _short(text))
    next_step = "Check the CA file, the client certificate and the server name of the connection."
    return TemporalTlsRefused(what, why=reason, next_step=next_step)


def _unreachable(what: str, text: str) -> TemporalUnreachable:
    return TemporalUnreachable(
        what, why=text or "no response", next_step="Check the address, and that the Temporal frontend is running."
    )


def _hung_up(text: str) -> bool:
    return any(words in text for words in _HUNG_UP)


def _short(text: str) -> str:
    """The last clause of the SDK's chain of causes, without its debug form."""
    quoted = re.findall(r'(?:message|error): "([^"]+)"', text)
    return (quoted[-1] if quoted else text)[:300].rstrip(". ")
