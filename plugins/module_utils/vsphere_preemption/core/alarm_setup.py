# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of an alarm on the usage of hosts or clusters: what there is, what shall be, what has to be done.

Nothing here asks vCenter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from .errors import InvalidSetting
from .inventory import ManagedObject
from .setup_errors import NameTaken

PERCENT = 100
"""vCenter counts usage and tolerance in hundredths of a percent."""


class Metric(StrEnum):
    """What is watched, by the group of vCenter's counter `usage`."""

    MEMORY = "mem"
    CPU = "cpu"


class Watched(StrEnum):
    """The objects that get the colour, by their type."""

    HOSTS = "HostSystem"
    CLUSTERS = "ClusterComputeResource"


@dataclass(frozen=True)
class Threshold:
    """Above `level`, in hundredths of a percent, for so many seconds, the alarm has the colour."""

    level: int
    seconds: int


@dataclass(frozen=True)
class Usage:
    """When an alarm is yellow or red; None: never. counter: of the metric, as vCenter numbers it."""

    watched: str
    counter: int
    yellow: Threshold | None
    red: Threshold | None


@dataclass(frozen=True)
class AlarmDefinition:
    """An alarm. usage: None where it is about something else. tolerance in hundredths of a percent, frequency in s."""

    name: str
    description: str
    enabled: bool
    usage: Usage | None
    tolerance: int
    frequency: int


@dataclass(frozen=True)
class DefinedAlarm:
    """One that exists. entity: what it is defined on. system: vCenter made it."""

    ref: ManagedObject
    entity: ManagedObject
    definition: AlarmDefinition
    system: bool = False


class AlarmAction(StrEnum):
    """What has to be done. replace: remove it where it is, and make it anew."""

    NOTHING = "nothing"
    CREATE = "create"
    CHANGE = "change"
    REPLACE = "replace"
    REMOVE = "remove"


def threshold(percent: float | None, seconds: int) -> Threshold | None:
    """The threshold at so many percent. InvalidSetting."""
    if percent is None:
        return None
    if not 0 < percent < PERCENT or seconds < 0:
        raise _unusable(
            f"{percent:g} % for {seconds} seconds is no threshold", "Give from 0 to 100, and 0 or more seconds."
        )
    return Threshold(round(percent * PERCENT), seconds)


def checked(wanted: AlarmDefinition) -> AlarmDefinition:
    """The definition. InvalidSetting where it can be none."""
    if not wanted.name.strip() or not wanted.name.isprintable():
        raise _unusable(f"its name {wanted.name!r} is empty, or holds control characters", "Give a printable name.")
    usage = wanted.usage
    if usage is None or (usage.yellow is None and usage.red is None):
        raise _unusable("it has no threshold, so it would always be green", "Give yellow, red or both.")
    if usage.yellow and usage.red and usage.yellow.level >= usage.red.level:
        raise _unusable("yellow does not come before red", "Set yellow below red.")
    if not 0 <= wanted.tolerance < PERCENT * PERCENT or wanted.frequency < 0:
        raise _unusable("tolerance or frequency cannot be", "Give a tolerance from 0 to 100, and 0 or more seconds.")
    return wanted


def hundredths(percent: float) -> int:
    """A percentage as vCenter counts it; what is no number becomes one that `checked` refuses."""
    return round(percent * PERCENT) if math.isfinite(percent) else -1


def named(name: str, alarms: Iterable[DefinedAlarm]) -> DefinedAlarm | None:
    """The alarm of that name; vCenter has at most one."""
    return next((alarm for alarm in alarms if alarm.definition.name == name), None)


def plan_presence(
    now: DefinedAlarm | None, wanted: AlarmDefinition, entity: ManagedObject, *, force: bool
) -> AlarmAction:
    """What makes the alarm so. NameTaken for one of vCenter's own, and, unless `force`, for one that is not as ours."""
    if now is None:
        return AlarmAction.CREATE
    _refuse_others(now, entity, force=force)
    if now.entity != entity:
        return AlarmAction.REPLACE
    return AlarmAction.NOTHING if now.definition == wanted else AlarmAction.CHANGE


def plan_absence(now: DefinedAlarm | None, entity: ManagedObject, *, force: bool) -> AlarmAction:
    """What makes the alarm go away. NameTaken as for `plan_presence`."""
    if now is None:
        return AlarmAction.NOTHING
    _refuse_others(now, entity, force=force)
    return AlarmAction.REMOVE


def shown(definition: AlarmDefinition | None, where: str) -> dict[str, Any]:
    """An alarm for results and differences; empty for none. where: inventory path of what it is defined on."""
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
        raise NameTaken(what, why="vCenter itself has made it", next_step="Choose another name.")
    if force:
        return
    if now.definition.usage is None:
        step = "Choose another name, or set force to replace it."
        raise NameTaken(what, why="there is one that is about something else than usage", next_step=step)
    if now.entity != entity:
        step = "Name the object that it is defined on, choose another name, or set force to replace it."
        raise NameTaken(what, why=f"it is defined on {now.entity}", next_step=step)


def _unusable(why: str, next_step: str) -> InvalidSetting:
    return InvalidSetting("Cannot define the alarm", why=why, next_step=next_step)
