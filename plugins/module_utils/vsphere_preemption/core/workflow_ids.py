# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workflow ids that are made of another id, within Temporal's limit.

An id that fits is what it always was. A longer one keeps its beginning, so that people recognise it, and gets a digest
in place of the rest: the same id has the same digest everywhere.
"""

from __future__ import annotations

import hashlib

# Temporal's default; it counts bytes.
MOST_BYTES = 1000
DIGEST_CHARACTERS = 32
MOST_SUFFIX_BYTES = 400


def child_id(parent: str, suffix: str) -> str:
    """`<parent>/<suffix>`, for a workflow that belongs to another one."""
    whole = f"{parent}/{suffix}"
    if _size(whole) <= MOST_BYTES:
        return whole
    suffix = shortened(suffix, MOST_SUFFIX_BYTES)
    return f"{shortened(parent, MOST_BYTES - 1 - _size(suffix))}/{suffix}"


def is_child(workflow_id: str, parent: str) -> bool:
    """Whether `child_id` makes the first id of the second one."""
    return workflow_id.startswith(f"{parent}/") or workflow_id == child_id(parent, workflow_id.rpartition("/")[2])


def shortened(text: str, most_bytes: int = MOST_BYTES) -> str:
    """The text, or its beginning and its digest where it is longer."""
    if _size(text) <= most_bytes:
        return text
    digest = hashlib.sha256(_encoded(text)).hexdigest()[:DIGEST_CHARACTERS]
    beginning = _encoded(text)[: most_bytes - len(digest) - 1].decode("utf-8", "ignore")
    return f"{beginning}~{digest}"


def _size(text: str) -> int:
    return len(_encoded(text))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
