# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check for pressure on capacity, between two waves and before VMs are restored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from temporalio import activity

from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.inventory import ManagedObject, Scope, Usage
from vsphere_preemption.core.policy.model import Target

from ..messages.run import PRESSURE, PressureInput, PressureResult
from .support.heartbeat import with_heartbeat
from .support.kill_switch import PauseQuery

# An alarm without data is gray: it is unknown whether the pressure is over.
GREEN = "green"


class Gauges(Protocol):
    """The part of the vCenter client that reads alarms and usage."""

    def alarm_colour(self, entity: ManagedObject, alarm: ManagedObject | None = None, name: str = "") -> str: ...

    def usage(self, hosts: Iterable[ManagedObject] | None) -> Usage: ...


class Pressure:
    """The activity that checks for pressure."""

    def __init__(self, vcenter: Gauges, paused: PauseQuery) -> None:
        self._vcenter = vcenter
        self._paused = paused

    @activity.defn(name=PRESSURE, no_thread_cancel_exception=True)
    def look(self, input: PressureInput) -> PressureResult:
        with with_heartbeat():
            paused = self._paused()
            if paused:
                return PressureResult(paused=True, message=paused)
            if input.alarm and (input.alarm.compute_resource or input.alarm.entity):
                colour = alarm_colour(self._vcenter, input.alarm)
                if colour == GREEN:
                    return PressureResult(gone=True, message="The alarm is green now.")
            if is_below(self._vcenter, input.target, Scope.from_wire(input.wire_scope)):
                return PressureResult(gone=True, message="Usage is below the target.")
        return PressureResult()


def alarm_colour(vcenter: Gauges, alarm: AlarmEvent) -> str:
    """The current colour of an alarm on the object where it was triggered: red, yellow, green or gray."""
    place = alarm.compute_resource or alarm.entity
    if place is None:
        return "gray"
    return vcenter.alarm_colour(place, alarm.alarm, alarm.name)


def is_below(vcenter: Gauges, target: Target, scope: Scope) -> bool:
    """Whether usage meets the target; False if the target has no usage limits."""
    limits = (target.until_memory_percent, target.until_cpu_percent)
    if limits == (None, None):
        return False
    named = [area.hosts for area in scope.areas if area.hosts]
    usage = vcenter.usage(frozenset.intersection(*named) if named else None)
    shares = (share(usage.memory_used_mib, usage.memory_mib), share(usage.cpu_used_mhz, usage.cpu_mhz))
    return all(limit is None or now <= limit for limit, now in zip(limits, shares, strict=True))


def share(part: int, whole: int) -> float:
    """The share in percent; 100 if the whole is zero."""
    return part * 100 / whole if whole else 100.0
