# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Temporal namespace as a value, its desired state, and the difference between the two.

The server accepts names with spaces, a retention of an hour, and a different type for a search attribute, which it then
ignores. So all of that is checked here before the server is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...core.errors import InvalidSetting

DAY_SECONDS = 24 * 60 * 60
DEFAULT_RETENTION_SECONDS = 3 * DAY_SECONDS
LONGEST_RETENTION_SECONDS = 10 * 366 * DAY_SECONDS
ATTRIBUTE_TYPES = ("Bool", "Datetime", "Double", "Int", "Keyword", "KeywordList", "Text")

# The server's own namespace; changing its retention or deleting it breaks the server.
_SERVERS_OWN = "temporal-system"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}", re.ASCII)
_ATTRIBUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_UNITS = {"d": DAY_SECONDS, "h": 60 * 60, "m": 60, "s": 1}
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,12}}){unit})?" for unit in _UNITS), re.ASCII)


@dataclass(frozen=True)
class Namespace:
    """A namespace. search_attributes: custom ones, name to type, without those that every namespace has."""

    name: str
    retention_seconds: int
    description: str = ""
    owner_email: str = ""
    search_attributes: Mapping[str, str] = field(default_factory=dict)

    def as_result(self) -> dict[str, Any]:
        """The namespace as a module result; the retention is text that the module accepts as an option."""
        return {
            "name": self.name,
            "retention": duration_text(self.retention_seconds),
            "description": self.description,
            "owner_email": self.owner_email,
            "search_attributes": dict(sorted(self.search_attributes.items())),
        }


@dataclass(frozen=True)
class WantedNamespace:
    """The desired state of a namespace. Values that are None or empty are not changed.

    add: search attributes that it must have, name to type. remove: those that it must not have.
    """

    name: str
    retention_seconds: int | None = None
    description: str = ""
    owner_email: str = ""
    add: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()

    @classmethod
    def from_options(
        cls,
        *,
        name: str,
        retention: str | None = None,
        description: str | None = None,
        owner_email: str | None = None,
        search_attributes: Mapping[str, Any] | None = None,
        remove_search_attributes: Iterable[str] | None = None,
    ) -> WantedNamespace:
        """From single values, None if not set. Raises InvalidSetting for an invalid value."""
        add, remove = dict(search_attributes or {}), tuple(dict.fromkeys(remove_search_attributes or ()))
        _check_attributes(add, remove)
        return cls(
            name=checked_name(name),
            retention_seconds=_retention(retention) if retention else None,
            description=description or "",
            owner_email=owner_email or "",
            add=add,
            remove=remove,
        )


@dataclass(frozen=True)
class NamespacePlan:
    """The current and the desired state; None if there is no namespace."""

    before: Namespace | None
    after: Namespace | None

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return self.before != self.after

    @property
    def added_attributes(self) -> dict[str, str]:
        """Search attributes to add, name to type."""
        had = self.before.search_attributes if self.before else {}
        has = self.after.search_attributes if self.after else {}
        return {name: kind for name, kind in has.items() if name not in had}

    @property
    def removed_attributes(self) -> list[str]:
        """Search attributes to remove from a namespace that is kept."""
        if self.before is None or self.after is None:
            return []
        return [name for name in self.before.search_attributes if name not in self.after.search_attributes]


def plan_present(found: Namespace | None, wanted: WantedNamespace) -> NamespacePlan:
    """The plan to reach the desired state. Raises InvalidSetting if a search attribute has another type."""
    start = found or Namespace(wanted.name, DEFAULT_RETENTION_SECONDS)
    kept = {name: kind for name, kind in start.search_attributes.items() if name not in wanted.remove}
    for name, kind in wanted.add.items():
        if kept.get(name, kind) != kind:
            raise _other_type(wanted.name, name, kept[name], kind)
    after = replace(
        start,
        retention_seconds=wanted.retention_seconds or start.retention_seconds,
        description=wanted.description or start.description,
        owner_email=wanted.owner_email or start.owner_email,
        search_attributes={**kept, **wanted.add},
    )
    return NamespacePlan(found, after)


def plan_absent(found: Namespace | None) -> NamespacePlan:
    """The plan to remove the namespace."""
    return NamespacePlan(found, None)


def checked_name(name: str) -> str:
    """The name, if it is valid for a namespace. Raises InvalidSetting otherwise."""
    if not _NAME.fullmatch(name):
        raise InvalidSetting(
            "Cannot use the name of the Temporal namespace",
            why=f"{name[:80]!r} does not consist of letters, digits, dots, dashes and underscores, or is too long",
            next_step="Use a name such as vsphere-preemption, beginning with a letter or a digit.",
        )
    if name == _SERVERS_OWN:
        raise InvalidSetting(
            f"Cannot change the namespace {name}",
            why="it belongs to the Temporal server",
            next_step="Use another name.",
        )
    return name


def duration_text(seconds: int) -> str:
    """Seconds as 3d, 36h or 1d30m: whole days as days, everything else in the largest units that fit."""
    rest, text = seconds, ""
    for unit, length in _UNITS.items():
        count, rest = divmod(rest, length)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _retention(text: str) -> int:
    """Seconds of a retention: a number of days, or a duration such as 72h or 1d12h."""
    match = _DURATION.fullmatch(f"{text}d" if text.isdecimal() else text)
    if match is None or not text:
        raise _bad_retention(text, "is not a duration")
    seconds = sum(int(count) * unit for count, unit in zip(match.groups(default="0"), _UNITS.values(), strict=True))
    if not DAY_SECONDS <= seconds <= LONGEST_RETENTION_SECONDS:
        raise _bad_retention(text, "is less than one day, or more than ten years")
    return seconds


def _bad_retention(text: str, why: str) -> InvalidSetting:
    return InvalidSetting(
        "Cannot use the retention of the Temporal namespace",
        why=f"{text[:80]!r} {why}",
        next_step="Use a number of days, or a duration such as 72h.",
    )


def _check_attributes(add: Mapping[str, Any], remove: tuple[str, ...]) -> None:
    for name in (*add, *remove):
        if not _ATTRIBUTE.fullmatch(name):
            raise _bad_attribute(
                name, "it does not consist of letters, digits and underscores", "Use a name such as PreemptionCluster."
            )
        if name in add and name in remove:
            raise _bad_attribute(name, "it is to be both added and removed", "Remove it from one of the two options.")
    for name, kind in add.items():
        if kind not in ATTRIBUTE_TYPES:
            raise _bad_attribute(
                name, f"Temporal has no type {str(kind)[:80]!r}", f"Use one of {', '.join(ATTRIBUTE_TYPES)}."
            )


def _bad_attribute(name: str, why: str, next_step: str) -> InvalidSetting:
    return InvalidSetting(f"Cannot use the search attribute {name[:80]!r}", why=why, next_step=next_step)


def _other_type(namespace: str, name: str, has: str, wanted: str) -> InvalidSetting:
    return InvalidSetting(
        f"Cannot change the search attribute {name} of the Temporal namespace {namespace} to {wanted}",
        why=f"it is of type {has}, and Temporal cannot change the type",
        next_step="Use another name, or remove the attribute first, which deletes its values.",
    )
