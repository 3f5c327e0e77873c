# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of an alarm on the usage of hosts or clusters: the current state, the desired state, and the changes.

Nothing here contacts vCenter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from ..errors import InvalidSetting
from ..inventory import ManagedObject
from ..setup_errors import NameTaken

PERCENT = 100
"""vCenter counts usage and tolerance in hundredths of a percent."""


class Metric(StrEnum):
    """The monitored resource, by the group of vCenter's counter `usage`."""

    MEMORY = "mem"
    CPU = "cpu"


class Watched(StrEnum):
    """The objects that the alarm monitors, by their type."""

    HOSTS = "HostSystem"
    CLUSTERS = "ClusterComputeResource"


@dataclass(frozen=True)
class Threshold:
    """The alarm has the colour when usage is above `level`, in hundredths of a percent, for `seconds`."""

    level: int
    seconds: int


@dataclass(frozen=True)
class UsageThresholds:
    """When an alarm is yellow or red; None: never. counter: of the metric, as vCenter numbers it."""

    watched: str
    counter: int
    yellow: Threshold | None
    red: Threshold | None


@dataclass(frozen=True)
class AlarmDefinition:
    """An alarm. usage: None if it does not monitor usage. tolerance in hundredths of a percent, frequency in s."""

    name: str
    description: str
    enabled: bool
    usage: UsageThresholds | None
    tolerance: int
    frequency: int


@dataclass(frozen=True)
class DefinedAlarm:
    """An existing alarm. entity: the object it is defined on. system: a built-in vCenter alarm."""

    ref: ManagedObject
    entity: ManagedObject
    definition: AlarmDefinition
    system: bool = False


class AlarmAction(StrEnum):
    """What must be done. replace: remove the alarm and create it again."""

    NOTHING = "nothing"
    CREATE = "create"
    CHANGE = "change"
    REPLACE = "replace"
    REMOVE = "remove"


def threshold(percent: float | None, seconds: int) -> Threshold | None:
    """The threshold at this percentage. Raises InvalidSetting."""
    if percent is None:
        return None
    if not 0 < percent < PERCENT or seconds < 0:
        raise _unusable(
            f"{percent:g} % for {seconds} seconds is not a valid threshold",
            "Use a percentage between 0 and 100, and 0 or more seconds.",
        )
    return Threshold(round(percent * PERCENT), seconds)


def checked(wanted: AlarmDefinition) -> AlarmDefinition:
    """The definition. Raises InvalidSetting if it is not valid."""
    if not wanted.name.strip() or not wanted.name.isprintable():
        raise _unusable(f"its name {wanted.name!r} is empty or contains control characters", "Use a printable name.")
    usage = wanted.usage
    if usage is None or (usage.yellow is None and usage.red is None):
        raise _unusable("it has no threshold, so it would always be green", "Set yellow, red or both.")
    if usage.yellow and usage.red and usage.yellow.level >= usage.red.level:
        raise _unusable("yellow is not below red", "Set yellow below red.")
    if not 0 <= wanted.tolerance < PERCENT * PERCENT or wanted.frequency < 0:
        step = "Use a tolerance from 0 to 100, and a frequency of 0 or more seconds."
        raise _unusable("tolerance or frequency is out of range", step)
    return wanted


def hundredths(percent: float) -> int:
    """A percentage in vCenter's unit; an invalid number becomes one that `checked` rejects."""
    return round(percent * PERCENT) if math.isfinite(percent) else -1


def named(name: str, alarms: Iterable[DefinedAlarm]) -> DefinedAlarm | None:
    """The alarm with this name; vCenter has at most one."""
    return next((alarm for alarm in alarms if alarm.definition.name == name), None)


def plan_presence(
    now: DefinedAlarm | None, wanted: AlarmDefinition, entity: ManagedObject, *, force: bool
) -> AlarmAction:
    """The change that creates the alarm. Raises NameTaken for a built-in alarm, or a foreign one unless `force`."""
    if now is None:
        return AlarmAction.CREATE
    _refuse_others(now, entity, force=force)
    if now.entity != entity:
        return AlarmAction.REPLACE
    return AlarmAction.NOTHING if now.definition == wanted else AlarmAction.CHANGE


def plan_absence(now: DefinedAlarm | None, entity: ManagedObject, *, force: bool) -> AlarmAction:
    """The change that removes the alarm. Raises NameTaken as for `plan_presence`."""
    if now is None:
        return AlarmAction.NOTHING
    _refuse_others(now, entity, force=force)
    return AlarmAction.REMOVE


def shown(definition: AlarmDefinition | None, where: str) -> dict[str, Any]:
    """An alarm for results and diffs; empty for none. where: inventory path of the object that it is defined on."""
    if definition is None:
        return {}
    usage = definition.usage
    told = {key: value for key, value in asdict(definition).items() if key != "usage"}
    told |= {"tolerance": definition.tolerance / PERCENT, "scope": where, "watches": usage.watched if usage else ""}
    for colour, limit in (("yellow", usage and usage.yellow), ("red", usage and usage.red)):
        told[colour] = limit.level / PERCENT if limit else None
        told[f"{colour}_seconds"] = limit.seconds if limit else None
    return {**told, "counter": usage.counter if usage else None}


def _refuse_others(now: DefinedAlarm, entity: ManagedObject, *, force: bool) -> None:
    what = f"Cannot use the alarm {now.definition.name!r}"
    if now.system:
        raise NameTaken(what, why="it is a built-in vCenter alarm", next_step="Choose another name.")
    if force:
        return
    if now.definition.usage is None:
        step = "Choose another name, or set force to replace it."
        raise NameTaken(what, why="an alarm with this name exists but does not monitor usage", next_step=step)
    if now.entity != entity:
        step = "Set scope to that object, choose another name, or set force to replace it."
        raise NameTaken(what, why=f"it is defined on {now.entity}", next_step=step)


def _unusable(why: str, next_step: str) -> InvalidSetting:
    return InvalidSetting("Cannot define the alarm", why=why, next_step=next_step)
