# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reply addresses without what must not be shown. Private to this collection.

A reply address may carry a password before the host, or a token in its query. Where to is worth showing; that is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

HIDDEN = "***"
# Ansible masks wherever it finds the text: one or two characters would blacken the whole answer.
SHORTEST_MASKED = 4


def without_secrets(value: Any) -> Any:
    """The same value; in it, each `replyTo` of an object is shortened to what may be shown."""
    if isinstance(value, dict):
        return {
            key: redacted_address(item) if key == "replyTo" and isinstance(item, str) else without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value


def redacted_address(address: str) -> str:
    """Scheme, host, port and path; three stars for the rest."""
    parts = _split(address)
    if parts is None:
        return HIDDEN
    user, at, host = parts.netloc.rpartition("@")
    shown = parts._replace(
        netloc=f"{HIDDEN if user else ''}{at}{host}",
        query=HIDDEN if parts.query else "",
        fragment=HIDDEN if parts.fragment else "",
    )
    return shown.geturl()


def secrets_of(address: str) -> set[str]:
    """The parts of an address that must not appear anywhere: for Ansible to mask."""
    parts = _split(address)
    if parts is None:
        return {address}
    user = parts.netloc.rpartition("@")[0]
    values = {field.partition("=")[2] for field in parts.query.split("&")}
    found = {user, user.partition(":")[2], parts.query, parts.fragment, *values}
    return {part for part in found if len(part) >= SHORTEST_MASKED}


def mask_reply_to(module: AnsibleModule) -> None:
    """Mask what is secret in the address. All of it was kept from the log; a result without the host helps nobody."""
    module.no_log_values.discard(module.params["reply_to"])
    module.no_log_values.update(secrets_of(module.params["reply_to"]))


def _split(address: str) -> SplitResult | None:
    try:
        return urlsplit(address)
    except ValueError:
        return None
