# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens when a vCenter alarm changes its colour: one rule, as plain values.

The alarm watch and the webhook apply the same rules. A rule defines whether to request a preemption and how urgently;
the policy for the alarm still decides which VMs are stopped. All durations are in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from ..alarm_event import AlarmEvent
from ..contract import Criticality


class WhenGreen(StrEnum):
    """What happens once the alarm is green in its scope: nothing, cancel the active run, or restore its VMs.

    A restore follows the policy's `restore` section, including its hold time.
    """

    NOTHING = "nothing"
    CANCEL = "cancel"
    RESTORE = "restore"


def _yellow_soft_red_hard() -> Mapping[str, Criticality]:
    return {"yellow": Criticality.LOW, "red": Criticality.HIGH}


@dataclass(frozen=True)
class AlarmRule:
    """Which alarms request a preemption, and how.

    alarms: shell patterns for the name of the alarm, case-insensitive. clusters: patterns for the name or MoRef of its
    compute resource; empty for all. tag: of the VMs that may be stopped. policy: name of the policy for these alarms;
    empty: the policy that matches. criticality: by colour, yellow and red; a missing colour requests nothing.
    raise_delay_seconds: how long the alarm must keep its colour first. repeat_after_seconds: how long after a run that
    stopped VMs a request is repeated if the alarm still has its colour; 0: never. when_green: see WhenGreen. reply_to:
    address for reply events.
    """

    name: str
    alarms: tuple[str, ...] = ()
    tag: str = ""
    clusters: tuple[str, ...] = ()
    policy: str = ""
    criticality: Mapping[str, Criticality] = field(default_factory=_yellow_soft_red_hard)
    raise_delay_seconds: float = 0.0
    repeat_after_seconds: float = 300.0
    when_green: WhenGreen = WhenGreen.NOTHING
    reply_to: str = ""

    def is_for(self, alarm: AlarmEvent) -> bool:
        """Whether the rule matches this alarm and its location."""
        place = alarm.compute_resource
        told = (alarm.compute_resource_name, place.value if place else "")
        inside = not self.clusters or any(_fits(name, self.clusters) for name in told if name)
        return self.is_named(alarm.name) and inside

    def is_named(self, alarm: str) -> bool:
        """Whether the rule matches alarms with this name in at least one cluster."""
        return bool(alarm) and _fits(alarm, self.alarms)


def rule_for(rules: Sequence[AlarmRule], alarm: AlarmEvent) -> AlarmRule | None:
    """The first rule, in file order, that matches this alarm; None if there is none."""
    return next((rule for rule in rules if rule.is_for(alarm)), None)


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)
