# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CloudEvent that triggers a preemption, in structured JSON format.

It is passed on, never interpreted here: its content is returned unchanged in the state, the marks and the reply.
The reader is lenient about unknown content and strict about content that would break a partner.
Source: CloudEvents 1.0, JSON event format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import InvalidRequest

# An event travels in signals, state and events: far below Temporal's 2 MB for one payload.
MAX_EVENT_BYTES = 256 * 1024
MAX_DEPTH = 32
# Attributes become HTTP headers of the reply, and ids.
MAX_ATTRIBUTE = 2048

_TEXT_ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "datacontenttype", "dataschema", "time")
_CONTENT = ("data", "data_base64")


@dataclass(frozen=True)
class TriggerEvent:
    """One CloudEvent.

    attributes: the standard attributes that were set, all text.
    content: at most one of `data` (any JSON) and `data_base64`.
    extensions: all other attributes.
    """

    attributes: dict[str, str] = field(default_factory=dict)
    content: dict[str, Any] = field(default_factory=dict)
    extensions: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.attributes.get("id", "")

    @property
    def source(self) -> str:
        return self.attributes.get("source", "")

    @property
    def type(self) -> str:
        return self.attributes.get("type", "")

    def as_wire(self) -> dict[str, Any]:
        """Structured JSON in the order of the Go SDK: the four required attributes are always present."""
        required = {"specversion": "1.0", "id": "", "source": "", "type": ""}
        known = {name: self.attributes[name] for name in _TEXT_ATTRIBUTES if name in self.attributes}
        return {**required, **known, **self.content, **self.extensions}

    def summary(self) -> dict[str, str]:
        """The attributes that identify the event, without its data."""
        named = {"id": self.id, "source": self.source, "type": self.type}
        subject = self.attributes.get("subject")
        return {**named, "subject": subject} if subject else named


def read_event(raw: object) -> TriggerEvent:
    """The event in a request. Raises InvalidRequest for an invalid event; a missing event is empty."""
    if raw is None:
        return TriggerEvent()
    if not isinstance(raw, Mapping):
        raise _unreadable(f"it is a {type(raw).__name__}, not an object")
    _check_depth(raw, MAX_DEPTH)
    _check_size(raw)
    attributes = {name: _text(name, raw[name]) for name in _TEXT_ATTRIBUTES if raw.get(name) is not None}
    content = {name: raw[name] for name in _CONTENT if name in raw}
    rest = {str(name): value for name, value in raw.items() if name not in _TEXT_ATTRIBUTES and name not in _CONTENT}
    return TriggerEvent(attributes, content, rest)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _unreadable(f"its attribute {name} is a {type(value).__name__}, not text")
    if len(value) > MAX_ATTRIBUTE:
        raise _unreadable(f"its attribute {name} has {len(value)} characters, but the maximum is {MAX_ATTRIBUTE}")
    return value


def _check_depth(value: object, left: int) -> None:
    """A deeply nested event would exhaust the stack when it is encoded later."""
    if left < 0:
        raise _unreadable(f"it is nested more than {MAX_DEPTH} levels deep")
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for part in parts:
        _check_depth(part, left - 1)


def _check_size(raw: Mapping[str, object]) -> None:
    try:
        size = len(json.dumps(raw, allow_nan=False))
    except (ValueError, TypeError, RecursionError) as error:
        raise _unreadable(f"it is not valid JSON ({error})") from error
    if size > MAX_EVENT_BYTES:
        raise _unreadable(f"it has {size} bytes, but the maximum is {MAX_EVENT_BYTES}")


def _unreadable(why: str) -> InvalidRequest:
    return InvalidRequest(
        "Cannot read the event of the request", why=why, next_step="Send a CloudEvent in structured JSON format."
    )
