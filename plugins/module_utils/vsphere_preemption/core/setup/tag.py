# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tag, its category and the VMs that have it: the current state, the desired state, and the changes.

A plan is a value; nothing here contacts vCenter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import InvalidSetting
from ..inventory import VIRTUAL_MACHINE, ManagedObject
from ..setup_errors import NameTaken, StillInUse

SINGLE, MULTIPLE = "single", "multiple"
MOST_NAMED = 10


@dataclass(frozen=True)
class Category:
    """A tag category. cardinality: how many of its tags an object may have, `single` or `multiple`.

    kinds: object types that may have its tags; empty means every type. other_tags: number of its tags other than ours.
    """

    id: str
    name: str
    description: str = ""
    cardinality: str = MULTIPLE
    kinds: frozenset[str] = frozenset()
    other_tags: int = 0


@dataclass(frozen=True)
class ExistingTag:
    """A tag, and all objects that have it."""

    id: str
    name: str
    description: str = ""
    carriers: frozenset[ManagedObject] = frozenset()


@dataclass(frozen=True)
class CurrentTag:
    """The current state; None for what does not exist."""

    category: Category | None = None
    tag: ExistingTag | None = None

    @property
    def carriers(self) -> frozenset[ManagedObject]:
        return self.tag.carriers if self.tag else frozenset()


@dataclass(frozen=True)
class DesiredTag:
    """The desired state. None keeps existing values, and means vCenter's default for new objects."""

    name: str
    category: str
    description: str | None = None
    category_description: str | None = None
    cardinality: str | None = None

    def __post_init__(self) -> None:
        for what, text in (("tag", self.name), ("category", self.category)):
            if not text.strip() or not text.isprintable():
                raise InvalidSetting(
                    f"Cannot use the name {text!r} for a {what}",
                    why="it is empty or contains control characters",
                    next_step="Use a name of printable characters.",
                )

    def __str__(self) -> str:
        return f"{self.category}/{self.name}"


@dataclass(frozen=True)
class VmSelection:
    """Which VMs must have the tag: these, and those in the folder whose name matches the pattern.

    vms: names, inventory paths or references. exclusive: no other VM may have it.
    """

    vms: tuple[str, ...] = ()
    folder: str = ""
    pattern: str = ""
    exclusive: bool = False


@dataclass(frozen=True)
class SelectedVms:
    """A resolved selection. names: of all VMs that were read; other objects are not managed here."""

    refs: frozenset[ManagedObject] = frozenset()
    names: Mapping[ManagedObject, str] = field(default_factory=dict)
    exclusive: bool = False


@dataclass(frozen=True)
class TagPlan:
    """What must be done, in this order. changes: new values by vCenter's names."""

    create_category: bool = False
    category_changes: Mapping[str, str] = field(default_factory=dict)
    create_tag: bool = False
    tag_changes: Mapping[str, str] = field(default_factory=dict)
    attach: tuple[ManagedObject, ...] = ()
    detach: tuple[ManagedObject, ...] = ()
    delete_tag: bool = False
    delete_category: bool = False

    @property
    def changes_something(self) -> bool:
        return self != TagPlan()


def plan_presence(desired: DesiredTag, found: CurrentTag, chosen: SelectedVms) -> TagPlan:
    """The changes to create the tag and attach it to the selected VMs.

    Raises NameTaken for a category whose tags are not for VMs, and InvalidSetting for changes that vCenter does not
    support.
    """
    if found.category is not None:
        _refuse_category(desired, found.category)
    strangers = chosen.names.keys() - chosen.refs if chosen.exclusive else frozenset[ManagedObject]()
    return TagPlan(
        create_category=found.category is None,
        category_changes=_category_changes(desired, found.category) if found.category else {},
        create_tag=found.tag is None,
        tag_changes=_differing("description", desired.description, found.tag.description) if found.tag else {},
        attach=tuple(sorted(chosen.refs - found.carriers)),
        detach=tuple(sorted(found.carriers & strangers)),
    )


def plan_absence(
    desired: DesiredTag, found: CurrentTag, chosen: SelectedVms, *, force: bool = False, with_category: bool = False
) -> TagPlan:
    """The changes to remove the tag; the selected VMs may lose it. with_category: also the category, if it is empty.

    Raises StillInUse if other objects have it, unless `force`.
    """
    others = found.carriers - chosen.refs
    if others and not force:
        raise StillInUse(
            f"Cannot remove the tag {str(desired)!r}",
            why=f"{_listed(others, chosen.names)} and would lose it",
            next_step="Detach the tag from them, list them in attach, or set force: true.",
        )
    return TagPlan(
        detach=tuple(sorted(found.carriers)),
        delete_tag=found.tag is not None,
        delete_category=with_category and found.category is not None and not found.category.other_tags,
    )


def _refuse_category(desired: DesiredTag, category: Category) -> None:
    if category.kinds and VIRTUAL_MACHINE not in category.kinds:
        raise NameTaken(
            f"Cannot use the tag category {desired.category!r}",
            why=f"its tags are for {', '.join(sorted(category.kinds))} only, not for VMs",
            next_step="Choose another category, or allow virtual machines in this one.",
        )
    if desired.cardinality == SINGLE and category.cardinality == MULTIPLE:
        raise InvalidSetting(
            f"Cannot change the tag category {desired.category!r}",
            why="cardinality can be raised to multiple but not lowered again",
            next_step="Omit cardinality, or choose another category.",
        )


def _category_changes(desired: DesiredTag, category: Category) -> dict[str, str]:
    return {
        **_differing("description", desired.category_description, category.description),
        **_differing("cardinality", desired.cardinality, category.cardinality),
    }


def _differing(name: str, wanted: str | None, there: str) -> dict[str, str]:
    return {} if wanted is None or wanted == there else {name: wanted}


def _listed(refs: frozenset[ManagedObject], names: Mapping[ManagedObject, str]) -> str:
    """The number of objects, and the first of them by name."""
    texts = sorted(f"{names[ref]} ({ref.value})" if ref in names else str(ref) for ref in refs)
    have = "1 object has it:" if len(texts) == 1 else f"{len(texts)} objects have it:"
    more = [f"{len(texts) - MOST_NAMED} more"] if len(texts) > MOST_NAMED else []
    return f"{have} {', '.join(texts[:MOST_NAMED] + more)}"
