# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reply addresses without their secrets.

A reply address may contain a password before the host, or a token in its query. Only the destination is shown.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, urlsplit

HIDDEN = "***"


def without_secrets(value: Any) -> Any:
    """The same value, with the secrets removed from each reply address in it."""
    if isinstance(value, dict):
        return {
            key: redacted_address(item)
            if key in ("replyTo", "reply_to") and isinstance(item, str)
            else without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value


def redacted_address(address: str) -> str:
    """Scheme, host, port and path; three stars for the rest."""
    parts = split_address(address)
    if parts is None:
        return HIDDEN
    user, at, host = parts.netloc.rpartition("@")
    shown = parts._replace(
        netloc=f"{HIDDEN if user else ''}{at}{host}",
        query=HIDDEN if parts.query else "",
        fragment=HIDDEN if parts.fragment else "",
    )
    return shown.geturl()


def split_address(address: str) -> SplitResult | None:
    """Its parts; None if it is not a valid address."""
    try:
        return urlsplit(address)
    except ValueError:
        return None
