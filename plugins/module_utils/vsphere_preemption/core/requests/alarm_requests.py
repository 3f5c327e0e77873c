# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The preemption request for a vCenter alarm, and the workflow that it is sent to.

The alarm watch and the webhook send the same request to the same workflow.
"""

from __future__ import annotations

import re

from ..alarm_event import AlarmEvent
from ..errors import InvalidRequest
from ..event import TriggerEvent
from ..inventory import ManagedObject
from ..policy.alarm_rule import AlarmRule
from ..workflow_ids import child_id
from .request import PreemptionRequest

# VEBA's newer event type; partners know it.
EVENT_TYPE = "com.vmware.vsphere.AlarmStatusChangedEvent.v0"
MAX_NAME = 100

_UNSAFE = re.compile(r"[^A-Za-z0-9 ._-]")


def workflow_id_for(alarm: AlarmEvent, task_queue: str) -> str:
    """`alarm/<task queue>/<name of the alarm>/<MoRef of its compute resource>`: one for each alarm and scope.

    The task queue distinguishes vCenters, which use the same object ids. Raises InvalidRequest for an alarm without a
    compute resource, because it has no scope.
    """
    if alarm.compute_resource is None:
        raise InvalidRequest(
            f"Cannot request a preemption for the alarm {alarm.name!r}",
            why="it belongs to no compute resource, and without one the request would apply to all of vCenter",
            next_step="Use an alarm of a cluster, a host or a VM.",
        )
    name = _UNSAFE.sub("-", alarm.name)[:MAX_NAME]
    return child_id(f"alarm/{task_queue}", f"{name}/{alarm.compute_resource.value}")


def request_for(rule: AlarmRule, alarm: AlarmEvent, event: TriggerEvent) -> PreemptionRequest | None:
    """The request of the rule for an alarm in this colour; None if the colour requests nothing."""
    criticality = rule.criticality.get(alarm.to_colour)
    if criticality is None:
        return None
    return PreemptionRequest(tag=rule.tag, criticality=criticality, event=event, reply_to=rule.reply_to)


def event_for(alarm: AlarmEvent, *, source: str, id: str, time: str) -> TriggerEvent:
    """A CloudEvent for an alarm without a sender, in the format of VEBA's. time: as wire text."""
    attributes = {"specversion": "1.0", "id": id, "source": source, "type": EVENT_TYPE}
    attributes |= {"datacontenttype": "application/json", "time": time}
    parts = {
        "Alarm": {"Name": alarm.name, "Alarm": _wire(alarm.alarm)},
        "ComputeResource": {"Name": alarm.compute_resource_name, "ComputeResource": _wire(alarm.compute_resource)},
        "Entity": {"Entity": _wire(alarm.entity)},
        "From": alarm.from_colour,
        "To": alarm.to_colour,
        "CreatedTime": time,
    }
    return TriggerEvent(attributes, {"data": parts | ({"Key": int(alarm.key)} if alarm.key.isdecimal() else {})})


def _wire(ref: ManagedObject | None) -> dict[str, str] | None:
    return ref.as_wire() if ref else None
