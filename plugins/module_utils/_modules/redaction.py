# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a reply address that Ansible masks; see also core/redaction.py. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..vsphere_preemption.core.redaction import HIDDEN, redacted_address, split_address, without_secrets

__all__ = ["HIDDEN", "mask_reply_to", "redacted_address", "secrets_of", "without_secrets"]

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

# Ansible masks wherever it finds the text: one or two characters would blacken the whole answer.
SHORTEST_MASKED = 4


def secrets_of(address: str) -> set[str]:
    """The parts of an address that Ansible must mask everywhere."""
    parts = split_address(address)
    if parts is None:
        return {address}
    user = parts.netloc.rpartition("@")[0]
    values = {field.partition("=")[2] for field in parts.query.split("&")}
    found = {user, user.partition(":")[2], parts.query, parts.fragment, *values}
    return {part for part in found if len(part) >= SHORTEST_MASKED}


def mask_reply_to(module: AnsibleModule) -> None:
    """Mask only the secrets in the address. Ansible masks all of it, but a result needs the host to be useful."""
    module.no_log_values.discard(module.params["reply_to"])
    module.no_log_values.update(secrets_of(module.params["reply_to"]))
