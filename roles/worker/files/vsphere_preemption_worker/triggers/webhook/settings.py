# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the webhook. It is disabled unless an address is set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vsphere_preemption.core.environment import Address, Environment, existing_file, read_address, refused, whole_number

MAX_BYTES = 256 * 1024
PER_SECOND = 50


@dataclass(frozen=True)
class WebhookSettings:
    """The address to listen on, the authentication, and the limits.

    token_file, hmac_file: secrets, one per line. None for both: any process on this host may send events.
    certificate, key: PEM files; None if connections are not encrypted.
    sources: shell patterns for the `source` of events; empty for any.
    max_bytes: of one body. per_second: events in a second, on average.
    """

    address: Address
    token_file: Path | None = None
    hmac_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    sources: tuple[str, ...] = ()
    max_bytes: int = MAX_BYTES
    per_second: int = PER_SECOND

    @classmethod
    def from_environment(cls, environ: Environment) -> WebhookSettings | None:
        """None if no address is set. Raises InvalidSetting for invalid or insecure settings."""
        name = "PREEMPTION_WEBHOOK_ADDRESS"
        address = read_address(environ, name, everywhere="127.0.0.1")
        if address is None:
            return None
        token_file, hmac_file = _file(environ, "TOKEN_FILE"), _file(environ, "HMAC_FILE")
        if not (address.is_loopback or token_file or hmac_file):
            raise refused(
                name,
                f"{str(address)!r} can be reached from other hosts, which could then stop VMs without authentication",
                "Set PREEMPTION_WEBHOOK_TOKEN_FILE or PREEMPTION_WEBHOOK_HMAC_FILE, or listen on 127.0.0.1.",
            )
        return cls(
            address=address,
            token_file=token_file,
            hmac_file=hmac_file,
            **_pair(environ),
            sources=tuple(environ.get("PREEMPTION_WEBHOOK_SOURCES", "").replace(",", " ").split()),
            max_bytes=whole_number(environ, "PREEMPTION_WEBHOOK_MAX_BYTES", MAX_BYTES, least=1024),
            per_second=whole_number(environ, "PREEMPTION_WEBHOOK_PER_SECOND", PER_SECOND, least=1),
        )


def _pair(environ: Environment) -> dict[str, Path | None]:
    certificate, key = _file(environ, "CERT_FILE"), _file(environ, "KEY_FILE")
    for name, missing in (("CERT_FILE", certificate is None), ("KEY_FILE", key is None)):
        if missing and (certificate or key):
            raise refused(f"PREEMPTION_WEBHOOK_{name}", "it is not set", "Set both the certificate and its key.")
    return {"certificate": certificate, "key": key}


def _file(environ: Environment, name: str) -> Path | None:
    path = existing_file(environ, f"PREEMPTION_WEBHOOK_{name}")
    return Path(path) if path else None
