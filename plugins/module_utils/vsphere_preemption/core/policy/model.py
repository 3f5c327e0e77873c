# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator allows: one policy, as plain values.

The defaults are what holds without a policy file, and that is how the prototype behaves. All durations are in seconds.
A policy travels with each run in its history, so fields may be added with a default, but none may be renamed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ..contract import Criticality, StopMethod
from .alarm_rule import AlarmRule

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
# A run settles its marks so long after the grace period at the latest.
LEASE_MARGIN_SECONDS = 60.0


class Mode(StrEnum):
    """auto: act. dry_run: plan and record only. approve: act once somebody has agreed."""

    AUTO = "auto"
    DRY_RUN = "dry_run"
    APPROVE = "approve"


class PlaceKind(StrEnum):
    """The objects of the inventory that can bound a preemption."""

    CLUSTER = "cluster"
    HOST = "host"
    RESOURCE_POOL = "resource_pool"
    FOLDER = "folder"
    DATACENTER = "datacenter"


@dataclass(frozen=True, order=True)
class Place:
    """One object of the inventory. name: its name, its inventory path (`/DC0/host/C0`) or its MoRef (`domain-c7`)."""

    kind: PlaceKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


class AlarmScope(StrEnum):
    """Where an alarm may reach: its own compute resource, or all of vCenter as in the prototype."""

    COMPUTE_RESOURCE = "compute_resource"
    VCENTER = "vcenter"


@dataclass(frozen=True)
class Match:
    """Which requests a policy is for; a policy with neither is only used as the default.

    alarms: shell patterns for the name of the alarm. places: the scope of the request lies in one of these, by name.
    """

    alarms: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class ScopeRules:
    """Where VMs may be stopped.

    alarm: for requests with an alarm event. vcenter_wide: a request by hand may leave the scope open.
    within: outermost bounds; empty for all of vCenter.
    """

    alarm: AlarmScope = AlarmScope.COMPUTE_RESOURCE
    vcenter_wide: bool = True
    within: tuple[Place, ...] = ()


@dataclass(frozen=True)
class GroupBudget:
    """VMs that must not all go off together: those with the same tag of a category, or the same custom attribute.

    Exactly one of `category` and `attribute` is set, and at least one of the limits. Counted are the VMs that carry the
    preemptible tag. keep: at least so many stay on. max_off_percent: at most this share of them is off.
    strict: never broken; else such VMs only come last.
    """

    category: str = ""
    attribute: str = ""
    keep: int | None = None
    max_off_percent: float | None = None
    strict: bool = True

    @property
    def name(self) -> str:
        return self.category or self.attribute


@dataclass(frozen=True)
class Protection:
    """What is never stopped, besides templates and infrastructure, which no policy can give up.

    tags: `name` or `category/name`. names: shell patterns for the VM's name, upper and lower case alike.
    vms: MoRefs such as vm-42. min_uptime_seconds: since it was powered on.
    """

    tags: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    vms: tuple[str, ...] = ()
    min_uptime_seconds: float = 0.0
    groups: tuple[GroupBudget, ...] = ()


@dataclass(frozen=True)
class Priority:
    """VMs with a tag of this category go in the order of its values, the first value first.

    unranked: the place of VMs without such a tag, or with another value: `first` or `last`.
    """

    category: str = ""
    values: tuple[str, ...] = ()
    unranked: str = "first"


class OnShortfall(StrEnum):
    """What to do where the target cannot be met: stop what there is, or nothing at all."""

    BEST_EFFORT = "best_effort"
    ABORT = "abort"


class Measure(StrEnum):
    """What a VM counts for: the memory and CPU that it uses now, or that it is configured with."""

    CONSUMED = "consumed"
    CONFIGURED = "configured"


@dataclass(frozen=True)
class Target:
    """How much shall be freed; unset parts do not matter. until_…: until the hosts in scope use no more than that."""

    memory_mib: int | None = None
    cpu_mhz: int | None = None
    until_memory_percent: float | None = None
    until_cpu_percent: float | None = None

    def __bool__(self) -> bool:
        parts = (self.memory_mib, self.cpu_mhz, self.until_memory_percent, self.until_cpu_percent)
        return any(part is not None for part in parts)


@dataclass(frozen=True)
class Amount:
    """How much may go off.

    max_vms: in one run. per_hour: of the VMs with the tag, over all runs. per_vm_per_day: how often one VM may be hit.
    None: no limit.
    """

    max_vms: int = 10
    per_hour: int | None = None
    per_vm_per_day: int | None = None
    target: Target = field(default_factory=Target)
    on_shortfall: OnShortfall = OnShortfall.BEST_EFFORT
    measure: Measure = Measure.CONSUMED


@dataclass(frozen=True)
class Action:
    """How VMs are stopped for one criticality."""

    method: StopMethod
    grace_seconds: float = 2 * MINUTE


@dataclass(frozen=True)
class Actions:
    """One action for each criticality."""

    low: Action = Action(StopMethod.SOFT)
    medium: Action = Action(StopMethod.SOFT_THEN_HARD)
    high: Action = Action(StopMethod.HARD)

    def of(self, criticality: Criticality) -> Action:
        return {Criticality.LOW: self.low, Criticality.MEDIUM: self.medium, Criticality.HIGH: self.high}[criticality]


@dataclass(frozen=True)
class Notice:
    """A warning before anything is stopped. lead_seconds: 0 for none.
    criticalities: which requests give one. event: send it to the reply address. guestinfo: tell the guest, under the
    key `guestinfo.vsphere.preemption`.
    """

    lead_seconds: float = 0.0
    criticalities: tuple[Criticality, ...] = (Criticality.LOW, Criticality.MEDIUM)
    event: bool = True
    guestinfo: bool = False

    def applies(self, criticality: Criticality) -> bool:
        return self.lead_seconds > 0 and criticality in self.criticalities


@dataclass(frozen=True)
class Waves:
    """Victims go in waves of `size` (0: all at once); in between the pressure is looked at again, after a pause."""

    size: int = 0
    pause_seconds: float = 10.0


@dataclass(frozen=True)
class TimeWindow:
    """Times that come again. cron: five fields, when it begins. timezone: a name of the IANA database."""

    cron: str
    duration_seconds: float
    timezone: str = "UTC"


@dataclass(frozen=True)
class Windows:
    """When a run may begin. never: not in these. only: where there are any, only in these."""

    never: tuple[TimeWindow, ...] = ()
    only: tuple[TimeWindow, ...] = ()


@dataclass(frozen=True)
class Restore:
    """Giving VMs back. automatic: after the alarm was green for `hold_seconds`. hold_seconds: no VM is powered on again
    sooner, nor stopped again so soon after it was given back. batch: so many at a time, with a pause after each.
    max_memory_percent, max_cpu_percent: the usage of the hosts that must not be passed by powering on.
    """

    automatic: bool = False
    hold_seconds: float = 15 * MINUTE
    batch: int = 5
    pause_seconds: float = 30.0
    max_memory_percent: float = 80.0
    max_cpu_percent: float = 80.0
    give_up_seconds: float = 3 * DAY


@dataclass(frozen=True)
class Events:
    """What the reply address hears besides the prototype's event: of requests that came to nothing, and of runs that
    failed in whole or in part."""

    skipped: bool = False
    failed: bool = False


@dataclass(frozen=True)
class Policy:
    """One policy. tags: the only ones that a request may name; empty: any. rerun_window_seconds: after a run that was
    carried out, requests of no higher criticality are skipped for so long."""

    name: str = "built-in"
    match: Match = field(default_factory=Match)
    mode: Mode = Mode.AUTO
    approval_seconds: float = 30 * MINUTE
    tags: tuple[str, ...] = ()
    scope: ScopeRules = field(default_factory=ScopeRules)
    protection: Protection = field(default_factory=Protection)
    priority: Priority = field(default_factory=Priority)
    amount: Amount = field(default_factory=Amount)
    actions: Actions = field(default_factory=Actions)
    notice: Notice = field(default_factory=Notice)
    waves: Waves = field(default_factory=Waves)
    windows: Windows = field(default_factory=Windows)
    restore: Restore = field(default_factory=Restore)
    events: Events = field(default_factory=Events)
    rerun_window_seconds: float = MINUTE


@dataclass(frozen=True)
class PolicySet:
    """All policies of a worker, by name, and the one for requests that none of the others is for.

    alarms: which alarms ask for something. digest: names these very rules; empty without a file.
    """

    policies: Mapping[str, Policy] = field(default_factory=lambda: {"built-in": Policy()})
    default: str = "built-in"
    digest: str = ""
    alarms: tuple[AlarmRule, ...] = ()

    @property
    def lease_seconds(self) -> float:
        """A pending mark older than this is of a run that died: a run settles a mark within its grace period."""
        actions = [policy.actions.of(criticality) for policy in self.policies.values() for criticality in Criticality]
        return max(action.grace_seconds for action in actions) + LEASE_MARGIN_SECONDS
