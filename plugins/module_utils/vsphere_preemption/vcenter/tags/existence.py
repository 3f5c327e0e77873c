# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the tags and categories that a policy relies on exist.

vCenter finds neither by name; all of them must be read, one by one. The id of a match is therefore cached, and only
that object is read again: a tag that was deleted or renamed protects no VM, which must be noticed before any stop.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Collection, Iterable

from ...core.names import names_tag
from .api import Progress, Tagging

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
