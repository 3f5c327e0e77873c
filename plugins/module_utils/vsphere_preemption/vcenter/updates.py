# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two ways to learn how properties of many objects change.

A property filter is the better one: vCenter answers as soon as something changes, and is asked nothing meanwhile. Its
price grows badly in the simulator, which reads the whole filter again for every change of any object in the inventory:
a thousand victims that stop together keep it busy for 40 s, and no call gets an answer. So many objects are polled
instead: a bulk read of a thousand power states costs 0.2 s, and the more objects there are, the longer is the pause.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import VCenterError
from ..core.inventory import ManagedObject
from . import _pyvmomi
from .answers import Fault
from .faults import fault_name
from .properties import OBJECTS_PER_CALL, Properties, filter_spec, read_properties, reference
from .requests import Paths, Query
from .soap import Soap, SoapSession

WHAT = "Cannot watch the power of the VMs"
# Where vCenter says that more is waiting, but never delivers all of it, another call must get a turn.
MOST_PAGES = 1000


@dataclass(frozen=True)
class News:
    """What changed. properties: new values only. missing: objects that do not exist."""

    properties: Mapping[ManagedObject, Properties] = field(default_factory=dict)
    missing: frozenset[ManagedObject] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.properties or self.missing)

    def and_also(self, other: News) -> News:
        """Both together, for different objects."""
        return News({**self.properties, **other.properties}, self.missing | other.missing)


class FilterUpdates:
    """A property filter in a collector of its own, in one session. The first news are the values as they are."""

    def __init__(self, session: SoapSession, refs: Iterable[ManagedObject], paths: Paths) -> None:
        self._session = session
        self._unseen = set(refs)
        self._version = ""
        root = session.content.propertyCollector
        self._collector = session.call("CreatePropertyCollector", WHAT, root.CreatePropertyCollector)
        spec = filter_spec(session, self._unseen, paths)
        session.call("CreateFilter", WHAT, lambda: self._collector.CreateFilter(spec, partialUpdates=True))

    @classmethod
    def open(cls, soap: Soap, refs: Iterable[ManagedObject], paths: Paths) -> FilterUpdates:
        """Begin to watch; logs in again where the session was lost."""
        wanted = frozenset(refs)
        return soap.attempt(lambda session: cls(session, wanted, paths))

    def news(self, seconds: int) -> News:
        """What has changed since the last time; nothing when that is so for that many seconds (0: do not wait)."""
        properties: dict[ManagedObject, dict[str, Any]] = {}
        missing: set[ManagedObject] = set()
        is_first = not self._version
        for _page in range(MOST_PAGES):
            update = self._wait(seconds)
            if update is None:
                break
            self._version = update.version
            for part in update.filterSet:
                missing |= {reference(entry.obj) for entry in part.missingSet}
                self._take_in(part.objectSet, properties, missing)
            if not update.truncated:
                break
        if is_first:
            # The simulator leaves missing objects out without a word.
            missing |= self._unseen
        return News(properties, frozenset(missing))

    def close(self) -> None:
        """End the filter."""
        # Where that fails, it ends with its session; what was seen so far is no less true.
        with contextlib.suppress(VCenterError):
            self._session.call("DestroyPropertyCollector", WHAT, self._collector.DestroyPropertyCollector)

    def _wait(self, seconds: int) -> Any:
        options = _pyvmomi.vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=seconds)
        version = self._version
        return self._session.call("WaitForUpdatesEx", WHAT, lambda: self._collector.WaitForUpdatesEx(version, options))

    def _take_in(
        self, entries: Sequence[Any], properties: dict[ManagedObject, dict[str, Any]], missing: set[ManagedObject]
    ) -> None:
        for entry in entries:
            ref = reference(entry.obj)
            self._unseen.discard(ref)
            if str(entry.kind) == "leave":
                missing.add(ref)
            else:
                properties.setdefault(ref, {}).update({change.name: _plain(change.val) for change in entry.changeSet})


def _plain(value: Any) -> Any:
    """A value of pyVmomi as a bulk read would give it; of the paths that are watched, only faults differ."""
    if isinstance(value, _pyvmomi.vmodl.MethodFault):
        return Fault(fault_name(value), (value.msg or "").strip())
    return value


class PolledUpdates:
    """Bulk reads of the objects."""

    def __init__(self, soap: Soap) -> None:
        self._soap = soap

    def news(self, refs: Sequence[ManagedObject], paths: Paths) -> News:
        """The values as they are."""
        properties: dict[ManagedObject, Properties] = {}
        for start in range(0, len(refs), OBJECTS_PER_CALL):
            page = refs[start : start + OBJECTS_PER_CALL]
            properties |= self._read(page, paths)
        return News(properties, frozenset(refs) - properties.keys())

    def _read(self, refs: Sequence[ManagedObject], paths: Paths) -> dict[ManagedObject, Properties]:
        return self._soap.attempt(lambda session: read_properties(session, Query(refs, paths), WHAT))
