# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vCenter alarm that a trigger event reports.

Three senders format the same event differently: the old VEBA event router and VEBA's sources for Knative write the Go
names (`ComputeResource`, a reference as `{Type, Value}`), and the event source of Ansible's vmware.vmware writes those
of pyVmomi (`computeResource`, a reference as `vim.ClusterComputeResource:domain-c7`). All of them are supported. The
content is untrusted: texts are truncated, references are validated, and an unexpected structure counts as missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .codec import Wired
from .event import TriggerEvent
from .inventory import ManagedObject

# vSphere allows 80 characters; a slash counts as three.
MAX_NAME = 240
COLOURS = ("gray", "green", "yellow", "red")

_EVENT_NAME = re.compile(r"(?:^|[./])Alarm[A-Za-z]*Event(?:\.v\d+)?$", re.IGNORECASE)
_COMPUTE_RESOURCES = ("ComputeResource", "ClusterComputeResource")
_WRITTEN_REFERENCE = re.compile(r"'?(?:vim\.)?(?:[a-z]\w*\.)*([A-Za-z]{1,64}):([\w.-]{1,128})'?", re.ASCII)
# The prefixes of vCenter's ids for the objects of an alarm; for a sender that omits the type.
_TYPE_BY_PREFIX = {
    "domain-c": "ClusterComputeResource",
    "domain-s": "ComputeResource",
    "host-": "HostSystem",
    "vm-": "VirtualMachine",
    "alarm-": "Alarm",
}


@dataclass(frozen=True)
class AlarmEvent(Wired):
    """One change of an alarm.

    name: of the alarm; empty if the event has none. alarm: its definition. entity: where it fired.
    compute_resource: the cluster or standalone host that the entity belongs to. None for alarms that belong to none,
    such as those of a datastore: code that needs a scope must reject these, never widen them.
    compute_resource_name: as in the event. from_colour, to_colour: one of COLOURS, or empty.
    key: of vCenter's event, empty if it has none.
    """

    wire_omitted = ("alarm", "entity", "compute_resource")

    name: str = ""
    alarm: ManagedObject | None = None
    entity: ManagedObject | None = None
    compute_resource: ManagedObject | None = None
    from_colour: str = ""
    to_colour: str = ""
    key: str = ""
    compute_resource_name: str = ""


def is_alarm_event(event: TriggerEvent) -> bool:
    """Whether this event comes from a vCenter alarm, according to its type, its subject or its data."""
    names = (event.type, event.attributes.get("subject", ""), _field(_data(event), "_vimtype"))
    return any(isinstance(name, str) and _EVENT_NAME.search(name) for name in names) or _looks_like_one(_data(event))


def read_alarm(event: TriggerEvent) -> AlarmEvent | None:
    """The alarm of this event, None if there is none. Never raises."""
    if not is_alarm_event(event):
        return None
    data = _data(event)
    place = _reference(data, "computeResource", "computeResource")
    return AlarmEvent(
        name=_name(_field(data, "alarm")),
        alarm=_reference(data, "alarm", "alarm"),
        entity=_reference(data, "entity", "entity"),
        compute_resource=place if place and place.type in _COMPUTE_RESOURCES else None,
        from_colour=_colour(_field(data, "from")),
        to_colour=_colour(_field(data, "to")),
        key=_key(_field(data, "key")),
        compute_resource_name=_name(_field(data, "computeResource")),
    )


def _data(event: TriggerEvent) -> object:
    return event.content.get("data")


def _looks_like_one(data: object) -> bool:
    """Whether it contains an alarm and its current colour, under any type."""
    return isinstance(_field(data, "alarm"), Mapping) and bool(_colour(_field(data, "to")))


def _field(value: object, name: str) -> object:
    """The field of an object, its name case-insensitive; None if there is none."""
    if not isinstance(value, Mapping):
        return None
    return next((part for key, part in value.items() if str(key).lower() == name.lower()), None)


def _name(argument: object) -> str:
    name = _field(argument, "name")
    return name[:MAX_NAME] if isinstance(name, str) else ""


def _reference(data: object, argument_name: str, inner_name: str) -> ManagedObject | None:
    """The reference in an argument of the event, which contains it next to a name, or is the reference itself."""
    argument = _field(data, argument_name)
    return _as_reference(_field(argument, inner_name)) or _as_reference(argument)


def _as_reference(value: object) -> ManagedObject | None:
    written = value if isinstance(value, str) else _written(value)
    found = _WRITTEN_REFERENCE.fullmatch(written)
    return ManagedObject(found[1], found[2]) if found else None


def _written(value: object) -> str:
    """A reference that is an object, as `type:id`; empty if it is not one."""
    whole = _field(value, "_vimref")
    if isinstance(whole, str):
        return whole
    told = (_field(value, name) for name in ("value", "_moId", "moId", "moid", "_vimid"))
    identity = next((text for text in told if isinstance(text, str)), "")
    kinds = (_field(value, name) for name in ("type", "_type", "_vimtype"))
    kind = next((text for text in kinds if isinstance(text, str)), "") or _type_of(identity)
    return f"{kind}:{identity}"


def _type_of(identity: str) -> str:
    return next((kind for prefix, kind in _TYPE_BY_PREFIX.items() if identity.startswith(prefix)), "")


def _colour(value: object) -> str:
    colour = value.lower() if isinstance(value, str) else ""
    return colour if colour in COLOURS else ""


def _key(value: object) -> str:
    """vCenter numbers its events in 32 bits; text is kept up to slightly more than the digits of such a number."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return ""
    return str(value)[:32] if isinstance(value, str) or abs(value) < 1 << 63 else ""
