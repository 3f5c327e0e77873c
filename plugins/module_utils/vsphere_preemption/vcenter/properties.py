# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bulk reads of properties: one call for up to 1,000 objects, never one per object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..core.inventory import ManagedObject
from . import _pyvmomi
from .faults import fault_name
from .soap import SoapSession

OBJECTS_PER_CALL = 1000

# The values that an object has, by path. A property that is not set is missing.
Properties = Mapping[str, Any]
# Property paths by type of object.
Paths = Mapping[str, Sequence[str]]


def filter_spec(session: SoapSession, refs: Iterable[ManagedObject], paths: Paths, extra: Sequence[Any] = ()) -> Any:
    """What to read. extra: objects of pyVmomi that are read too."""
    query = _pyvmomi.vmodl.query.PropertyCollector
    objects = [*(session.object(ref) for ref in refs), *extra]
    return query.FilterSpec(
        objectSet=[query.ObjectSpec(obj=entry) for entry in objects],
        propSet=[
            query.PropertySpec(type=getattr(_pyvmomi.vim, kind), pathSet=list(wanted)) for kind, wanted in paths.items()
        ],
        # One deleted object would else fail the call for all of them.
        reportMissingObjectsInResults=True,
    )


def read_properties(session: SoapSession, spec: Any, what: str) -> dict[ManagedObject, Properties]:
    """The properties of the objects that exist. All pages are read, however small vCenter makes them."""
    collector = session.content.propertyCollector
    # One more, for the definitions of the custom attributes that come with a full page.
    options = _pyvmomi.vmodl.query.PropertyCollector.RetrieveOptions(maxObjects=OBJECTS_PER_CALL + 1)
    found: dict[ManagedObject, Properties] = {}
    page = session.call("RetrievePropertiesEx", what, lambda: _checked(collector.RetrievePropertiesEx([spec], options)))
    while page is not None:
        found.update(_existing(page.objects))
        page = _next_page(session, page.token, what) if page.token else None
    return found


def _next_page(session: SoapSession, token: str, what: str) -> Any:
    collector = session.content.propertyCollector
    return session.call(
        "ContinueRetrievePropertiesEx", what, lambda: _checked(collector.ContinueRetrievePropertiesEx(token))
    )


def reference(entry: Any) -> ManagedObject:
    """Our reference for an object of pyVmomi."""
    return ManagedObject(type(entry).__name__.rpartition(".")[2], str(entry._moId))


def _checked(page: Any) -> Any:
    """A lost session raises nothing here: it shows as a fault in place of every property."""
    for entry in page.objects if page is not None else ():
        for missing in entry.missingSet:
            if fault_name(missing.fault) == "NotAuthenticated":
                raise missing.fault
    return page


def _existing(objects: Iterable[Any]) -> Iterator[tuple[ManagedObject, Properties]]:
    for entry in objects:
        if not any(fault_name(missing.fault) == "ManagedObjectNotFound" for missing in entry.missingSet):
            yield reference(entry.obj), {item.name: item.val for item in entry.propSet}
