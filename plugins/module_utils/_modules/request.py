# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that describe a preemption request, and the request that they make. Private to this collection.

The options are documented in doc_fragments/request.py.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from ..vsphere_preemption.core.contract import DEFAULT_EVENT_SOURCE, DEFAULT_EVENT_TYPE
from ..vsphere_preemption.core.errors import InvalidRequest
from ..vsphere_preemption.core.policy.model import PlaceKind, PolicySet
from ..vsphere_preemption.core.requests.empty_limits import refuse_empty
from ..vsphere_preemption.core.requests.limits import Narrowing, read_narrowing
from ..vsphere_preemption.core.requests.request import PreemptionRequest, read_request
from ..vsphere_preemption.policy_file.reading import load_policy_file, read_policies

PLACES = [kind.value for kind in PlaceKind]
SCOPE = {
    "type": "list",
    "elements": "dict",
    "options": {place: {"type": "str"} for place in PLACES},
    "mutually_exclusive": [PLACES],
    "required_one_of": [PLACES],
}
EVENT_PARTS = ("event_id", "event_source", "event_type", "event_data")
EXCLUSIVE = [("event", part) for part in EVENT_PARTS]
POLICY_EXCLUSIVE = [("policy", "policy_path")]
# An event is a limit, too: the event of an alarm limits the request to the alarm's compute resource.
LIMITS = ("scope", "target", "vms", "event")


def request_options() -> dict[str, dict[str, Any]]:
    """The part of an argument spec for which VMs to stop, the urgency, the event, and the limits."""
    return {
        "tag": {"type": "str", "required": True},
        "criticality": {"type": "str", "choices": ["LOW", "MEDIUM", "HIGH"], "default": "LOW"},
        "event": {"type": "dict"},
        "event_id": {"type": "str"},
        "event_source": {"type": "str"},
        "event_type": {"type": "str"},
        "event_data": {"type": "raw"},
        "scope": SCOPE,
        "max_vms": {"type": "int"},
        "target": {
            "type": "dict",
            "options": {
                "memory_mib": {"type": "int"},
                "cpu_mhz": {"type": "int"},
                "until_memory_percent": {"type": "float"},
                "until_cpu_percent": {"type": "float"},
            },
        },
        "vms": {"type": "list", "elements": "str"},
    }


def policy_options() -> dict[str, dict[str, Any]]:
    """The part of an argument spec for the policy to plan with."""
    return {"policy_path": {"type": "path"}, "policy": {"type": "raw"}}


def request_of(params: Mapping[str, Any]) -> PreemptionRequest:
    """The request that the options describe; its event always has an id. Raises InvalidRequest."""
    event = params["event"] if params["event"] is not None else _event_of(params)
    return _read(params, event=event, requestID=params.get("request_id")).with_event_id(str(uuid.uuid4()))


def request_without_event(params: Mapping[str, Any]) -> dict[str, Any]:
    """The same request in wire format, without the event, which is added later. Raises InvalidRequest."""
    wire = _read(params).as_wire()
    del wire["event"]
    return wire


def refuse_empty_options(params: Mapping[str, Any], *names: str) -> None:
    """Raise GivenButEmpty for options that are set but empty, such as the result of a filter without a match."""
    given = {name: params[name] for name in names if params.get(name) is not None}
    refuse_empty("Cannot use the options", given, instead="skip the task")


def restore_limits_of(params: Mapping[str, Any]) -> Narrowing:
    """The limits of a restore, and its reason. Raises InvalidRequest."""
    refuse_empty_options(params, "scope", "vms", "run_id")
    wire = {"scope": places_of(params), "only": params["vms"], "reason": params["reason"]}
    return read_narrowing(_set(wire))


def policies_of(params: Mapping[str, Any]) -> PolicySet:
    """The policies that the options specify; the built-in policy if they specify none. Raises InvalidPolicy."""
    if params["policy_path"]:
        return load_policy_file(params["policy_path"])
    given = params["policy"]
    if given is None:
        return PolicySet()
    # JSON is YAML, and with a line for each key the messages name a place that can be found.
    text = given if isinstance(given, str) else json.dumps(given, indent=2, ensure_ascii=False)
    return read_policies(text, file="policy")


def _read(params: Mapping[str, Any], **more: Any) -> PreemptionRequest:
    refuse_empty_options(params, *LIMITS)
    if params["max_vms"] is not None and params["max_vms"] < 1:
        raise InvalidRequest(
            "Cannot create the preemption request",
            why=f"max_vms is {params['max_vms']}",
            next_step="Set max_vms to 1 or more, or skip the task if nothing should be stopped.",
        )
    named = {"tag": params["tag"], "criticality": params["criticality"], "replyTo": params.get("reply_to")}
    narrowing = _narrowing_of(params)
    return read_request({**named, **({"narrow": narrowing} if narrowing else {}), **more})


def _event_of(params: Mapping[str, Any]) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "source": params["event_source"] or DEFAULT_EVENT_SOURCE,
        "type": params["event_type"] or DEFAULT_EVENT_TYPE,
    }
    if params["event_id"]:
        event["id"] = params["event_id"]
    if params["event_data"] is not None:
        event |= {"datacontenttype": "application/json", "data": params["event_data"]}
    return event


def _narrowing_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """The limits that are set, in wire format."""
    target = params["target"] or {}
    wire = {
        "scope": places_of(params),
        "maxVMs": params["max_vms"],
        "target": _set(
            {
                "memoryMiB": target.get("memory_mib"),
                "cpuMHz": target.get("cpu_mhz"),
                "untilMemoryPercent": target.get("until_memory_percent"),
                "untilCpuPercent": target.get("until_cpu_percent"),
            }
        )
        or None,
        "only": params["vms"],
        "dryRun": params.get("dry_run") or None,
        "reason": params.get("reason") or None,
    }
    return _set(wire)


def places_of(params: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The option `scope` in the wire format; None if it is not set."""
    return None if params["scope"] is None else [_set(place) for place in params["scope"]]


def _set(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parts.items() if value is not None}
