# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bulk reads of properties: one call for up to 1,000 objects, never one per object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..core.inventory import ManagedObject
from . import _pyvmomi
from .answers import Page, read_page
from .soap import SoapSession

OBJECTS_PER_CALL = 1000
GONE, LOST = "ManagedObjectNotFound", "NotAuthenticated"

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
    # One more, for the definitions of the custom attributes that come with a full page.
    options = _pyvmomi.vmodl.query.PropertyCollector.RetrieveOptions(maxObjects=OBJECTS_PER_CALL + 1)
    found: dict[ManagedObject, Properties] = {}
    page = _page(session, "RetrievePropertiesEx", what, [spec], options)
    while True:
        found.update((entry.ref, entry.properties) for entry in page.objects if GONE not in entry.faults)
        if not page.token:
            return found
        page = _page(session, "ContinueRetrievePropertiesEx", what, page.token)


def _page(session: SoapSession, name: str, what: str, *arguments: Any) -> Page:
    collector = session.content.propertyCollector
    return session.call(name, what, lambda: _checked(read_page(session.stub.ask(collector, name, *arguments))))


def _checked(page: Page) -> Page:
    """A lost session raises nothing here: it shows as a fault in place of every property."""
    if any(LOST in entry.faults for entry in page.objects):
        raise _pyvmomi.vim.fault.NotAuthenticated()
    return page


def reference(entry: Any) -> ManagedObject:
    """Our reference for an object of pyVmomi."""
    return ManagedObject(type(entry).__name__.rpartition(".")[2], str(entry._moId))
