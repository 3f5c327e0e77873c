# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of a custom attribute for VMs: what there is, what shall be, and what has to be done for that.

Nothing here asks vCenter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .errors import InvalidSetting
from .inventory import VIRTUAL_MACHINE
from .setup_errors import NameTaken, StillInUse


@dataclass(frozen=True)
class Definition:
    """A custom attribute. key: its number in vCenter. kind: of the objects that it is for; empty for those of all."""

    name: str
    key: int
    kind: str


class AttributeAction(StrEnum):
    """What has to be done."""

    NOTHING = "nothing"
    CREATE = "create"
    REMOVE = "remove"


def checked_name(name: str) -> str:
    """The name. InvalidSetting where it can be none."""
    if not name.strip() or not name.isprintable():
        raise InvalidSetting(
            f"Cannot use the name {name!r} for a custom attribute",
            why="it is empty, or holds control characters" if name.strip() else "it is empty",
            next_step="Give a name of printable characters.",
        )
    return name


def definition_of(name: str, definitions: Iterable[Definition]) -> Definition | None:
    """The one that holds for VMs under this name; one for VMs alone comes first."""
    fitting = {entry.kind: entry for entry in definitions if entry.name == name}
    return fitting.get(VIRTUAL_MACHINE) or fitting.get("")


def plan_presence(name: str, definitions: Sequence[Definition]) -> AttributeAction:
    """What makes the attribute exist. NameTaken where only objects that are no VMs have it."""
    if definition_of(name, definitions) is not None:
        return AttributeAction.NOTHING
    others = sorted(entry.kind for entry in definitions if entry.name == name)
    if not others:
        return AttributeAction.CREATE
    raise NameTaken(
        f"Cannot define the custom attribute {name!r} for VMs",
        why=f"vCenter has one of that name for objects of type {', '.join(others)}",
        next_step="Rename that one in vCenter, or choose another name.",
    )


def plan_absence(name: str, definitions: Sequence[Definition], *, holders: int, force: bool) -> AttributeAction:
    """What makes the attribute of VMs go away. One for other types stays, it is none of ours.

    holders: how many VMs have a value of it. StillInUse where there are some, unless `force`. NameTaken where it is for
    objects of every type.
    """
    definition = definition_of(name, definitions)
    if definition is None:
        return AttributeAction.NOTHING
    what = f"Cannot remove the custom attribute {name!r}"
    if definition.kind != VIRTUAL_MACHINE:
        raise NameTaken(
            what,
            why="it is for objects of every type, so something else than this collection has made it",
            next_step="Remove it in vCenter if nothing needs it.",
        )
    if holders and not force:
        carry = "1 VM carries" if holders == 1 else f"{holders} VMs carry"
        raise StillInUse(
            what,
            why=f"{carry} a value of it, which is the history of preemption, and would lose it",
            next_step="Keep it, or set force to true.",
        )
    return AttributeAction.REMOVE
