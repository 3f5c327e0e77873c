# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator allows: one policy, as plain values.

The defaults apply without a policy file and match the behaviour of the prototype. All durations are in seconds. A
policy is part of the history of each run, so fields may be added with a default, but none may be renamed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from ..contract import Criticality, StopMethod
from .alarm_rule import AlarmRule

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
# The maximum time after the grace period until a run settles its marks.
LEASE_MARGIN_SECONDS = 60.0


class Mode(StrEnum):
    """auto: act. dry_run: plan and record only. approve: act after approval."""

    AUTO = "auto"
    DRY_RUN = "dry_run"
    APPROVE = "approve"


class PlaceKind(StrEnum):
    """The inventory objects that can limit the scope of a preemption."""

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
    """The scope of an alarm: its own compute resource, or all of vCenter as in the prototype."""

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

    alarm: for requests with an alarm event. vcenter_wide: a manual request may omit the scope.
    within: outer limits; empty for all of vCenter.
    """

    alarm: AlarmScope = AlarmScope.COMPUTE_RESOURCE
    vcenter_wide: bool = True
    within: tuple[Place, ...] = ()


@dataclass(frozen=True)
class GroupBudget:
    """VMs that must not all be stopped together: those with the same tag of a category, or the same custom attribute.

    Exactly one of `category` and `attribute` is set, and at least one of the limits. Only VMs with the preemptible tag
    count. keep: minimum number that keep running. max_off_percent: maximum percentage that is off.
    strict: never broken; otherwise such VMs only come last.
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
    """What is never stopped, in addition to templates and infrastructure VMs, which are always protected.

    tags: `name` or `category/name`. names: shell patterns for the VM's name, case-insensitive.
    vms: MoRefs such as vm-42. min_uptime_seconds: since it was powered on.
    """

    tags: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    vms: tuple[str, ...] = ()
    min_uptime_seconds: float = 0.0
    groups: tuple[GroupBudget, ...] = ()


@dataclass(frozen=True)
class Priority:
    """VMs with a tag of this category are stopped in the order of its values, the first value first.

    unranked: the position of VMs without such a tag, or with another value: `first` or `last`.
    """

    category: str = ""
    values: tuple[str, ...] = ()
    unranked: str = "first"


class OnShortfall(StrEnum):
    """What to do if the target cannot be met: stop as many VMs as possible, or none."""

    BEST_EFFORT = "best_effort"
    ABORT = "abort"


class Measure(StrEnum):
    """How a VM is measured: by the memory and CPU that it uses now, or by its configured size."""

    CONSUMED = "consumed"
    CONFIGURED = "configured"


@dataclass(frozen=True)
class Target:
    """How much to free; unset parts do not apply. until_…: until the usage of the hosts in scope is at or below it."""

    memory_mib: int | None = None
    cpu_mhz: int | None = None
    until_memory_percent: float | None = None
    until_cpu_percent: float | None = None

    def __bool__(self) -> bool:
        parts = (self.memory_mib, self.cpu_mhz, self.until_memory_percent, self.until_cpu_percent)
        return any(part is not None for part in parts)


@dataclass(frozen=True)
class Amount:
    """How many VMs may be stopped.

    max_vms: in one run. per_hour: of the VMs with the tag, over all runs. per_vm_per_day: maximum preemptions of one VM
    per day. None: no limit.
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
    """A notice before anything is stopped. lead_seconds: lead time, 0 for none.
    criticalities: which requests send a notice. event: send it to the reply address. guestinfo: notify the guest, under
    the key `guestinfo.vsphere.preemption`.
    """

    lead_seconds: float = 0.0
    criticalities: tuple[Criticality, ...] = (Criticality.LOW, Criticality.MEDIUM)
    event: bool = True
    guestinfo: bool = False

    def applies(self, criticality: Criticality) -> bool:
        return self.lead_seconds > 0 and criticality in self.criticalities


@dataclass(frozen=True)
class Waves:
    """Victims are stopped in waves of `size` (0: all at once); after a pause, usage is checked before the next wave."""

    size: int = 0
    pause_seconds: float = 10.0


@dataclass(frozen=True)
class TimeWindow:
    """A recurring window. cron: five fields, when it begins. timezone: a name of the IANA database."""

    cron: str
    duration_seconds: float
    timezone: str = "UTC"


@dataclass(frozen=True)
class Windows:
    """When a run may begin. never: not in these. only: if there are any, only in these."""

    never: tuple[TimeWindow, ...] = ()
    only: tuple[TimeWindow, ...] = ()


@dataclass(frozen=True)
class Restore:
    """Restoring VMs. automatic: after the alarm was green for `hold_seconds`. hold_seconds: minimum time before a VM is
    powered on again, and before a restored VM is stopped again. batch: number of VMs at a time, with a pause after each
    batch. max_memory_percent, max_cpu_percent: host usage that powering on must not exceed.
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
    """Events for the reply address in addition to the prototype's event: for skipped requests, and for runs that failed
    completely or partially."""

    skipped: bool = False
    failed: bool = False


@dataclass(frozen=True)
class Policy:
    """One policy. tags: the tags that a request may use; empty: any. rerun_window_seconds: time after a run that was
    carried out in which requests of no higher criticality are skipped."""

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
    """All policies of a worker, by name, and the default for requests that match no other policy.

    alarms: the alarm rules. digest: identifies this version of the rules; empty without a file.
    """

    policies: Mapping[str, Policy] = field(default_factory=lambda: {"built-in": Policy()})
    default: str = "built-in"
    digest: str = ""
    alarms: tuple[AlarmRule, ...] = ()

    @property
    def lease_seconds(self) -> float:
        """A pending mark older than this belongs to a dead run: a run settles a mark within its grace period."""
        actions = [policy.actions.of(criticality) for policy in self.policies.values() for criticality in Criticality]
        return max(action.grace_seconds for action in actions) + LEASE_MARGIN_SECONDS


def choose_policy(policies: PolicySet, *, alarm: str, places: Sequence[Place]) -> Policy:
    """The first policy, in file order, that matches this request; otherwise the default.

    alarm: its name; empty for a manual request. places: the scope of the request, under each known name.
    A policy with only places matches every request there; a manual request does not need an alarm.
    """
    fits = (policy for policy in policies.policies.values() if _is_for(policy.match, alarm, places))
    return next(fits, policies.policies[policies.default])


def _is_for(match: Match, alarm: str, places: Sequence[Place]) -> bool:
    inside = any(place in match.places for place in places)
    if not alarm or not match.alarms:
        return inside
    named = any(fnmatchcase(alarm.casefold(), pattern.casefold()) for pattern in match.alarms)
    return named and (inside or not match.places)
