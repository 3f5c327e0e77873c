# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How lists and sections are read: a section is a table from its keys to readers.

Readers get the default value, so that a file only needs to contain what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as Table
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Protocol

from .tree import Item, Listing, Mapping, MappingEntry, Notes, Scalar, ScalarKind, Wrong, shown


class Reader(Protocol):
    """Converts an item to a value."""

    def read(self, item: Item, notes: Notes, base: Any) -> Any:
        """The value. base: the default. Raises Wrong if there is none; other errors are added to the notes."""


@dataclass(frozen=True)
class Leaf:
    """A single value."""

    make: Callable[[Item], Any]

    def read(self, item: Item, notes: Notes, base: Any) -> Any:
        """The result of `make`, which raises Wrong."""
        return self.make(item)


@dataclass(frozen=True)
class OrNothing:
    """A value that `null` removes."""

    reader: Reader

    def read(self, item: Item, notes: Notes, base: Any) -> Any:
        """None for nothing."""
        if isinstance(item, Scalar) and item.kind is ScalarKind.NOTHING:
            return None
        return self.reader.read(item, notes, base)


@dataclass(frozen=True)
class ListOf:
    """A list. least: minimum number of entries."""

    reader: Reader
    least: int = 0

    def read(self, item: Item, notes: Notes, base: Any) -> tuple[Any, ...]:
        """The values; invalid ones are omitted."""
        if not isinstance(item, Listing):
            raise Wrong(item, f"this must be a list, but is {item.title}")
        if len(item.items) < self.least:
            raise Wrong(item, "this list must not be empty")
        values = []
        for element in item.items:
            try:
                values.append(self.reader.read(element, notes, None))
            except Wrong as error:
                notes.problems.append(error.problem)
        return tuple(values)


Finding = tuple[str, str]
"""A key, or nothing for the section as a whole, and its error."""


def _no_check(found: Mapping, value: Any) -> Iterable[Finding]:
    return ()


@dataclass(frozen=True)
class Section:
    """A mapping that becomes a dataclass.

    start: the default value. fields: from each key to an attribute and its reader.
    required: keys that must be present. check: finds contradictions; invalid values have been omitted by then.
    """

    start: Any
    fields: Table[str, tuple[str, Reader]]
    required: tuple[str, ...] = ()
    check: Callable[[Mapping, Any], Iterable[Finding]] = field(default=_no_check)

    def read(self, item: Item, notes: Notes, base: Any) -> Any:
        """The base with the changes of the item."""
        found, base = mapping(item), self.start if base is None else base
        values = {}
        for key, entry in found.entries.items():
            if key not in self.fields:
                notes.add(entry.key, no_such("key", key, self.fields))
                continue
            attribute, reader = self.fields[key]
            try:
                values[attribute] = reader.read(entry.value, notes, getattr(base, attribute))
            except Wrong as error:
                notes.problems.append(error.problem)
        value = replace(base, **values)
        missing = [(key, f"{key} is missing") for key in self.required if key not in found.entries]
        for key, message in [*missing, *self.check(found, value)]:
            notes.add(found.entries[key].value if key in found.entries else found, message)
        return value


def mapping(item: Item) -> Mapping:
    """The item as a mapping. Raises Wrong for anything else."""
    if not isinstance(item, Mapping):
        raise Wrong(item, f"this must be a mapping, but is {item.title}")
    return item


def single_entry(item: Item) -> MappingEntry:
    """The only entry of a mapping. Raises Wrong if there are more or none."""
    found = mapping(item)
    if len(found.entries) != 1:
        raise Wrong(item, f"this must have one key, but has {len(found.entries)}")
    return next(iter(found.entries.values()))


def no_such(what: str, word: str, known: Iterable[str]) -> str:
    """The message for an unknown word, with the closest known one."""
    by_sound = {name.casefold().replace("_", ""): name for name in known}
    sound = word.casefold().replace("_", "").replace("-", "").replace(" ", "")
    near = get_close_matches(sound[:64], by_sound, n=1)
    if near:
        return f"there is no {what} {shown(word)}; did you mean {by_sound[near[0]]}?"
    return f"there is no {what} {shown(word)}; use one of {', '.join(by_sound.values())}"
