# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VMs from answers that the simulator does not give."""

from __future__ import annotations

from typing import Any

import pytest

from vsphere_preemption.core.inventory import ManagedObject, PowerState, VirtualMachine
from vsphere_preemption.vcenter.inventory.machines import Definitions, base_machine, full_machine
from vsphere_preemption.vcenter.transport.soap_codec import read_page

from ..transport.test_bulk_answers import an_answer

VM = ManagedObject("VirtualMachine", "vm-42")


def properties(*entries: tuple[str, str]) -> dict[str, Any]:
    """The properties in an answer; entries: path and the element with the value."""
    sets = "".join(f"<propSet><name>{path}</name>{value}</propSet>" for path, value in entries)
    body = f'<returnval><objects><obj type="VirtualMachine">vm-42</obj>{sets}</objects></returnval>'
    return dict(read_page(an_answer(body)).objects[0].properties)


def base(*entries: tuple[str, str]) -> VirtualMachine:
    return base_machine(VM, properties(*entries), Definitions())


def managed_by(key: str, kind: str) -> tuple[str, str]:
    value = f'<val xsi:type="ManagedByInfo"><extensionKey>{key}</extensionKey><type>{kind}</type></val>'
    return "config.managedBy", value


def test_a_vm_that_vcenter_says_nothing_about_has_the_defaults() -> None:
    assert base() == VirtualMachine(VM, "vm-42", PowerState.UNKNOWN, connected=False)
    assert full_machine(VM, {}, Definitions(), {}) == base()


def test_a_question_is_told_by_its_id() -> None:
    assert base(("runtime.question.id", '<val xsi:type="xsd:string">17</val>')).question
    assert not base().question


@pytest.mark.parametrize(("role", "secondary"), [(1, False), (2, True), (3, True)])
def test_every_role_but_the_first_is_a_shadow(role: int, secondary: bool) -> None:
    assert base(("config.ftInfo.role", f'<val xsi:type="xsd:int">{role}</val>')).ft_secondary is secondary


@pytest.mark.parametrize(
    ("key", "kind", "agent"),
    [
        ("com.vmware.vim.eam", "cluster-agent", True),
        ("com.vmware.vim.eam", "anything", True),
        ("VirtualCenter", "vcls-entity", True),
        ("VirtualCenter", "", False),
        ("com.vmware.vim.eam.other", "cluster-agent", False),
    ],
)
def test_agents_are_told_by_who_manages_them(key: str, kind: str, agent: bool) -> None:
    assert base(managed_by(key, kind)).agent is agent


def test_a_name_alone_makes_no_agent() -> None:
    assert not base(("name", '<val xsi:type="xsd:string">vCLS-1234</val>')).agent


def test_a_name_that_the_simulator_gives_without_a_value_is_not_set() -> None:
    assert not base(("runtime.question.id", "")).question


def test_custom_values_have_names_and_those_of_unknown_attributes_are_left_out() -> None:
    entries = "".join(
        f'<CustomFieldValue xsi:type="CustomFieldStringValue"><key>{key}</key>'
        f'<value xsi:type="xsd:string">{value}</value></CustomFieldValue>'
        for key, value in ((100, "mine"), (101, "db"), (102, ""), (103, "x"))
    )
    found = properties(("customValue", f'<val xsi:type="ArrayOfCustomFieldValue">{entries}</val>'))
    machine = full_machine(VM, found, Definitions(100, {100: "mark", 101: "group", 102: "emptied"}), {})
    assert machine.mark == "mine"
    assert machine.attributes == {"mark": "mine", "group": "db"}


def test_without_its_host_the_speed_of_a_vm_is_not_known() -> None:
    found = properties(("config.hardware.numCPU", '<val xsi:type="xsd:int">4</val>'))
    assert full_machine(VM, found, Definitions(), {}).cpu_mhz == 0
    host = {"summary.hardware.cpuMhz": 2500, "runtime.inMaintenanceMode": True}
    machine = full_machine(VM, found, Definitions(), host)
    assert (machine.cpu_mhz, machine.in_maintenance) == (10000, True)
