# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of the property collector, read without pyVmomi."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree.ElementTree import ParseError

import pytest

from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.vcenter.transport.soap_codec import Fault, Page, read_page, read_reference

VM = ManagedObject("VirtualMachine", "vm-42")


def an_answer(content: str) -> bytes:
    schema = 'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    return f"""<?xml version="1.0" encoding="UTF-8"?>
      <soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" {schema}><soapenv:Body>
      <RetrievePropertiesExResponse xmlns="urn:vim25">{content}</RetrievePropertiesExResponse>
      </soapenv:Body></soapenv:Envelope>""".encode()


def value(xml: str) -> object:
    prop = f"<propSet><name>p</name>{xml}</propSet>"
    body = f'<returnval><objects><obj type="VirtualMachine">vm-42</obj>{prop}</objects></returnval>'
    return read_page(an_answer(body)).objects[0].properties["p"]


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ('<val xsi:type="xsd:string">a &lt;b&gt;</val>', "a <b>"),
        ('<val xsi:type="xsd:string"></val>', ""),
        ('<val xsi:type="VirtualMachinePowerState">poweredOn</val>', "poweredOn"),
        ('<val xsi:type="xsd:boolean">true</val>', True),
        ('<val xsi:type="xsd:boolean">false</val>', False),
        ('<val xsi:type="xsd:int">4096</val>', 4096),
        ('<val xsi:type="xsd:dateTime">2026-11-24T10:00:00.5Z</val>', datetime(2026, 11, 24, 10, 0, 0, 500000, UTC)),
        (
            '<val type="HostSystem" xsi:type="ManagedObjectReference">host-7</val>',
            ManagedObject("HostSystem", "host-7"),
        ),
        (
            '<val xsi:type="ArrayOfCustomFieldValue"><CustomFieldValue xsi:type="CustomFieldStringValue">'
            '<key>100</key><value xsi:type="xsd:string">x</value></CustomFieldValue></val>',
            ({"kind": "CustomFieldStringValue", "key": "100", "value": "x"},),
        ),
        (
            '<val xsi:type="ArrayOfManagedObjectReference">'
            '<ManagedObjectReference type="VirtualMachine">vm-42</ManagedObjectReference></val>',
            (VM,),
        ),
        (
            '<val xsi:type="LocalizedMethodFault"><fault xsi:type="TaskInProgress"/>'
            "<localizedMessage>The VM is busy.</localizedMessage></val>",
            Fault("TaskInProgress", "The VM is busy."),
        ),
    ],
)
def test_each_kind_of_value_is_read_as_what_it_is(xml: str, expected: object) -> None:
    assert value(xml) == expected


def test_a_part_that_is_repeated_is_a_list() -> None:
    assert value("<val><host>a</host><host>b</host><name>n</name></val>") == {"host": ["a", "b"], "name": "n"}


def test_what_is_missing_names_its_fault() -> None:
    missing = '<missingSet><path>name</path><fault><fault xsi:type="NotAuthenticated"/></fault></missingSet>'
    body = f'<returnval><token>t1</token><objects><obj type="VirtualMachine">vm-42</obj>{missing}</objects></returnval>'
    page = read_page(an_answer(body))
    assert page.token == "t1"
    assert page.objects[0].ref == VM
    assert page.objects[0].faults == {"NotAuthenticated"}


def test_an_answer_without_objects_is_an_empty_last_page() -> None:
    assert read_page(an_answer("")) == Page([])


def test_a_page_that_is_no_xml_is_refused() -> None:
    with pytest.raises(ParseError):
        read_page(b"502 Bad Gateway")


def test_the_reference_of_a_task_is_read_and_an_answer_without_one_is_refused() -> None:
    assert read_reference(an_answer('<returnval type="Task">task-7</returnval>')) == ManagedObject("Task", "task-7")
    for body in (an_answer(""), an_answer('<returnval type="Task"/>')):
        with pytest.raises(ValueError, match="no reference"):
            read_reference(body)
