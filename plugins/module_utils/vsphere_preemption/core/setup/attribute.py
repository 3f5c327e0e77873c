# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of a custom attribute for VMs: the current state, the desired state, and the changes.

Nothing here contacts vCenter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..errors import InvalidSetting
from ..inventory import VIRTUAL_MACHINE
from ..setup_errors import NameTaken, StillInUse


@dataclass(frozen=True)
class Definition:
    """A custom attribute. key: its key in vCenter. kind: object type that it applies to; empty for all types."""

    name: str
    key: int
    kind: str


class AttributeAction(StrEnum):
    """What must be done."""

    NOTHING = "nothing"
    CREATE = "create"
    REMOVE = "remove"


def checked_name(name: str) -> str:
    """The name. Raises InvalidSetting if it is not valid."""
    if not name.strip() or not name.isprintable():
        raise InvalidSetting(
            f"Cannot use the name {name!r} for a custom attribute",
            why="it contains control characters" if name.strip() else "it is empty",
            next_step="Use a name of printable characters.",
        )
    return name


def definition_of(name: str, definitions: Iterable[Definition]) -> Definition | None:
    """The definition that applies to VMs under this name; one for VMs only takes precedence."""
    fitting = {entry.kind: entry for entry in definitions if entry.name == name}
    return fitting.get(VIRTUAL_MACHINE) or fitting.get("")


def plan_presence(name: str, definitions: Sequence[Definition]) -> AttributeAction:
    """The change that creates the attribute. Raises NameTaken if it only exists for other object types."""
    if definition_of(name, definitions) is not None:
        return AttributeAction.NOTHING
    others = sorted(entry.kind for entry in definitions if entry.name == name)
    if not others:
        return AttributeAction.CREATE
    raise NameTaken(
        f"Cannot define the custom attribute {name!r} for VMs",
        why=f"vCenter has an attribute with this name for objects of type {', '.join(others)}",
        next_step="Rename that attribute in vCenter, or choose another name.",
    )


def plan_absence(name: str, definitions: Sequence[Definition], *, holders: int, force: bool) -> AttributeAction:
    """The change that removes the attribute of VMs. An attribute for other types is kept, because it is not ours.

    holders: number of VMs that have a value. Raises StillInUse if there are any, unless `force`, and NameTaken if it
    applies to all object types.
    """
    definition = definition_of(name, definitions)
    if definition is None:
        return AttributeAction.NOTHING
    what = f"Cannot remove the custom attribute {name!r}"
    if definition.kind != VIRTUAL_MACHINE:
        raise NameTaken(
            what,
            why="it applies to all object types, so it was not created by this collection",
            next_step="Remove it in vCenter if it is no longer needed.",
        )
    if holders and not force:
        have = "1 VM has" if holders == 1 else f"{holders} VMs have"
        raise StillInUse(
            what,
            why=f"{have} a value in it, and this preemption history would be lost",
            next_step="Keep the attribute, or set force to true.",
        )
    return AttributeAction.REMOVE
