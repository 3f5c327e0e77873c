# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section for the alarms that request a preemption: alarms."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.contract import Criticality
from ..core.policy.alarm_rule import AlarmRule, WhenGreen
from .readers import Finding, Leaf, ListOf, OrNothing, Section, mapping, no_such
from .scalars import choice, duration, name, text
from .tree import Item, Mapping, Notes, Wrong
from .whom import TEXTS

# Green and gray request nothing: they are the end of an alarm.
ASKING_COLOURS = ("yellow", "red")


class _CriticalityReader:
    """By colour; `null` removes a colour."""

    _one = OrNothing(Leaf(choice(Criticality)))

    def read(self, item: Item, notes: Notes, base: dict[str, Criticality] | None) -> dict[str, Criticality]:
        """The colours that request something; others are noted."""
        told = dict(base or {})
        for colour, entry in mapping(item).entries.items():
            if colour not in ASKING_COLOURS:
                notes.add(entry.key, no_such("colour", colour, ASKING_COLOURS))
                continue
            try:
                asked = self._one.read(entry.value, notes, None)
            except Wrong as error:
                notes.problems.append(error.problem)
                continue
            told.pop(colour, None)
            if asked:
                told[colour] = asked
        return told


def _check_rule(found: Mapping, rule: AlarmRule) -> Iterator[Finding]:
    if not rule.criticality:
        yield "criticality", "neither yellow nor red requests anything, so this rule does nothing"


ALARM_RULE = Section(
    AlarmRule(name=""),
    {
        "name": ("name", Leaf(name)),
        "alarms": ("alarms", ListOf(Leaf(text), least=1)),
        "tag": ("tag", Leaf(text)),
        "clusters": ("clusters", TEXTS),
        "policy": ("policy", Leaf(name)),
        "criticality": ("criticality", _CriticalityReader()),
        "raise_delay": ("raise_delay_seconds", Leaf(duration())),
        "repeat_after": ("repeat_after_seconds", Leaf(duration())),
        "when_green": ("when_green", Leaf(choice(WhenGreen))),
        "reply_to": ("reply_to", Leaf(text)),
    },
    required=("name", "alarms", "tag"),
    check=_check_rule,
)
