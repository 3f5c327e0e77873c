# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects carry a tag that is given by name, the names of the tags that objects carry, and which tags exist.

vCenter cannot search tags by name; all of them must be read, one by one. So a name is looked up once and its id is
cached. A cached id is only trusted as long as the tag still exists under that name: a tag that was renamed, or deleted
and created again, is looked up again. A second tag with the same name that is created in another category after the
look-up is not detected until the worker restarts.
"""

from __future__ import annotations

import operator
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...core.errors import TagAmbiguous, TagNotFound
from ...core.inventory import ManagedObject
from ...core.names import names_tag
from ..transport.gate import in_parallel
from ..transport.rest import NotThere, Rest
from .api import Carried, Progress, Tag, Tagging

# Whether a wanted name matches the name of a tag or category.
Fits = Callable[[str, str], bool]


class Existing:
    """The tags and categories of one vCenter. Safe for several threads."""

    def __init__(self, tagging: Tagging) -> None:
        self._tagging = tagging
        self._ids: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def missing_tags(self, names: Collection[str], on_progress: Progress = lambda: None) -> tuple[str, ...]:
        """The names, each `name` or `category/name`, for which this account sees no tag."""
        return self._missing("tag", names, self._label, names_tag, on_progress)

    def missing_categories(self, names: Collection[str], on_progress: Progress = lambda: None) -> tuple[str, ...]:
        """The same for categories, by their names."""
        return self._missing("category", names, self._tagging.category_name, operator.eq, on_progress)

    def _missing(
        self, kind: str, names: Collection[str], read: Callable[[str], str], fit: Fits, on_progress: Progress
    ) -> tuple[str, ...]:
        if not names:
            return ()
        known = {self._ids[kind, name] for name in names if (kind, name) in self._ids}
        left = self._not_among(kind, names, self._tagging.each(read, known, on_progress), fit)
        if left:
            ids = self._tagging.ids(kind, left[0])
            left = self._not_among(kind, left, self._tagging.each(read, ids, on_progress), fit)
        return left

    def _not_among(
        self, kind: str, names: Iterable[str], found: Collection[tuple[str, str]], fit: Fits
    ) -> tuple[str, ...]:
        """The names without a match; the ids of the others are cached."""
        ids = {name: next((id for id, called in found if fit(name, called)), None) for name in names}
        with self._lock:
            self._ids.update({(kind, name): found_id for name, found_id in ids.items() if found_id is not None})
        return tuple(name for name, found_id in ids.items() if found_id is None)

    def _label(self, tag_id: str) -> str:
        tag = self._tagging.tag(tag_id)
        return f"{self._tagging.category_name(tag.category_id)}/{tag.name}"


URN = re.compile(r"urn:vmomi:InventoryServiceTag:[\w.:-]+")
# A name is checked again after this time, even if nothing indicates a change.
NAME_BELIEVED_SECONDS = 60.0


# Names as `category/name`, by the object that has the tags. Objects without tags are missing.
Named = Mapping[ManagedObject, frozenset[str]]


@dataclass(frozen=True)
class Known:
    """The tag of a name at the time `checked`. tag: None if the id itself was given."""

    id: str
    tag: Tag | None
    checked: float


class Tags:
    """The tags of one vCenter. Thread-safe."""

    def __init__(self, rest: Rest, *, calls: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._tagging = Tagging(rest, calls=calls)
        self._labels = Labels(self._tagging, clock=clock)
        self.existing = Existing(self._tagging)
        self._clock = clock
        self._known: dict[str, Known] = {}
        self._lock = threading.Lock()

    def objects(self, name: str, on_progress: Progress) -> list[ManagedObject]:
        """All objects that have the tag, in order of their references. Raises TagNotFound, TagAmbiguous."""
        known = self._known.get(name)
        if known is not None:
            found = self._still_attached(name, known)
            if found is not None:
                return found
            self._forget(name, known)
        known = self._look_up(name, on_progress)
        try:
            return self._tagging.attached(known.id, name)
        except NotThere as error:
            raise _not_found(name) from error

    def labels(self, refs: Sequence[ManagedObject]) -> Mapping[ManagedObject, frozenset[str]]:
        """All tags of the objects, each as `category/name`. Objects without tags are missing."""
        return self._labels.of(refs)

    def carriers(self, name: str, refs: Sequence[ManagedObject]) -> frozenset[ManagedObject]:
        """The objects that have the tag; empty if the tag no longer exists. Raises TagAmbiguous."""
        return frozenset(self._carried(name, refs))

    def carriers_with_labels(self, name: str, refs: Sequence[ManagedObject]) -> Mapping[ManagedObject, frozenset[str]]:
        """The same with all their tags, each as `category/name`."""
        return self._labels.named(self._carried(name, refs))

    def _carried(self, name: str, refs: Sequence[ManagedObject]) -> Carried:
        """The ids of all tags of those objects that have the tag."""
        try:
            known = self._known.get(name) or self._look_up(name, lambda: None)
            found = self._carried_if(name, known, refs)
            if found is None:
                self._forget(name, known)
                found = self._carried_if(name, self._look_up(name, lambda: None), refs)
        except TagNotFound:
            return {}
        return found or {}

    def _carried_if(self, name: str, known: Known, refs: Sequence[ManagedObject]) -> Carried | None:
        """None if the name no longer refers to this tag."""
        if self._clock() - known.checked > NAME_BELIEVED_SECONDS:
            found, is_still_so = in_parallel(lambda: self._carrying(known.id, refs), lambda: self._confirm(name, known))
            return found if is_still_so else None
        found = self._carrying(known.id, refs)
        # If some do not have the tag, the tag may have been deleted or have a new id.
        return found if len(found) == len(set(refs)) or self._confirm(name, known) else None

    def _carrying(self, tag_id: str, refs: Sequence[ManagedObject]) -> Carried:
        return {ref: ids for ref, ids in self._tagging.carried(refs).items() if tag_id in ids}

    def _still_attached(self, name: str, known: Known) -> list[ManagedObject] | None:
        """None if the name no longer refers to this tag."""
        try:
            found, is_still_so = in_parallel(
                lambda: self._tagging.attached(known.id, name), lambda: self._confirm(name, known)
            )
        except NotThere:
            return None
        return found if is_still_so else None

    def _confirm(self, name: str, known: Known) -> bool:
        """Whether the tag still exists under the name that it was found by."""
        try:
            tag = self._tagging.tag(known.id)
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
            choices = ", ".join(sorted(f"{self._tagging.category_name(tag.category_id)}/{tag.name}" for tag in found))
            raise TagAmbiguous(
                f"The tag {name!r} is ambiguous",
                why=f"there are {len(found)} tags with this name: {choices}",
                next_step="Specify the tag together with its category, as one of these.",
            )
        return self._remember(name, found[0])

    def _by_category(self, name: str, on_progress: Progress) -> list[Tag]:
        """The tags that match the name as category/name. Both parts may contain a slash themselves."""
        found: list[Tag] = []
        for category_id, category in self._tagging.each(
            self._tagging.category_name, self._tagging.ids("category", name), on_progress
        ):
            if name.startswith(f"{category}/"):
                wanted = name.removeprefix(f"{category}/")
                tags = self._tagging.each(self._tagging.tag, self._tagging.ids_in(category_id, name), on_progress)
                found += [tag for tag_id, tag in tags if tag.name == wanted]
        return found

    def _by_name(self, name: str, on_progress: Progress) -> list[Tag]:
        tags = self._tagging.each(self._tagging.tag, self._tagging.ids("tag", name), on_progress)
        return [tag for tag_id, tag in tags if tag.name == name]

    def _remember(self, name: str, tag: Tag) -> Known:
        known = Known(tag.id, tag, self._clock())
        with self._lock:
            self._known[name] = known
        return known

    def _forget(self, name: str, known: Known) -> None:
        with self._lock:
            if name in self._known and self._known[name].id == known.id:
                del self._known[name]


def _not_found(name: str) -> TagNotFound:
    return TagNotFound(
        f"Cannot find the tag {name!r}",
        why="vCenter has no tag with this name, or the account cannot see it",
        next_step="Check the spelling and the case, create the tag, or grant the account System.Read on it.",
    )


@dataclass(frozen=True)
class Name:
    """The name of a tag at the time `checked`; None if the tag was deleted."""

    text: str | None
    checked: float


class Labels:
    """The names of the tags of one vCenter. Thread-safe."""

    def __init__(self, tagging: Tagging, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tagging = tagging
        self._clock = clock
        self._names: dict[str, Name] = {}
        self._lock = threading.Lock()

    def of(self, refs: Sequence[ManagedObject]) -> Named:
        """The tags of the objects: one call per thousand objects, and calls for names that are not known."""
        return self.named(self._tagging.carried(refs))

    def named(self, carried: Carried) -> Named:
        """The same for known ids. A tag that was deleted in between is omitted."""
        names = self._names_of(frozenset().union(*carried.values()))
        # Most objects carry the same few sets of tags.
        sets = {ids: frozenset(names[tag_id] for tag_id in ids if tag_id in names) for ids in set(carried.values())}
        return {ref: sets[ids] for ref, ids in carried.items()}

    def _names_of(self, ids: Iterable[str]) -> Mapping[str, str]:
        now = self._clock()
        with self._lock:
            # Expired names are removed, so that deleted tags do not accumulate.
            self._names = {
                tag_id: name for tag_id, name in self._names.items() if now - name.checked <= NAME_BELIEVED_SECONDS
            }
            known = {tag_id: self._names[tag_id] for tag_id in ids if tag_id in self._names}
        missing = sorted(frozenset(ids) - known.keys())
        if missing:
            known |= self._look_up(missing, now)
        return {tag_id: name.text for tag_id, name in known.items() if name.text is not None}

    def _look_up(self, ids: Sequence[str], now: float) -> dict[str, Name]:
        tags = dict(self._tagging.each(self._tagging.tag, ids))
        category_ids = sorted({tag.category_id for tag in tags.values()})
        categories = dict(self._tagging.each(self._tagging.category_name, category_ids))
        found = dict.fromkeys(ids, Name(None, now))
        for tag_id, tag in tags.items():
            if tag.category_id in categories:
                found[tag_id] = Name(f"{categories[tag.category_id]}/{tag.name}", now)
        with self._lock:
            self._names.update(found)
        return found
