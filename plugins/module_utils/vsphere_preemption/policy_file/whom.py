# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sections for the requests a policy matches and the VMs it may stop: match, scope, protect, priority, amount."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.policy.model import (
    AlarmScope,
    Amount,
    GroupBudget,
    Match,
    Measure,
    OnShortfall,
    Place,
    PlaceKind,
    Priority,
    Protection,
    ScopeRules,
    Target,
)
from .readers import Finding, Leaf, ListOf, OrNothing, Section, no_such, single_entry
from .scalars import boolean, choice, duration, label, moref, percent, size, text, whole
from .tree import Item, Mapping, Wrong

MOST_VMS = 2000
"""In one run: its outcomes must fit into one Temporal payload."""
MOST_A_DAY = 1_000_000
_PLACE_KINDS = {kind.value: kind for kind in PlaceKind}


def place(item: Item) -> Place:
    """`{cluster: name, path or MoRef}`."""
    entry = single_entry(item)
    kind = _PLACE_KINDS.get(entry.key.text)
    if kind is None:
        raise Wrong(entry.key, no_such("kind of place", entry.key.text, _PLACE_KINDS))
    return Place(kind, text(entry.value))


TEXTS, PLACES, COUNT = ListOf(Leaf(text)), ListOf(Leaf(place)), Leaf(whole(1, MOST_A_DAY))

MATCH = Section(Match(), {"alarms": ("alarms", TEXTS), "places": ("places", PLACES)})

SCOPE = Section(
    ScopeRules(),
    {
        "alarm": ("alarm", Leaf(choice(AlarmScope))),
        "vcenter_wide": ("vcenter_wide", Leaf(boolean)),
        "within": ("within", PLACES),
    },
)


def _check_group(found: Mapping, group: GroupBudget) -> Iterator[Finding]:
    given = found.entries.keys()
    if len(given & {"category", "attribute"}) != 1:
        yield "", "a group needs either category or attribute, and not both"
    if not given & {"keep", "max_off"}:
        yield "", "a group needs a limit: keep, max_off or both"


GROUP = Section(
    GroupBudget(),
    {
        "category": ("category", Leaf(label)),
        "attribute": ("attribute", Leaf(text)),
        "keep": ("keep", Leaf(whole(0, MOST_A_DAY))),
        "max_off": ("max_off_percent", Leaf(percent)),
        "strict": ("strict", Leaf(boolean)),
    },
    check=_check_group,
)

PROTECT = Section(
    Protection(),
    {
        "tags": ("tags", ListOf(Leaf(label))),
        "names": ("names", TEXTS),
        "vms": ("vms", ListOf(Leaf(moref))),
        "min_uptime": ("min_uptime_seconds", Leaf(duration())),
        "groups": ("groups", ListOf(GROUP)),
    },
)


def _check_priority(found: Mapping, priority: Priority) -> Iterator[Finding]:
    given = found.entries.keys() & {"category", "values"}
    if len(given) == 1:
        yield "", "category and values must be used together"
    if len(set(priority.values)) < len(priority.values):
        yield "values", "each value can be listed only once"


PRIORITY = Section(
    Priority(),
    {
        "category": ("category", Leaf(label)),
        "values": ("values", ListOf(Leaf(label), least=1)),
        "unranked": ("unranked", Leaf(choice(("first", "last")))),
    },
    check=_check_priority,
)

TARGET = Section(
    Target(),
    {
        "memory": ("memory_mib", Leaf(size({"MiB": 1, "GiB": 1024, "TiB": 1024**2}))),
        "cpu": ("cpu_mhz", Leaf(size({"MHz": 1, "GHz": 1000}))),
        "until_memory": ("until_memory_percent", Leaf(percent)),
        "until_cpu": ("until_cpu_percent", Leaf(percent)),
    },
)

AMOUNT = Section(
    Amount(),
    {
        "max_vms": ("max_vms", Leaf(whole(1, MOST_VMS))),
        "per_hour": ("per_hour", OrNothing(COUNT)),
        "per_vm_per_day": ("per_vm_per_day", OrNothing(COUNT)),
        "target": ("target", TARGET),
        "on_shortfall": ("on_shortfall", Leaf(choice(OnShortfall))),
        "measure": ("measure", Leaf(choice(Measure))),
    },
)
