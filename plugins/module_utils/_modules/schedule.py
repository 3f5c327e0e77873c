# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that describe a schedule, and the schedule they result in. Private to this collection.

The options are documented in preemption_schedule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..vsphere_preemption.core.contract import SCHEDULED_WORKFLOW_ID
from ..vsphere_preemption.core.errors import InvalidSetting
from ..vsphere_preemption.core.policy.clock_times import PARTS
from ..vsphere_preemption.temporal.restores import checked_request
from ..vsphere_preemption.temporal.schedule.model import (
    LEAST_CATCH_UP_SECONDS,
    Schedule,
    Wanted,
    checked_name,
    checked_seconds,
    checked_timezone,
    times_of,
)
from .request import request_options, request_without_event, restore_limits_of
from .temporal import TASK_QUEUE

_OF_REQUEST = ("scope", "max_vms", "target", "vms")
# What only one of the two actions knows, and what is therefore no default.
_FOREIGN = {"preempt": ("force",), "restore": ("criticality", "max_vms", "target")}


def schedule_options() -> dict[str, dict[str, Any]]:
    """The part of an argument spec for what to do, when, and to which VMs."""
    of_request = request_options()
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "paused", "absent"], "default": "present"},
        "note": {"type": "str"},
        "action": {"type": "str", "choices": ["preempt", "restore"]},
        "cron": {"type": "list", "elements": "str"},
        "calendar": {"type": "list", "elements": "dict", "options": {part: {"type": "str"} for part in PARTS}},
        "timezone": {"type": "str", "default": "UTC"},
        "jitter": {"type": "int", "default": 0},
        "catch_up": {"type": "int", "default": 600},
        "tag": {"type": "str"},
        "criticality": {"type": "str", "choices": ["LOW", "MEDIUM", "HIGH"]},
        **{name: of_request[name] for name in _OF_REQUEST},
        "force": {"type": "bool"},
        "reason": {"type": "str"},
        "reply_to": {"type": "str", "default": "", "no_log": True},
        "workflow_id": {"type": "str", "default": SCHEDULED_WORKFLOW_ID},
        "task_queue": TASK_QUEUE,
    }


def wanted_of(params: Mapping[str, Any]) -> Wanted:
    """The schedule that the options describe. Raises InvalidSetting or InvalidRequest."""
    name = checked_name(params["name"])
    whole = bool(params["cron"] or params["calendar"])
    if whole != bool(params["action"] and params["tag"]) or (not whole and (params["action"] or params["tag"])):
        raise InvalidSetting(
            f"The schedule {name} is incomplete",
            why="only some of action, tag, and a time in cron or calendar are set",
            next_step="Set all three, or none of them to pause or resume an existing schedule.",
        )
    schedule = _schedule_of(name, params) if whole else None
    return Wanted(name, schedule, paused=params["state"] == "paused", note=params["note"])


def _schedule_of(name: str, params: Mapping[str, Any]) -> Schedule:
    _check_belonging(params)
    calendar = [{part: text for part, text in entry.items() if text is not None} for entry in params["calendar"] or ()]
    return Schedule(
        name=name,
        times=times_of(params["cron"] or (), calendar),
        timezone=checked_timezone(params["timezone"]),
        workflow_input=_input_of(name, params),
        task_queue=params["task_queue"],
        jitter_seconds=checked_seconds("jitter", params["jitter"], least=0),
        catch_up_seconds=checked_seconds("catch-up window", params["catch_up"], least=LEAST_CATCH_UP_SECONDS),
    )


def _check_belonging(params: Mapping[str, Any]) -> None:
    strange = [option for option in _FOREIGN[params["action"]] if params[option] is not None]
    if strange:
        raise InvalidSetting(
            f"Cannot use {', '.join(strange)}",
            why=f"the action {params['action']} does not support this option",
            next_step="Omit it, or use the other action.",
        )


def _input_of(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Input of the workflow that the schedule starts; the worker reads it as `ScheduledInput`."""
    named = {**params, "reason": params["reason"] or f"schedule {name}", "criticality": params["criticality"] or "LOW"}
    of_action = _restore_of(named) if params["action"] == "restore" else {"request": request_without_event(named)}
    return {"schedule": name, "workflow_id": params["workflow_id"], **of_action}


def _restore_of(params: Mapping[str, Any]) -> dict[str, Any]:
    narrowing = restore_limits_of(params)
    request = checked_request(
        workflow_id=params["workflow_id"],
        tag=params["tag"],
        reason=narrowing.reason,
        only=narrowing.only,
        places=narrowing.scope,
        force=bool(params["force"]),
        reply_to=params["reply_to"],
    )
    # Other requests may have preempted VMs for a reason that still applies at that time.
    return {"restore": {**request.as_wire(), "by_rule": True}}
