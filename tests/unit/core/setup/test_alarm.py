# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to the definition of an alarm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.setup.alarm import (
    AlarmAction,
    AlarmDefinition,
    DefinedAlarm,
    UsageThresholds,
    checked,
    hundredths,
    plan_absence,
    plan_presence,
    shown,
    threshold,
)
from vsphere_preemption.core.setup_errors import NameTaken

ONE, TWO = (ManagedObject("ClusterComputeResource", f"domain-c{number}") for number in "12")
MEMORY = UsageThresholds("HostSystem", 24, yellow=threshold(85, 300), red=threshold(92.5, 60))
WANTED = AlarmDefinition("memory", "for people", enabled=True, usage=MEMORY, tolerance=0, frequency=300)
NOW = DefinedAlarm(ManagedObject("Alarm", "alarm-1"), ONE, WANTED)


def test_what_is_as_it_shall_be_is_left_alone() -> None:
    assert plan_presence(None, WANTED, ONE, force=False) is AlarmAction.CREATE
    assert plan_presence(NOW, WANTED, ONE, force=False) is AlarmAction.NOTHING
    assert plan_absence(None, ONE, force=False) is AlarmAction.NOTHING
    assert plan_absence(NOW, ONE, force=False) is AlarmAction.REMOVE


@pytest.mark.parametrize(
    "change",
    [{"description": ""}, {"enabled": False}, {"tolerance": 1}, {"frequency": 0}, {"usage": replace(MEMORY, red=None)}],
    ids=["description", "enabled", "tolerance", "frequency", "usage"],
)
def test_each_difference_is_a_change(change: dict[str, object]) -> None:
    other = replace(WANTED, **change)  # type: ignore[arg-type]
    assert plan_presence(NOW, other, ONE, force=False) is AlarmAction.CHANGE


def test_an_alarm_elsewhere_or_about_something_else_is_taken_over_only_by_force() -> None:
    strange = replace(NOW, definition=replace(WANTED, usage=None))
    for now, entity, action in ((NOW, TWO, AlarmAction.REPLACE), (strange, ONE, AlarmAction.CHANGE)):
        with pytest.raises(NameTaken):
            plan_presence(now, WANTED, entity, force=False)
        with pytest.raises(NameTaken):
            plan_absence(now, entity, force=False)
        assert plan_presence(now, WANTED, entity, force=True) is action
        assert plan_absence(now, entity, force=True) is AlarmAction.REMOVE


def test_an_alarm_of_vcenters_own_is_never_touched() -> None:
    own = replace(NOW, system=True)
    with pytest.raises(NameTaken, match="built-in vCenter alarm"):
        plan_presence(own, WANTED, ONE, force=True)
    with pytest.raises(NameTaken, match="built-in vCenter alarm"):
        plan_absence(own, ONE, force=True)


@pytest.mark.parametrize("percent", [0, -1, 100, float("nan"), float("inf")])
def test_a_threshold_that_cannot_be_is_refused(percent: float) -> None:
    with pytest.raises(InvalidSetting):
        threshold(percent, 0)
    with pytest.raises(InvalidSetting):
        threshold(50, -1)
    assert threshold(None, -1) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"name": "a\nb"},
        {"usage": None},
        {"usage": replace(MEMORY, yellow=None, red=None)},
        {"usage": replace(MEMORY, yellow=MEMORY.red)},
        {"tolerance": hundredths(float("nan"))},
        {"tolerance": hundredths(100)},
        {"frequency": -1},
    ],
    ids=range(8),
)
def test_a_definition_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidSetting):
        checked(replace(WANTED, **wrong))  # type: ignore[arg-type]
    assert checked(WANTED) == WANTED


def test_people_read_percent() -> None:
    told = shown(WANTED, "/lab")
    assert (told["yellow"], told["red"], told["red_seconds"], told["scope"]) == (85.0, 92.5, 60, "/lab")
    assert shown(None, "") == {}
