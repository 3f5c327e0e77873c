# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tag, its category and the VMs that carry it: what there is, what shall be, and what has to be done for that.

A plan is a value; nothing here asks vCenter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import InvalidSetting
from .inventory import VIRTUAL_MACHINE, ManagedObject
from .setup_errors import NameTaken, StillInUse

SINGLE, MULTIPLE = "single", "multiple"
MOST_NAMED = 10


@dataclass(frozen=True)
class Category:
    """A tag category. cardinality: how many of its tags an object may carry, `single` or `multiple`.

    kinds: types of the objects that may carry its tags; none means every type. other_tags: how many tags it has beside
    the one that this is about.
    """

    id: str
    name: str
    description: str = ""
    cardinality: str = MULTIPLE
    kinds: frozenset[str] = frozenset()
    other_tags: int = 0


@dataclass(frozen=True)
class ExistingTag:
    """A tag, and all objects that carry it."""

    id: str
    name: str
    description: str = ""
    carriers: frozenset[ManagedObject] = frozenset()


@dataclass(frozen=True)
class Found:
    """What there is; None for what does not exist."""

    category: Category | None = None
    tag: ExistingTag | None = None

    @property
    def carriers(self) -> frozenset[ManagedObject]:
        return self.tag.carriers if self.tag else frozenset()


@dataclass(frozen=True)
class Wish:
    """What shall be. None leaves what exists as it is, and is vCenter's default for what is new."""

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
                    why="it is empty, or holds control characters",
                    next_step="Give a name of printable characters.",
                )

    def __str__(self) -> str:
        return f"{self.category}/{self.name}"


@dataclass(frozen=True)
class Selection:
    """Which VMs shall carry the tag: these, and those in the folder whose name fits the pattern.

    vms: names, inventory paths or references. exclusive: no other VM shall carry it.
    """

    vms: tuple[str, ...] = ()
    folder: str = ""
    pattern: str = ""
    exclusive: bool = False


@dataclass(frozen=True)
class Chosen:
    """A selection, resolved. names: of all VMs that were looked at; others are none of ours."""

    refs: frozenset[ManagedObject] = frozenset()
    names: Mapping[ManagedObject, str] = field(default_factory=dict)
    exclusive: bool = False


@dataclass(frozen=True)
class TagPlan:
    """What has to be done, in this order. changes: new values by vCenter's names."""

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


def plan_presence(wish: Wish, found: Found, chosen: Chosen) -> TagPlan:
    """What makes the tag exist, and the chosen VMs carry it.

    NameTaken for a category whose tags are not for VMs. InvalidSetting for what vCenter cannot change.
    """
    if found.category is not None:
        _refuse_category(wish, found.category)
    strangers = chosen.names.keys() - chosen.refs if chosen.exclusive else frozenset[ManagedObject]()
    return TagPlan(
        create_category=found.category is None,
        category_changes=_category_changes(wish, found.category) if found.category else {},
        create_tag=found.tag is None,
        tag_changes=_differing("description", wish.description, found.tag.description) if found.tag else {},
        attach=tuple(sorted(chosen.refs - found.carriers)),
        detach=tuple(sorted(found.carriers & strangers)),
    )


def plan_absence(
    wish: Wish, found: Found, chosen: Chosen, *, force: bool = False, with_category: bool = False
) -> TagPlan:
    """What makes the tag go away; the chosen VMs may lose it. with_category: the category too, if it is empty then.

    StillInUse where other objects carry it, unless `force`.
    """
    others = found.carriers - chosen.refs
    if others and not force:
        raise StillInUse(
            f"Cannot remove the tag {str(wish)!r}",
            why=f"{_listed(others, chosen.names)} and would lose it",
            next_step="Take it off them or name them in attach, or set force to true.",
        )
    return TagPlan(
        detach=tuple(sorted(found.carriers)),
        delete_tag=found.tag is not None,
        delete_category=with_category and found.category is not None and not found.category.other_tags,
    )


def _refuse_category(wish: Wish, category: Category) -> None:
    if category.kinds and VIRTUAL_MACHINE not in category.kinds:
        raise NameTaken(
            f"Cannot use the tag category {wish.category!r}",
            why=f"its tags are for {', '.join(sorted(category.kinds))} only, not for VMs",
            next_step="Choose another category, or allow virtual machines in this one.",
        )
    if wish.cardinality == SINGLE and category.cardinality == MULTIPLE:
        raise InvalidSetting(
            f"Cannot change the tag category {wish.category!r}",
            why="an object may carry several of its tags, and vCenter cannot take that back",
            next_step="Leave cardinality out, or choose another category.",
        )


def _category_changes(wish: Wish, category: Category) -> dict[str, str]:
    return {
        **_differing("description", wish.category_description, category.description),
        **_differing("cardinality", wish.cardinality, category.cardinality),
    }


def _differing(name: str, wanted: str | None, there: str) -> dict[str, str]:
    return {} if wanted is None or wanted == there else {name: wanted}


def _listed(refs: frozenset[ManagedObject], names: Mapping[ManagedObject, str]) -> str:
    """So many, and the first of them by name."""
    texts = sorted(f"{names[ref]} ({ref.value})" if ref in names else str(ref) for ref in refs)
    carry = "1 object carries it:" if len(texts) == 1 else f"{len(texts)} objects carry it:"
    more = [f"{len(texts) - MOST_NAMED} more"] if len(texts) > MOST_NAMED else []
    return f"{carry} {', '.join(texts[:MOST_NAMED] + more)}"
