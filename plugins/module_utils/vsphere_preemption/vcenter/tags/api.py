# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of vCenter's tagging service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from ...core.inventory import ManagedObject
from ..transport.rest import NotThere, PathFamily, Rest

OBJECTS_PER_CALL = 1000

T = TypeVar("T")
Progress = Callable[[], None]
# Ids of tags by the object that has them. Objects without tags are missing.
Carried = Mapping[ManagedObject, frozenset[str]]


@dataclass(frozen=True)
class Tag:
    """A tag in vCenter."""

    id: str
    name: str
    category_id: str


class Tagging:
    """The tagging service of one vCenter. calls: maximum number of concurrent calls."""

    def __init__(self, rest: Rest, *, calls: int) -> None:
        self._rest = rest
        self._calls = calls

    def attached(self, tag_id: str, name: str) -> list[ManagedObject]:
        """All objects that have the tag, in order of their references. Raises NotThere. name: for an error."""

        def question(family: PathFamily) -> tuple[str, str, dict[str, Any] | None]:
            # `/rest` requires a body, even though it is empty.
            body: dict[str, Any] | None = {} if family.wrapped else None
            return "POST", family.path("tag-association", tag_id, "list-attached-objects"), body

        def read(answer: Any) -> list[ManagedObject]:
            return sorted({ManagedObject(entry["type"], entry["id"]) for entry in answer or ()})

        what = f"Cannot list the objects with the tag {name!r}"
        return self._rest.ask("list-attached-objects", what, question, read)

    def carried(self, refs: Sequence[ManagedObject]) -> Carried:
        """The tags of the objects; one call per thousand objects."""
        found: dict[ManagedObject, frozenset[str]] = {}
        for start in range(0, len(refs), OBJECTS_PER_CALL):
            found.update(self._page_carried(refs[start : start + OBJECTS_PER_CALL]))
        return found

    def _page_carried(self, refs: Sequence[ManagedObject]) -> Carried:
        body = {"object_ids": [{"type": ref.type, "id": ref.value} for ref in refs]}

        def question(family: PathFamily) -> tuple[str, str, dict[str, Any]]:
            return "POST", family.path("tag-association", action="list-attached-tags-on-objects"), body

        def read(answer: Any) -> Carried:
            return {
                ManagedObject(entry["object_id"]["type"], entry["object_id"]["id"]): frozenset(entry["tag_ids"] or ())
                for entry in answer or ()
            }

        return self._rest.ask("list-attached-tags-on-objects", "Cannot read the tags of the VMs", question, read)

    def ids(self, kind: str, name: str) -> list[str]:
        """Of all tags (`tag`) or of all categories (`category`). name: for an error."""
        what = f"Cannot look up the tag {name!r}"
        return self._rest.ask(f"list-{kind}", what, lambda family: ("GET", family.path(kind), None), _as_ids)

    def ids_in(self, category_id: str, name: str) -> list[str]:
        """Of the tags of a category. name: for an error."""

        def question(family: PathFamily) -> tuple[str, str, dict[str, Any]]:
            if family.wrapped:
                return "POST", family.path("tag", category_id, "list-tags-for-category"), {}
            return "POST", family.path("tag", action="list-tags-for-category"), {"category_id": category_id}

        return self._rest.ask("list-tags-for-category", f"Cannot look up the tag {name!r}", question, _as_ids)

    def tag(self, tag_id: str) -> Tag:
        """One tag. Raises NotThere."""

        def read(answer: Any) -> Tag:
            return Tag(answer["id"], answer["name"], answer["category_id"])

        what = f"Cannot read the tag {tag_id}"
        return self._rest.ask("get-tag", what, lambda family: ("GET", family.path("tag", tag_id), None), read)

    def category_name(self, category_id: str) -> str:
        """The name of one category. Raises NotThere."""

        def question(family: PathFamily) -> tuple[str, str, None]:
            return "GET", family.path("category", category_id), None

        what = f"Cannot read the tag category {category_id}"
        return self._rest.ask("get-category", what, question, lambda answer: str(answer["name"]))

    def each(
        self, read: Callable[[str], T], ids: Iterable[str], on_progress: Progress = lambda: None
    ) -> list[tuple[str, T]]:
        """Read many, a few at a time; those that are deleted in the meantime are omitted."""

        def read_one(item: str) -> tuple[str, T] | None:
            try:
                return item, read(item)
            except NotThere:
                return None

        found = []
        with ThreadPoolExecutor(self._calls, "vcenter-tags") as threads:
            for entry in threads.map(read_one, ids):
                on_progress()
                if entry is not None:
                    found.append(entry)
        return found


def _as_ids(answer: Any) -> list[str]:
    return [str(entry) for entry in answer or ()]
