# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A YAML text as a tree of plain values, each with its position and its path.

Aliases are followed, but the size of the tree is limited: a few lines of aliases can expand to more than fits into
memory.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..core.policy.problems import Problem
from ._yaml import MOST_LEVELS, MOST_VALUES, Malformed, compose

MOST_BYTES = 256 * 1024

_TAG = "tag:yaml.org,2002:"
_TAGS = {"sequence": f"{_TAG}seq", "mapping": f"{_TAG}map"}
_MERGE = f"{_TAG}merge"
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class ScalarKind(StrEnum):
    """The kind of a single value, as shown in messages."""

    TEXT = "text"
    NUMBER = "a number"
    SWITCH = "true or false"
    NOTHING = "nothing"


# Dates count as text, because policies contain no dates.
_KINDS = {
    "str": ScalarKind.TEXT,
    "timestamp": ScalarKind.TEXT,
    "value": ScalarKind.TEXT,
    "int": ScalarKind.NUMBER,
    "float": ScalarKind.NUMBER,
    "bool": ScalarKind.SWITCH,
    "null": ScalarKind.NOTHING,
}


@dataclass(frozen=True)
class Item(ABC):
    """Any value. line, column: where it begins, from 1. path: such as `policies[0].amount`; empty for the whole."""

    line: int
    column: int
    path: str

    @property
    @abstractmethod
    def title(self) -> str:
        """Its kind, as shown in messages."""


@dataclass(frozen=True)
class Scalar(Item):
    """A single value, as written."""

    text: str
    kind: ScalarKind = ScalarKind.TEXT

    @property
    def title(self) -> str:
        return self.kind.value


@dataclass(frozen=True)
class Listing(Item):
    """A list."""

    items: tuple[Item, ...]
    title = "a list"


@dataclass(frozen=True)
class MappingEntry:
    """One key and its value."""

    key: Scalar
    value: Item


@dataclass(frozen=True)
class Mapping(Item):
    """Keys and values, in the order of the file."""

    entries: dict[str, MappingEntry]
    title = "a mapping"


class Wrong(Exception):
    """An invalid value. It is caught by the surrounding list or section, which continues with the next value."""

    def __init__(self, item: Item, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(item.line, item.column, item.path, message)


@dataclass
class Notes:
    """The problems found so far."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, item: Item, message: str) -> None:
        """Add a problem at the position of the item."""
        self.problems.append(Problem(item.line, item.column, item.path, message))


def shown(text: str) -> str:
    """A text of the file in a message: short, and on one line."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def read_tree(text: str, notes: Notes) -> Item | None:
    """The whole text. None if it cannot be read at all; the notes then contain the reason."""
    whole = Scalar(0, 0, "", "")
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        notes.add(whole, f"the file is larger than {MOST_BYTES // 1024} KiB")
        return None
    try:
        node = compose(text)
        if node is not None:
            return _Growing(notes).grow(node, "", 0)
        notes.add(whole, "the file is empty")
    except Malformed as error:
        notes.problems.append(Problem(error.line, error.column, "", error.message))
    except Wrong as error:
        notes.problems.append(error.problem)
    return None


@dataclass
class _Growing:
    """Converts nodes to items and counts them."""

    notes: Notes
    count: int = 0

    def grow(self, node: Any, path: str, level: int) -> Item:
        """The item of a node. Raises Wrong if the tree exceeds its limits."""
        place = (node.start_mark.line + 1, node.start_mark.column + 1, path)
        self.count += 1
        if self.count > MOST_VALUES:
            raise Wrong(Scalar(*place, ""), f"with all aliases followed, there are more than {MOST_VALUES} values")
        if level > MOST_LEVELS:
            raise Wrong(Scalar(*place, ""), f"with all aliases followed, there are more than {MOST_LEVELS} levels")
        kind = _KINDS.get(node.tag.removeprefix(_TAG))
        if node.tag != _TAGS.get(node.id) and (node.id != "scalar" or kind is None):
            self.notes.add(Scalar(*place, ""), f"the tag {shown(node.tag.replace(_TAG, '!!'))} is not allowed here")
        if node.id == "sequence":
            items = enumerate(node.value)
            return Listing(*place, tuple(self.grow(item, f"{path}[{number}]", level + 1) for number, item in items))
        if node.id == "mapping":
            return Mapping(*place, self._entries(node, path, level + 1))
        return Scalar(*place, node.value, kind or ScalarKind.TEXT)

    def _entries(self, node: Any, path: str, level: int) -> dict[str, MappingEntry]:
        entries: dict[str, MappingEntry] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            if key.text in entries:
                self.notes.add(key, f"this key is a duplicate of line {entries[key.text].key.line}")
            else:
                entries[key.text] = MappingEntry(key, self.grow(value_node, key.path, level))
        return entries

    def _key(self, node: Any, path: str) -> Scalar | None:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if node.id != "scalar" or node.tag.removeprefix(_TAG) not in _KINDS:
            what = "merging (<<) is not supported" if node.tag == _MERGE else "a key must be plain text"
            self.notes.add(Scalar(line, column, path, ""), what)
            return None
        text = node.value
        name = text if _PLAIN_KEY.fullmatch(text) else shown(text)
        return Scalar(line, column, f"{path}.{name}" if path else name, text)
