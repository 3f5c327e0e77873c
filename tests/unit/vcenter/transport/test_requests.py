# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand-written requests say what pyVmomi's would say."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from pyVmomi import SoapAdapter

from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.vcenter.transport import _pyvmomi
from vsphere_preemption.vcenter.transport.requests import (
    Paths,
    Query,
    call_without_arguments,
    retrieve_properties,
    set_field,
)

COLLECTOR = ManagedObject("PropertyCollector", "propertyCollector")
VMS = [ManagedObject("VirtualMachine", f"vm-{number}") for number in (1, 2)]
PATHS: Paths = {"VirtualMachine": ("name", "runtime.host"), "HostSystem": ("runtime.inMaintenanceMode",)}
KIND = "{http://www.w3.org/2001/XMLSchema-instance}type"


def by_pyvmomi(query: Query, most_objects: int) -> bytes:
    """The same request from pyVmomi."""
    makers: Any = _pyvmomi.vmodl.query.PropertyCollector
    stub: Any = SoapAdapter.SoapStubAdapter(  # type: ignore[no-untyped-call]
        host="vcenter.example", version="vim.version.version10"
    )

    def an_object(ref: ManagedObject) -> Any:
        ways = [
            makers.TraversalSpec(type=getattr(_pyvmomi.vim, kind), path=path)
            for kind, path in query.through.items()
            if kind == ref.type
        ]
        return makers.ObjectSpec(obj=getattr(_pyvmomi.vim, ref.type)(ref.value, stub), selectSet=ways)

    spec = makers.FilterSpec(
        objectSet=[an_object(ref) for ref in query.refs],
        propSet=[
            makers.PropertySpec(type=getattr(_pyvmomi.vim, kind), pathSet=list(paths))
            for kind, paths in query.paths.items()
        ],
        reportMissingObjectsInResults=True,
    )
    collector = makers(COLLECTOR.value, stub)
    method = collector._GetMethodInfo("RetrievePropertiesEx")
    options = makers.RetrieveOptions(maxObjects=most_objects)
    request: bytes = stub.SerializeRequest(collector, method, ([spec], options))
    return request


def as_tree(element: Element) -> Any:
    """What counts in an element: its name, type and text, and its parts in their order."""
    kinds = {name: value.rpartition(":")[2] for name, value in element.attrib.items() if name in ("type", KIND)}
    return element.tag, kinds, element.text or "", [as_tree(part) for part in element]


@pytest.mark.parametrize(
    "query",
    [
        Query(VMS, PATHS),
        Query([*VMS, ManagedObject("HostSystem", "host-7")], PATHS, {"VirtualMachine": "runtime.host"}),
    ],
    ids=["plain", "with a way to further objects"],
)
def test_the_request_is_the_one_that_pyvmomi_writes(query: Query) -> None:
    body = ElementTree.fromstring(retrieve_properties(COLLECTOR, query, 1001))
    expected = ElementTree.fromstring(by_pyvmomi(query, 1001))
    assert [as_tree(part) for part in body.iter("{urn:vim25}RetrievePropertiesEx")] == [
        as_tree(part) for part in expected.iter("{urn:vim25}RetrievePropertiesEx")
    ]


def test_a_reference_cannot_break_out_of_its_place() -> None:
    odd = ManagedObject('Virtual"Machine', "vm-1</obj><obj>&")
    body = retrieve_properties(COLLECTOR, Query([odd], {"A<B": ("c&d",)}), 1)
    (found,) = ElementTree.fromstring(body).iter("{urn:vim25}obj")
    assert (found.get("type"), found.text) == (odd.type, odd.value)


def of_pyvmomi(entity: ManagedObject, method: str, *arguments: object) -> bytes:
    stub: Any = SoapAdapter.SoapStubAdapter(  # type: ignore[no-untyped-call]
        host="vcenter.example", version="vim.version.version10"
    )
    here = getattr(_pyvmomi.vim, entity.type)(entity.value, stub)
    made = [
        getattr(_pyvmomi.vim, one.type)(one.value, stub) if isinstance(one, ManagedObject) else one for one in arguments
    ]
    request: bytes = stub.SerializeRequest(here, here._GetMethodInfo(method), made)
    return request


def body_of(request: bytes) -> Any:
    return as_tree(ElementTree.fromstring(request)[-1])


@pytest.mark.parametrize("value", ["", '{"a":"<b> & \'c\'"}', "ü\U0001f4a5"])
def test_a_mark_is_written_as_it_is(value: str) -> None:
    manager = ManagedObject("CustomFieldsManager", "CustomFieldsManager")
    assert body_of(set_field(manager, VMS[0], 100, value)) == body_of(
        of_pyvmomi(manager, "SetField", VMS[0], 100, value)
    )


@pytest.mark.parametrize(("wire", "name"), [("PowerOffVM_Task", "PowerOff"), ("ShutdownGuest", "ShutdownGuest")])
def test_a_call_without_arguments_names_its_vm(wire: str, name: str) -> None:
    assert body_of(call_without_arguments(wire, VMS[0])) == body_of(of_pyvmomi(VMS[0], name))
