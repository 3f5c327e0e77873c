# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sections for how a run is carried out: actions, notice, waves, windows, restore."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..core.contract import Criticality, StopMethod
from ..core.policy.model import DAY, Action, Actions, Events, Notice, Restore, TimeWindow, Waves, Windows
from .readers import Finding, Leaf, ListOf, Section
from .scalars import boolean, choice, cron, duration, percent, timezone, whole
from .tree import Item, Mapping, Notes

MOST_AT_ONCE = 2000
LONGEST_WINDOW = 7 * DAY

_SOFT = (StopMethod.SOFT, StopMethod.SOFT_THEN_HARD)


@dataclass(frozen=True)
class _Written:
    """An action as written in the file."""

    method: StopMethod | None = None
    grace_seconds: float | None = None
    escalate: str = ""


_WRITTEN = Section(
    _Written(),
    {
        "method": ("method", Leaf(choice(StopMethod))),
        "grace": ("grace_seconds", Leaf(duration())),
        "escalate": ("escalate", Leaf(choice(("never", "hard")))),
    },
)


class _ActionReader:
    """`escalate: hard` together with soft is equivalent to soft_then_hard."""

    def read(self, item: Item, notes: Notes, base: Action | None) -> Action:
        """The action. Raises Wrong, or adds notes, for contradictions."""
        base = base or Action(StopMethod.SOFT)
        written = _WRITTEN.read(item, notes, _Written())
        method = written.method or base.method
        for key, message in _contradictions(written, method):
            notes.add(item.entries[key].value if isinstance(item, Mapping) else item, message)
        if written.escalate:
            method = StopMethod.SOFT_THEN_HARD if written.escalate == "hard" else StopMethod.SOFT
        return Action(method, base.grace_seconds if written.grace_seconds is None else written.grace_seconds)


def _contradictions(written: _Written, method: StopMethod) -> Iterator[Finding]:
    if method not in _SOFT and written.grace_seconds is not None:
        yield "grace", f"the method {method} has no grace period"
    allowed = (StopMethod.SOFT,) if written.method else _SOFT
    if written.escalate and method not in allowed:
        yield "escalate", f"escalate requires the method soft, not {method}"


ACTION = _ActionReader()
ACTIONS = Section(
    Actions(),
    {"LOW": ("low", ACTION), "MEDIUM": ("medium", ACTION), "HIGH": ("high", ACTION)},
)


def _check_notice(found: Mapping, notice: Notice) -> Iterator[Finding]:
    if notice.lead_seconds and not (notice.event or notice.guestinfo):
        yield "lead", "this notice would not be sent: event and guestinfo are both false"


NOTICE = Section(
    Notice(),
    {
        "lead": ("lead_seconds", Leaf(duration())),
        "criticalities": ("criticalities", ListOf(Leaf(choice(Criticality)))),
        "event": ("event", Leaf(boolean)),
        "guestinfo": ("guestinfo", Leaf(boolean)),
    },
    check=_check_notice,
)

EVENTS = Section(
    Events(skipped=True, failed=True),
    {"skipped": ("skipped", Leaf(boolean)), "failed": ("failed", Leaf(boolean))},
)

WAVES = Section(
    Waves(),
    {"size": ("size", Leaf(whole(0, MOST_AT_ONCE))), "pause": ("pause_seconds", Leaf(duration()))},
)

WINDOW = Section(
    TimeWindow(cron="", duration_seconds=0.0),
    {
        "cron": ("cron", Leaf(cron)),
        "duration": ("duration_seconds", Leaf(duration(zero=False, most=LONGEST_WINDOW))),
        "timezone": ("timezone", Leaf(timezone)),
    },
    required=("cron", "duration"),
)

WINDOWS = Section(
    Windows(),
    {"never": ("never", ListOf(WINDOW)), "only": ("only", ListOf(WINDOW))},
)

RESTORE = Section(
    Restore(),
    {
        "automatic": ("automatic", Leaf(boolean)),
        "hold": ("hold_seconds", Leaf(duration())),
        "batch": ("batch", Leaf(whole(1, MOST_AT_ONCE))),
        "pause": ("pause_seconds", Leaf(duration())),
        "max_memory": ("max_memory_percent", Leaf(percent)),
        "max_cpu": ("max_cpu_percent", Leaf(percent)),
        "give_up": ("give_up_seconds", Leaf(duration(zero=False))),
    },
)
