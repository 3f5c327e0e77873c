# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects carry a tag, where the tag is given by name.

vCenter finds no tag by its name; all of them must be read, one by one. So a name is looked up once and its id is
remembered. A remembered id is believed only as long as the tag still exists under that name: a tag that was renamed,
or deleted and made again, is looked up anew. Not noticed, before the worker starts again, is a second tag of the same
name that appears in another category after the look-up.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from ..core.errors import TagAmbiguous, TagNotFound
from ..core.inventory import ManagedObject
from .calls import side_by_side
from .rest import NotThere, PathFamily, Rest

URN = re.compile(r"urn:vmomi:InventoryServiceTag:[\w.:-]+")
OBJECTS_PER_CALL = 1000
# A name that was checked so long ago is checked again, even where nothing points to a change.
NAME_BELIEVED_SECONDS = 60.0

T = TypeVar("T")
Progress = Callable[[], None]


@dataclass(frozen=True)
class Tag:
    """A tag as vCenter has it."""

    id: str
    name: str
    category_id: str


@dataclass(frozen=True)
class Known:
    """What a name stood for at the time `checked`. tag: None where the id itself was given."""

    id: str
    tag: Tag | None
    checked: float


class Tags:
    """The tags of one vCenter. Safe for several threads."""

    def __init__(self, rest: Rest, *, calls: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rest = rest
        self._calls = calls
        self._clock = clock
        self._known: dict[str, Known] = {}
        self._lock = threading.Lock()

    def objects(self, name: str, on_progress: Progress) -> list[ManagedObject]:
        """All objects that carry the tag, in order of their references. TagNotFound, TagAmbiguous."""
        known = self._known.get(name)
        if known is not None:
            found = self._still_attached(name, known)
            if found is not None:
                return found
            self._forget(name, known)
        known = self._look_up(name, on_progress)
        try:
            return self._attached(known.id, name)
        except NotThere as error:
            raise _not_found(name) from error

    def carriers(self, name: str, refs: Sequence[ManagedObject]) -> frozenset[ManagedObject]:
        """Those of the objects that carry the tag; none when there is no such tag any more. TagAmbiguous."""
        try:
            known = self._known.get(name) or self._look_up(name, lambda: None)
            found = self._carriers(name, known, refs)
            if found is None:
                self._forget(name, known)
                found = self._carriers(name, self._look_up(name, lambda: None), refs)
        except TagNotFound:
            return frozenset()
        return found or frozenset()

    def _carriers(self, name: str, known: Known, refs: Sequence[ManagedObject]) -> frozenset[ManagedObject] | None:
        """None when the name does not stand for this tag any more."""
        if self._clock() - known.checked > NAME_BELIEVED_SECONDS:
            found, is_still_so = side_by_side(
                lambda: self._carrying(known.id, refs), lambda: self._confirm(name, known)
            )
            return found if is_still_so else None
        found = self._carrying(known.id, refs)
        # Where some lack the tag, it may be the tag that is gone or has a new id.
        return found if len(found) == len(set(refs)) or self._confirm(name, known) else None

    def _still_attached(self, name: str, known: Known) -> list[ManagedObject] | None:
        """None when the name does not stand for this tag any more."""
        try:
            found, is_still_so = side_by_side(
                lambda: self._attached(known.id, name), lambda: self._confirm(name, known)
            )
        except NotThere:
            return None
        return found if is_still_so else None

    def _attached(self, tag_id: str, name: str) -> list[ManagedObject]:
        def question(family: PathFamily) -> tuple[str, str, dict[str, Any] | None]:
            # `/rest` wants a body, though there is nothing to say in it.
            body: dict[str, Any] | None = {} if family.wrapped else None
            return "POST", family.path("tag-association", tag_id, "list-attached-objects"), body

        def read(answer: Any) -> list[ManagedObject]:
            return sorted({ManagedObject(entry["type"], entry["id"]) for entry in answer or ()})

        what = f"Cannot list the objects that carry the tag {name!r}"
        return self._rest.ask("list-attached-objects", what, question, read)

    def _carrying(self, tag_id: str, refs: Sequence[ManagedObject]) -> frozenset[ManagedObject]:
        pages = (refs[start : start + OBJECTS_PER_CALL] for start in range(0, len(refs), OBJECTS_PER_CALL))
        return frozenset().union(*(self._page_carrying(tag_id, page) for page in pages))

    def _page_carrying(self, tag_id: str, refs: Sequence[ManagedObject]) -> frozenset[ManagedObject]:
        body = {"object_ids": [{"type": ref.type, "id": ref.value} for ref in refs]}

        def question(family: PathFamily) -> tuple[str, str, dict[str, Any]]:
            return "POST", family.path("tag-association", action="list-attached-tags-on-objects"), body

        def read(answer: Any) -> frozenset[ManagedObject]:
            carrying = (entry["object_id"] for entry in answer or () if tag_id in (entry["tag_ids"] or ()))
            return frozenset(ManagedObject(entry["type"], entry["id"]) for entry in carrying)

        return self._rest.ask("list-attached-tags-on-objects", "Cannot read the tags of the VMs", question, read)

    def _confirm(self, name: str, known: Known) -> bool:
        """The tag still exists under the name that it was found by."""
        try:
            tag = self._tag(known.id)
        except NotThere:
            return False
        if known.tag is not None and tag != known.tag:
            return False
        if known.tag is not None:
            self._remember(name, known.tag)
        return True

    def _look_up(self, name: str, on_progress: Progress) -> Known:
        if URN.fullmatch(name):
            return Known(name, None, self._clock())
        found = self._by_category(name, on_progress) if "/" in name else []
        found = found or self._by_name(name, on_progress)
        if not found:
            raise _not_found(name)
        if len(found) > 1:
            choices = ", ".join(sorted(f"{self._category_name(tag.category_id)}/{tag.name}" for tag in found))
            raise TagAmbiguous(
                f"Cannot tell which tag {name!r} is meant",
                why=f"there are {len(found)} of that name: {choices}",
                next_step="Give the tag together with its category, as one of these.",
            )
        return self._remember(name, found[0])

    def _by_category(self, name: str, on_progress: Progress) -> list[Tag]:
        """Tags that the name, read as category/name, stands for. Both parts may hold a slash themselves."""
        found: list[Tag] = []
        for category_id, category in self._each(self._category_name, self._ids("category", name), on_progress):
            if name.startswith(f"{category}/"):
                wanted = name.removeprefix(f"{category}/")
                tags = self._each(self._tag, self._tags_of(category_id, name), on_progress)
                found += [tag for tag_id, tag in tags if tag.name == wanted]
        return found

    def _by_name(self, name: str, on_progress: Progress) -> list[Tag]:
        tags = self._each(self._tag, self._ids("tag", name), on_progress)
        return [tag for tag_id, tag in tags if tag.name == name]

    def _ids(self, kind: str, name: str) -> list[str]:
        what = f"Cannot look up the tag {name!r}"
        return self._rest.ask(f"list-{kind}", what, lambda family: ("GET", family.path(kind), None), _as_ids)

    def _tags_of(self, category_id: str, name: str) -> list[str]:
        def question(family: PathFamily) -> tuple[str, str, dict[str, Any]]:
            if family.wrapped:
                return "POST", family.path("tag", category_id, "list-tags-for-category"), {}
            return "POST", family.path("tag", action="list-tags-for-category"), {"category_id": category_id}

        return self._rest.ask("list-tags-for-category", f"Cannot look up the tag {name!r}", question, _as_ids)

    def _tag(self, tag_id: str) -> Tag:
        def read(answer: Any) -> Tag:
            return Tag(answer["id"], answer["name"], answer["category_id"])

        what = f"Cannot read the tag {tag_id}"
        return self._rest.ask("get-tag", what, lambda family: ("GET", family.path("tag", tag_id), None), read)

    def _category_name(self, category_id: str) -> str:
        def question(family: PathFamily) -> tuple[str, str, None]:
            return "GET", family.path("category", category_id), None

        what = f"Cannot read the tag category {category_id}"
        return self._rest.ask("get-category", what, question, lambda answer: str(answer["name"]))

    def _each(self, read: Callable[[str], T], ids: Iterable[str], on_progress: Progress) -> list[tuple[str, T]]:
        """Read many, a few at a time; those that are deleted meanwhile are left out."""

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

    def _remember(self, name: str, tag: Tag) -> Known:
        known = Known(tag.id, tag, self._clock())
        with self._lock:
            self._known[name] = known
        return known

    def _forget(self, name: str, known: Known) -> None:
        with self._lock:
            if name in self._known and self._known[name].id == known.id:
                del self._known[name]


def _as_ids(answer: Any) -> list[str]:
    return [str(entry) for entry in answer or ()]


def _not_found(name: str) -> TagNotFound:
    return TagNotFound(
        f"Cannot find the tag {name!r}",
        why="vCenter has no tag of that name that this account may see",
        next_step="Check the spelling and the case, create the tag, or grant the account System.Read on it.",
    )
