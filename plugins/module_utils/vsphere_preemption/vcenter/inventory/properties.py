# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bulk reads of properties: one call for up to 1,000 objects, never one per object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...core.inventory import ManagedObject
from ..transport import _pyvmomi
from ..transport.requests import Paths, Query, retrieve_properties
from ..transport.soap import SoapSession
from ..transport.soap_codec import Page, read_page

OBJECTS_PER_CALL = 1000
GONE, LOST = "ManagedObjectNotFound", "NotAuthenticated"

# The values that an object has, by path. A property that is not set is missing.
Properties = Mapping[str, Any]


def filter_spec(session: SoapSession, refs: Iterable[ManagedObject], paths: Paths) -> Any:
    """The specification of a property filter."""
    query = _pyvmomi.vmodl.query.PropertyCollector
    return query.FilterSpec(
        objectSet=[query.ObjectSpec(obj=session.object(ref)) for ref in refs],
        propSet=[
            query.PropertySpec(type=getattr(_pyvmomi.vim, kind), pathSet=list(wanted)) for kind, wanted in paths.items()
        ],
        # Otherwise one deleted object would fail the call for all of them.
        reportMissingObjectsInResults=True,
    )


def read_properties(session: SoapSession, query: Query, what: str) -> dict[ManagedObject, Properties]:
    """The properties of the objects that exist. All pages are read, regardless of their size."""
    found: dict[ManagedObject, Properties] = {}
    page = _first_page(session, query, what)
    while True:
        found.update((entry.ref, entry.properties) for entry in page.objects if GONE not in entry.faults)
        if not page.token:
            return found
        page = _next_page(session, page.token, what)


def _first_page(session: SoapSession, query: Query, what: str) -> Page:
    collector, name = session.content.propertyCollector, "RetrievePropertiesEx"
    # One more, for the definitions of the custom attributes in addition to a full page.
    body = retrieve_properties(reference(collector), query, OBJECTS_PER_CALL + 1)
    return session.call(name, what, lambda: _checked(read_page(session.stub.send(body))))


def _next_page(session: SoapSession, token: str, what: str) -> Page:
    collector, name = session.content.propertyCollector, "ContinueRetrievePropertiesEx"
    return session.call(name, what, lambda: _checked(read_page(session.stub.ask(collector, name, token))))


def _checked(page: Page) -> Page:
    """A lost session does not raise an error here: it appears as a fault in place of every property."""
    if any(LOST in entry.faults for entry in page.objects):
        raise _pyvmomi.vim.fault.NotAuthenticated()
    return page


def reference(entry: Any) -> ManagedObject:
    """Our reference for an object of pyVmomi."""
    return ManagedObject(type(entry).__name__.rpartition(".")[2], str(entry._moId))
