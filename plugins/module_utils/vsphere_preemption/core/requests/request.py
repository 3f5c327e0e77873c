# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The preemption request: read leniently, written exactly.

Go matches JSON keys case-insensitively, so `Tag` and `tag` are the same to the prototype; here too. Unknown fields are
ignored: a newer sender may send requests to an older worker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..bounded import json_size
from ..contract import Criticality
from ..errors import InvalidRequest, RequestTooLarge
from ..event import TriggerEvent, read_event
from .empty_limits import refuse_empty
from .limits import WHAT, Narrowing, read_narrowing

MAX_TEXT = 2048
# It is in the input of its run beside other things, and several wait at the same time; an event has half of it.
MAX_REQUEST_BYTES = 512 * 1024


@dataclass(frozen=True)
class PreemptionRequest:
    """Which VMs may be stopped, how urgently, because of which event, and where to send the reply.

    tag: name, `category/name` or URN of the tag that makes a VM preemptible.
    reply_to: address for the reply event; empty for none.
    request_id: ours, optional: identifies the request so that it can safely be repeated.
    narrowing: ours, optional.
    """

    tag: str
    criticality: Criticality
    event: TriggerEvent = field(default_factory=TriggerEvent)
    reply_to: str = ""
    request_id: str = ""
    narrowing: Narrowing = field(default_factory=Narrowing)

    @property
    def key(self) -> str:
        """The key of the run for this request: source and id of its event, which are unique (CloudEvents)."""
        return _digest("event", self.event.source, self.event.id)

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys that identify a repeated request: the event, and the request id if there is one."""
        return (self.key, _digest("request", self.request_id)) if self.request_id else (self.key,)

    def as_wire(self) -> dict[str, Any]:
        """The JSON object of the prototype; our fields only if they are set."""
        wire: dict[str, Any] = {
            "tag": self.tag,
            "criticality": self.criticality.value,
            "event": self.event.as_wire(),
            "replyTo": self.reply_to,
        }
        ours = {"requestID": self.request_id, "narrow": self.narrowing.as_wire()}
        return {**wire, **{name: value for name, value in ours.items() if value}}

    def with_event_id(self, fallback: str) -> PreemptionRequest:
        """The same request with a unique event id if the sender did not set one."""
        if self.event.id:
            return self
        named = {"specversion": "1.0", "type": "PreemptionRequest", "source": "vsphere.preemption"}
        attributes = {**named, **self.event.attributes, "id": self.request_id or fallback}
        return replace(self, event=replace(self.event, attributes=attributes))


def read_request(raw: object, *, stored: bool = False) -> PreemptionRequest:
    """The request in a signal or update. Raises InvalidRequest.

    stored: it was accepted before and is read again; an empty limit then means what it meant at that time.
    """
    if not isinstance(raw, Mapping):
        raise _invalid(f"it is a {type(raw).__name__}, not an object")
    if not stored:
        _refuse_no_limits(raw)
    tag = _text(raw, "tag").strip()
    if not tag:
        raise _invalid("it has no tag")
    request = PreemptionRequest(
        tag=tag,
        criticality=_criticality(_text(raw, "criticality")),
        event=read_event(_field(raw, "event")),
        reply_to=_text(raw, "replyTo").strip(),
        request_id=_text(raw, "requestID").strip(),
        narrowing=read_narrowing(_field(raw, "narrow"), stored=stored),
    )
    return request if stored else checked_size(request)


def checked_size(request: PreemptionRequest) -> PreemptionRequest:
    """The request, if it may be sent. Raises RequestTooLarge."""
    size = json_size(request.as_wire())
    if size > MAX_REQUEST_BYTES:
        raise RequestTooLarge(
            WHAT,
            why=f"it has {size} bytes as JSON, but the maximum is {MAX_REQUEST_BYTES}",
            next_step="Send a smaller event, or fewer or shorter limits.",
        )
    return request


def _refuse_no_limits(raw: Mapping[str, object]) -> None:
    """Raise GivenButEmpty if the limits as a whole are set but empty. The single limits are checked later."""
    given = [value for key, value in raw.items() if str(key).lower() == "narrow"]
    if any(not value for value in given):
        refuse_empty(WHAT, {"narrow": None})


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _field(raw: Mapping[str, object], name: str) -> object:
    """The value under this name; the exact spelling takes precedence."""
    if name in raw:
        return raw[name]
    return next((value for key, value in raw.items() if str(key).lower() == name.lower()), None)


def _text(raw: Mapping[str, object], name: str) -> str:
    value = _field(raw, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _invalid(f"its {name} is a {type(value).__name__}, not text")
    if len(value) > MAX_TEXT:
        raise _invalid(f"its {name} has {len(value)} characters, but the maximum is {MAX_TEXT}")
    return value


def _criticality(text: str) -> Criticality:
    try:
        return Criticality(text.strip().upper())
    except ValueError:
        raise _invalid(f"its criticality is {text[:40]!r}, not one of {', '.join(Criticality)}") from None


def _invalid(why: str) -> InvalidRequest:
    return InvalidRequest(
        WHAT,
        why=why,
        next_step="Send an object with tag, criticality, event and replyTo.",
    )
