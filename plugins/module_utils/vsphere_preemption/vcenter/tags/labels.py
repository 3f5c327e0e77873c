# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tags of objects by name.

vCenter returns the ids of the tags of objects, but no names; those are looked up tag by tag, and cached for a minute.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...core.inventory import ManagedObject
from .api import Carried, Tagging

NAME_BELIEVED_SECONDS = 60.0

# Names as `category/name`, by the object that has the tags. Objects without tags are missing.
Named = Mapping[ManagedObject, frozenset[str]]


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
