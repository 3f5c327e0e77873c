# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether there is still a shortage."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from temporalio.testing import ActivityEnvironment

from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.inventory import Area, ManagedObject, Scope, Usage
from vsphere_preemption.core.policy.model import Target
from vsphere_preemption_worker.activities.pressure import Pressure
from vsphere_preemption_worker.messages.run import PressureInput, PressureResult

CLUSTER, HOST = ManagedObject("ClusterComputeResource", "domain-c7"), ManagedObject("HostSystem", "host-1")
ALARM = AlarmEvent("Cluster memory", ManagedObject("Alarm", "alarm-1"), compute_resource=CLUSTER)


class Gauges:
    """A cluster whose alarm has this colour, and whose hosts use 70 % of their memory and 20 % of their CPU."""

    def __init__(self, colour: str = "red") -> None:
        self.colour = colour
        self.asked: list[object] = []

    def alarm_colour(self, entity: ManagedObject, alarm: ManagedObject | None = None, name: str = "") -> str:
        self.asked.append((entity, alarm, name))
        return self.colour

    def usage(self, hosts: Iterable[ManagedObject] | None) -> Usage:
        self.asked.append(hosts)
        return Usage(1000, 700, 1000, 200)


def look(gauges: Gauges, order: PressureInput, paused: str = "") -> PressureResult:
    return ActivityEnvironment().run(Pressure(gauges, lambda: paused).look, order)


@pytest.mark.parametrize(("colour", "gone"), [("red", False), ("yellow", False), ("gray", False), ("green", True)])
def test_only_green_is_the_end_of_an_alarm(colour: str, gone: bool) -> None:
    gauges = Gauges(colour)
    assert look(gauges, PressureInput(ALARM, Target())).gone is gone
    assert gauges.asked == [(CLUSTER, ALARM.alarm, "Cluster memory")]


@pytest.mark.parametrize(
    ("target", "gone"),
    [
        (Target(), False),
        (Target(memory_mib=10), False),
        (Target(until_memory_percent=70.0), True),
        (Target(until_memory_percent=69.0), False),
        (Target(until_memory_percent=70.0, until_cpu_percent=19.0), False),
    ],
)
def test_usage_counts_where_the_target_names_one(target: Target, gone: bool) -> None:
    assert look(Gauges(), PressureInput(None, target)).gone is gone


def test_the_usage_is_that_of_the_hosts_in_scope() -> None:
    gauges, scope = Gauges(), Scope((Area(hosts=frozenset({HOST})),))
    look(gauges, PressureInput(None, Target(until_cpu_percent=50.0), scope.as_wire()))
    assert gauges.asked == [frozenset({HOST})]


def test_a_pause_comes_before_everything_else() -> None:
    gauges = Gauges("green")
    assert look(gauges, PressureInput(ALARM, Target()), "Ada paused it.") == PressureResult(
        paused=True, message="Ada paused it."
    )
    assert gauges.asked == []


def test_hosts_without_any_memory_are_full() -> None:
    class Nothing(Gauges):
        def usage(self, hosts: Iterable[ManagedObject] | None) -> Usage:
            return Usage(0, 0, 0, 0)

    assert not look(Nothing(), PressureInput(None, Target(until_memory_percent=99.0))).gone
