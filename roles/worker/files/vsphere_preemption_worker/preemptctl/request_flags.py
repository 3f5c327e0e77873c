# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The preemption request, from the flags of the command."""

from __future__ import annotations

import json
import uuid
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vsphere_preemption.core import times
from vsphere_preemption.core.contract import DEFAULT_EVENT_SOURCE, DEFAULT_EVENT_TYPE
from vsphere_preemption.core.errors import InvalidRequest
from vsphere_preemption.core.policy.model import PlaceKind
from vsphere_preemption.core.requests.empty_limits import refuse_empty
from vsphere_preemption.core.requests.request import PreemptionRequest, read_request

from .connections import not_empty

# Flags that limit; an event is a limit, too: the event of an alarm limits the request to the alarm's compute resource.
# `--event ""` is not among them, because it is the prototype's way to send no event.
LIMITS = (*(kind.value for kind in PlaceKind), "vm", "event_file", "preemption_id")
REQUIRED_OF_AN_EVENT = ("specversion", "id", "source", "type")
MOST_BYTES = 1024 * 1024
_EVENT_STEP = "Pass a CloudEvent in structured JSON format."


def request_of(options: Namespace) -> PreemptionRequest:
    """The request; its event always has an ID. Raises InvalidRequest, or GivenButEmpty for an empty flag."""
    refuse_empty_flags(options)
    narrowing = _narrowing(options)
    return read_request(
        {
            "tag": not_empty("tag", options.tag),
            "criticality": not_empty("criticality", options.criticality),
            "event": _event(options),
            "replyTo": getattr(options, "reply_to", ""),
            "requestID": getattr(options, "request_id", ""),
            **({"narrow": narrowing} if narrowing else {}),
        }
    )


def refuse_empty_flags(options: Namespace) -> None:
    """Raise GivenButEmpty for a limiting flag with an empty value, for example from `--vm "$NAME"`."""
    values = {f"--{name.replace('_', '-')}": getattr(options, name, None) for name in LIMITS}
    given = {flag: value for flag, value in values.items() if value not in (None, [])}
    refuse_empty("Cannot use the flags", given, instead="do not run the command")


def scope_of(options: Namespace) -> list[dict[str, str]] | None:
    """The inventory locations from the flags, in the wire format; None if there are none."""
    return [{kind.value: name} for kind in PlaceKind for name in getattr(options, kind.value)] or None


def _narrowing(options: Namespace) -> dict[str, Any]:
    if options.max_vms is not None and options.max_vms < 1:
        raise _wrong(f"--max-vms is {options.max_vms}", "Set it to 1 or more.")
    target = {
        "memoryMiB": options.memory_mib,
        "cpuMHz": options.cpu_mhz,
        "untilMemoryPercent": options.until_memory_percent,
        "untilCpuPercent": options.until_cpu_percent,
    }
    wire = {
        "scope": scope_of(options),
        "maxVMs": options.max_vms,
        "target": {name: value for name, value in target.items() if value is not None} or None,
        "only": options.vm or None,
        "dryRun": getattr(options, "dry_run", None),
        "reason": getattr(options, "reason", "") or None,
    }
    return {name: value for name, value in wire.items() if value is not None}


def _event(options: Namespace) -> dict[str, Any]:
    """The event from the flags, else a new one in the prototype's form."""
    if options.event and options.event_file:
        raise _wrong("both --event and --event-file are set", "Set only one of them.")
    if not options.event and not options.event_file:
        now = times.to_wire(datetime.now(UTC))
        named = {"source": DEFAULT_EVENT_SOURCE, "type": DEFAULT_EVENT_TYPE, "time": now}
        return {"specversion": "1.0", "id": str(uuid.uuid4()), **named}
    return _checked(options.event or _content(options.event_file))


def _checked(text: str) -> dict[str, Any]:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(f"the event is not valid JSON ({error})", _EVENT_STEP) from error
    if not isinstance(event, dict):
        raise _wrong("the event is not a JSON object", _EVENT_STEP)
    missing = [name for name in REQUIRED_OF_AN_EVENT if not event.get(name)]
    if missing:
        raise _wrong(f"the event has no {', '.join(missing)}", _EVENT_STEP)
    return event


def _content(file: str) -> str:
    try:
        with open(0, closefd=False, encoding="utf-8") if file == "-" else Path(file).open(encoding="utf-8") as source:
            return source.read(MOST_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise _wrong(
            f"{'standard input' if file == '-' else file} cannot be read ({why})", "Pass another file."
        ) from error


def _wrong(why: str, next_step: str) -> InvalidRequest:
    return InvalidRequest("Cannot create the preemption request", why=why, next_step=next_step)
