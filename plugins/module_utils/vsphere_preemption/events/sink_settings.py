# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How reply events are sent: settings of the operator of the worker."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from enum import StrEnum

from ..core.environment import Environment, choice, existing_file, refused, seconds
from .targets import VARIABLE, ReplyTargets

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
