# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of VMs that fit into a payload of Temporal, which takes up to 2 MB, whatever their names and messages are.

Every VM stays in its list with its reference and its outcome. Where there are too many bytes, messages are shortened
first, then names.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

Entries = list[dict[str, Any]]

# Two such lists fit into one payload, with the event of a request and a policy.
VICTIM_BYTES = 700_000
# Of VMs that are only named.
NAMED_BYTES = 400_000
MESSAGE_CHARACTERS = 2000
CUT = "..."

# Each text is shortened to these lengths, one after the other, until the list fits.
_LENGTHS = (
    ("message", 300),
    ("message", 100),
    ("message", 30),
    ("name", 40),
    ("message", 0),
    ("name", 12),
    ("name", 0),
)
# A character takes up to 12 bytes as JSON; the rest of an entry up to 500.
_CHARACTER_BYTES, _ENTRY_BYTES = 12, 500


def bounded(entries: Entries, most_bytes: int = VICTIM_BYTES) -> Entries:
    """The entries in the wire format, their messages and names shortened if they have too many bytes as JSON."""
    if _at_most(entries) <= most_bytes:
        return entries
    for name, length in _LENGTHS:
        if json_size(entries) <= most_bytes:
            break
        entries = [_cut(entry, name, length) for entry in entries]
    return entries


def short(text: str, most: int = MESSAGE_CHARACTERS) -> str:
    """The beginning of a long text."""
    return text if len(text) <= most else text[: max(0, most - len(CUT))] + CUT


def json_size(value: object) -> int:
    """In bytes."""
    return len(json.dumps(value))


def newest_within(entries: Sequence[dict[str, Any]], most_bytes: int) -> Entries:
    """As many of the last entries as fit."""
    kept: Entries = []
    for entry in reversed(entries):
        most_bytes -= json_size(entry) + len(", ")
        if most_bytes < 0:
            break
        kept.append(entry)
    return kept[::-1]


def _at_most(entries: Entries) -> int:
    """A bound that takes no encoding: it is enough for most lists."""
    characters = sum(len(entry.get("message") or "") + len(entry.get("name") or "") for entry in entries)
    return _CHARACTER_BYTES * characters + _ENTRY_BYTES * len(entries)


def _cut(entry: dict[str, Any], name: str, length: int) -> dict[str, Any]:
    text = entry.get(name) or ""
    return entry if len(text) <= length else {**entry, name: short(text, length) if length else ""}
