# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects have a tag that is given by name.

vCenter cannot search tags by name; all of them must be read, one by one. So a name is looked up once and its id is
cached. A cached id is only trusted as long as the tag still exists under that name: a tag that was renamed, or deleted
and created again, is looked up again. A second tag with the same name that is created in another category after the
look-up is not detected until the worker restarts.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ...core.errors import TagAmbiguous, TagNotFound
from ...core.inventory import ManagedObject
from ..transport.gate import in_parallel
from ..transport.rest import NotThere, Rest
from .api import Carried, Progress, Tag, Tagging
from .existence import Existing
from .labels import Labels

URN = re.compile(r"urn:vmomi:InventoryServiceTag:[\w.:-]+")
# A name is checked again after this time, even if nothing indicates a change.
NAME_BELIEVED_SECONDS = 60.0


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
