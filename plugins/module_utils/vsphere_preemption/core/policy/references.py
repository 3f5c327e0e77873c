# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vCenter objects that a policy uses for protection. If they do not exist, they protect no VM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from .model import Policy

# What to do if one of them is missing.
NEXT_STEP = (
    "Correct the policy (a tag is written as name or category/name, with a slash and without patterns), create the "
    "missing object, or grant the account System.Read on it."
)
_WORDS: Mapping[str, str] = {"tags": "tag", "categories": "tag category", "attributes": "custom attribute"}


@dataclass(frozen=True)
class References:
    """Names in vCenter. tags: `name` or `category/name`. categories: of tags. attributes: custom attributes of VMs."""

    tags: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, part.name) for part in fields(self))

    def __str__(self) -> str:
        named = [f"the {_WORDS[part.name]} {name!r}" for part in fields(self) for name in getattr(self, part.name)]
        return ", ".join(named[:-1]) + " and " * (len(named) > 1) + "".join(named[-1:])


def references_of(policies: Iterable[Policy]) -> References:
    """What must exist for these policies: tags that protect, and the categories and attributes of strict groups."""
    protections = [policy.protection for policy in policies]
    strict = [group for protection in protections for group in protection.groups if group.strict]
    return References(
        tags=_each(tag for protection in protections for tag in protection.tags),
        categories=_each(group.category for group in strict if group.category),
        attributes=_each(group.attribute for group in strict if group.attribute),
    )


def _each(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, in the order of the file."""
    return tuple(dict.fromkeys(names))
