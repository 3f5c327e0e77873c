# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Authentication of senders, by a bearer token or by a signature over the time and the message.

If both are configured, either is sufficient; everything that a request presents must be valid. A signature is created
with HMAC-SHA256:

    X-Preemption-Timestamp: 1764000000
    X-Preemption-Signature: sha256=<hex of HMAC(secret, timestamp "." signed headers body)>

The signed headers are empty, except for an event in binary mode, whose attributes are headers: then they consist of a
line `name:value` with a line feed for content-type and for each ce- header, sorted by their names in lower case.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .secrets import SecretFile
from .settings import WebhookSettings

TIMESTAMP, SIGNATURE = "X-Preemption-Timestamp", "X-Preemption-Signature"
WINDOW_SECONDS = 300.0

_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII | re.IGNORECASE)
_SECONDS = re.compile(r"\d{1,12}", re.ASCII)


class AuthStatus(StrEnum):
    """The result of the authentication of a request."""

    OPEN = "open"
    NOTHING_SHOWN = "nothing_shown"
    BAD_TOKEN = "bad_token"
    BAD_SIGNATURE = "bad_signature"
    OUT_OF_TIME = "signature_out_of_time"
    NO_SECRETS = "no_secrets"


@dataclass(frozen=True)
class AuthResult:
    """admission: OPEN or the reason for rejection. seal: identifies a signed message; empty if it is not signed."""

    admission: AuthStatus
    seal: str = ""


class Authentication:
    """Authenticates requests. Secrets may change at any time. now: returns the Unix time."""

    def __init__(self, settings: WebhookSettings, now: Callable[[], float] = time.time) -> None:
        self._tokens = SecretFile(settings.token_file) if settings.token_file else None
        self._keys = SecretFile(settings.hmac_file) if settings.hmac_file else None
        self._now = now

    def before_body(self, headers: Mapping[str, str]) -> AuthStatus | None:
        """The result before the body is read; None if it depends on the body."""
        if self._tokens is None and self._keys is None:
            return AuthStatus.OPEN
        if self._tokens is not None and "Authorization" in headers:
            admission = _token_status(headers["Authorization"], self._tokens.current())
            return None if admission is AuthStatus.OPEN and self._is_signed(headers) else admission
        if not self._is_signed(headers):
            return AuthStatus.NOTHING_SHOWN
        return None if self._is_recent(headers) else AuthStatus.OUT_OF_TIME

    def with_body(self, headers: Mapping[str, str], message: bytes) -> AuthResult:
        """The result for a signed request, after at_first_sight returned None. message: signed headers and body."""
        if self._keys is None or not self._is_recent(headers):
            return AuthResult(AuthStatus.OUT_OF_TIME)
        keys, shown = self._keys.current(), _SIGNATURE.fullmatch(headers.get(SIGNATURE, ""))
        if not keys:
            return AuthResult(AuthStatus.NO_SECRETS)
        if shown is None:
            return AuthResult(AuthStatus.BAD_SIGNATURE)
        signed = headers[TIMESTAMP].encode() + b"." + message
        given = bytes.fromhex(shown[1])
        return (
            AuthResult(AuthStatus.OPEN, given.hex())
            if _is_one_of(given, [_mac(key, signed) for key in keys])
            else _FORGED
        )

    def _is_signed(self, headers: Mapping[str, str]) -> bool:
        return self._keys is not None and SIGNATURE in headers

    def _is_recent(self, headers: Mapping[str, str]) -> bool:
        told = headers.get(TIMESTAMP, "")
        return bool(_SECONDS.fullmatch(told)) and abs(self._now() - int(told)) <= WINDOW_SECONDS


_FORGED = AuthResult(AuthStatus.BAD_SIGNATURE)


def signed_headers(headers: Mapping[str, str]) -> bytes:
    """The headers of an event in binary mode, in the form that is signed."""
    named = sorted((name.lower(), value) for name, value in headers.items())
    ours = [(name, value) for name, value in named if name == "content-type" or name.startswith("ce-")]
    return "".join(f"{name}:{value}\n" for name, value in ours).encode("utf-8", "surrogateescape")


def _token_status(header: str, tokens: Sequence[bytes]) -> AuthStatus:
    if not tokens:
        return AuthStatus.NO_SECRETS
    scheme, _blank, token = header.partition(" ")
    shown = hashlib.sha256(token.strip().encode("utf-8", "surrogateescape")).digest()
    right = _is_one_of(shown, [hashlib.sha256(known).digest() for known in tokens])
    return AuthStatus.OPEN if right and scheme.lower() == "bearer" else AuthStatus.BAD_TOKEN


def _is_one_of(given: bytes, known: Sequence[bytes]) -> bool:
    """Whether the value is one of the known ones, compared in constant time."""
    return sum(hmac.compare_digest(given, one) for one in known) > 0


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
