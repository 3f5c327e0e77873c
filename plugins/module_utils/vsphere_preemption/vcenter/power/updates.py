# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two ways to follow property changes of many objects.

A property filter is the better one: vCenter responds as soon as something changes, and gets no calls in the meantime.
Its cost grows quickly in the simulator, which reads the whole filter again for every change of any object in the
inventory: a thousand victims that stop together keep it busy for 40 s, and no call gets a response. So large numbers of
objects are polled instead: a bulk read of a thousand power states takes 0.2 s, and the pause grows with their number.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core.errors import VCenterError
from ...core.inventory import ManagedObject
from ..inventory.properties import OBJECTS_PER_CALL, Properties, filter_spec, read_properties, reference
from ..transport import _pyvmomi
from ..transport.faults import fault_name
from ..transport.requests import Paths, Query
from ..transport.soap import Soap, SoapSession
from ..transport.soap_codec import Fault

WHAT = "Cannot monitor the power state of the VMs"
# If vCenter reports that more is waiting but never delivers all of it, other calls must still get a turn.
MOST_PAGES = 1000


@dataclass(frozen=True)
class News:
    """Changes. properties: new values only. missing: objects that do not exist."""

    properties: Mapping[ManagedObject, Properties] = field(default_factory=dict)
    missing: frozenset[ManagedObject] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.properties or self.missing)

    def and_also(self, other: News) -> News:
        """Both together, for different objects."""
        return News({**self.properties, **other.properties}, self.missing | other.missing)


class FilterUpdates:
    """A property filter in its own collector, in one session. The first changes are the current values."""

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
        """Start monitoring; logs in again if the session was lost."""
        wanted = frozenset(refs)
        return soap.attempt(lambda session: cls(session, wanted, paths))

    def news(self, seconds: int) -> News:
        """The changes since the last call; empty if there are none for this many seconds (0: do not wait)."""
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
            # The simulator silently omits missing objects.
            missing |= self._unseen
        return News(properties, frozenset(missing))

    def close(self) -> None:
        """End the filter."""
        # If that fails, it ends with its session; the results so far are still valid.
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
    """A value of pyVmomi in the format of a bulk read; of the monitored paths, only faults differ."""
    if isinstance(value, _pyvmomi.vmodl.MethodFault):
        return Fault(fault_name(value), (value.msg or "").strip())
    return value


class PolledUpdates:
    """Bulk reads of the objects."""

    def __init__(self, soap: Soap) -> None:
        self._soap = soap

    def news(self, refs: Sequence[ManagedObject], paths: Paths) -> News:
        """The current values."""
        properties: dict[ManagedObject, Properties] = {}
        for start in range(0, len(refs), OBJECTS_PER_CALL):
            page = refs[start : start + OBJECTS_PER_CALL]
            properties |= self._read(page, paths)
        return News(properties, frozenset(refs) - properties.keys())

    def _read(self, refs: Sequence[ManagedObject], paths: Paths) -> dict[ManagedObject, Properties]:
        return self._soap.attempt(lambda session: read_properties(session, Query(refs, paths), WHAT))
