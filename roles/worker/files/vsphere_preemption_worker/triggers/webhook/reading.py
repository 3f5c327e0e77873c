# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudEvents from an HTTP message, in binary, structured and batch mode, and plain vCenter events.

A rulebook with vmware.vmware's event source sends plain vCenter events, from which a CloudEvent is created here. Input
is untrusted until it has been validated: every problem raises Unreadable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from cloudevents.core.bindings.http import HTTPMessage, from_binary, from_structured
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from vsphere_preemption.core.errors import InvalidRequest
from vsphere_preemption.core.event import TriggerEvent, read_event

MOST_EVENTS = 100
MAX_KEY = 64

_STRUCTURED, _BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
_JSON = re.compile(r"(application|text)/([a-z0-9.-]+\+)?json")
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s\"';]*)", re.IGNORECASE)
# CloudEvents allows no control characters and no lone surrogates in strings.
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_EXTENSION = re.compile(r"[a-z0-9]{1,64}", re.ASCII)


class Unreadable(Exception):
    """The message contains no valid event. status: 400, or 415 for an unsupported format."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


class EventMode(StrEnum):
    """How the message contains the event."""

    BINARY = "binary"
    STRUCTURED = "structured"
    BATCH = "batch"
    BARE = "bare"


def mode_of(headers: Mapping[str, str]) -> EventMode:
    """The mode of a message. Raises Unreadable with 415 for an unsupported one."""
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Unreadable("the body is compressed; send it uncompressed", 415)
    content_type = headers.get("Content-Type", "")
    charset = _CHARSET.search(content_type)
    if charset and charset[1].lower() not in ("utf-8", "utf8", "us-ascii"):
        raise Unreadable("the body is not in UTF-8", 415)
    kind = _kind(content_type)
    if kind in (_STRUCTURED, _BATCH):
        return EventMode.STRUCTURED if kind == _STRUCTURED else EventMode.BATCH
    if not _JSON.fullmatch(kind):
        known = f"{_STRUCTURED}, {_BATCH}, or application/json"
        raise Unreadable(f"the content type is not JSON; send data encoded as JSON ({known})", 415)
    return EventMode.BINARY if any(name.lower().startswith("ce-") for name in headers) else EventMode.BARE


def events_of(
    mode: EventMode, headers: Mapping[str, str], body: bytes, *, source: str
) -> list[TriggerEvent | Unreadable]:
    """The events in a message; in a batch, an invalid event is replaced by its error. Raises Unreadable for the rest.

    source: of an event that is not a CloudEvent.
    """
    content = _parsed(body)
    if mode is EventMode.BATCH:
        if not isinstance(content, list) or len(content) > MOST_EVENTS:
            raise Unreadable(f"a batch must be a list of up to {MOST_EVENTS} events")
        return [_or_trouble(part) for part in content]
    if mode is EventMode.BINARY:
        return [_binary(headers, content)]
    if mode is EventMode.BARE and isinstance(content, dict) and "specversion" not in content:
        return [_bare(content, source)]
    return [_structured(content)]


def _or_trouble(content: object) -> TriggerEvent | Unreadable:
    try:
        return _structured(content)
    except Unreadable as trouble:
        return trouble


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable(f"the body is not JSON{where}") from error


def _structured(content: object) -> TriggerEvent:
    if not isinstance(content, dict):
        raise Unreadable("the event is not a JSON object")
    if "data_base64" in content:
        raise Unreadable("its data is data_base64, not JSON")
    content = {name: value for name, value in content.items() if value is not None}
    event = _read(content)
    if not _JSON.fullmatch(_kind(event.attributes.get("datacontenttype", "application/json"))):
        raise Unreadable("its datacontenttype is not JSON; send data encoded as JSON", 415)
    attributes = {name: value for name, value in content.items() if name != "data"}
    _check(attributes)
    _validate(from_structured, HTTPMessage({}, json.dumps(attributes).encode()))
    return event


def _binary(headers: Mapping[str, str], content: object) -> TriggerEvent:
    ours = {name.lower(): value for name, value in headers.items() if name.lower().startswith("ce-")}
    ours["content-type"] = headers.get("Content-Type", "application/json")
    attributes = dict(_validate(from_binary, HTTPMessage(ours, b"")).get_attributes())
    # The library parses the time and truncates it to microseconds.
    if "ce-time" in ours:
        attributes["time"] = ours["ce-time"]
    else:
        attributes.pop("time", None)
    _check(attributes)
    return _read({**attributes, "data": content})


def _bare(content: Mapping[str, Any], source: str) -> TriggerEvent:
    """A plain vCenter event. Its ID consists of key and time, because keys start again in a new vCenter."""
    lower = {str(name).lower(): value for name, value in content.items()}
    kind = lower.get("_vimtype")
    key, time = (str(lower.get(name) or "")[:MAX_KEY] for name in ("key", "createdtime"))
    if not isinstance(kind, str) or not key or not time or _NO_TEXT.search(key + time + kind):
        needed = "it has neither specversion, nor _vimtype, key and createdTime"
        raise Unreadable(f"it is neither a CloudEvent nor a vCenter event: {needed}")
    attributes = {"specversion": "1.0", "id": f"{key}.{time}", "source": source, "type": kind[:200]}
    return _read({**attributes, "datacontenttype": "application/json", "data": dict(content)})


def _kind(content_type: str) -> str:
    """The content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def _check(attributes: Mapping[str, Any]) -> None:
    for name in ("id", "source", "type", "specversion"):
        if not isinstance(attributes.get(name), str) or not attributes[name]:
            raise Unreadable(f"it has no {name}")
    for name, value in attributes.items():
        if not _EXTENSION.fullmatch(name):
            raise Unreadable("an attribute name contains characters other than the letters a to z and digits")
        if not isinstance(value, (str, int)) or (isinstance(value, str) and _NO_TEXT.search(value)):
            raise Unreadable(f"its attribute {name} is not a valid string")


def _validate(read: Any, message: HTTPMessage) -> CloudEvent:
    """Validate the event with the CloudEvents library."""
    try:
        event: CloudEvent = read(message, JSONFormat(), CloudEvent)
    except (BaseCloudEventException, ValueError, TypeError, AttributeError, OverflowError) as error:
        problems = getattr(error, "errors", None)
        told = ", ".join(sorted(map(str, problems))) if isinstance(problems, Mapping) else "one is not readable"
        raise Unreadable(f"its attributes are not those of a CloudEvent 1.0 ({told[:200]})") from error
    return event


def _read(content: Mapping[str, Any]) -> TriggerEvent:
    try:
        return read_event(content)
    except InvalidRequest as error:
        raise Unreadable(error.why) from error
