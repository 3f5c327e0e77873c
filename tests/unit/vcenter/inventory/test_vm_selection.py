# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing VMs by name, path, reference, folder and pattern. The inventory is written by hand."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.errors import PlaceAmbiguous, PlaceNotFound
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.setup.tag import VmSelection
from vsphere_preemption.core.setup_errors import MachineAmbiguous, MachineNotFound
from vsphere_preemption.vcenter.inventory.tree import Node
from vsphere_preemption.vcenter.inventory.vm_selection import MachineList

ROOT = ManagedObject("Folder", "group-0")


def vm(number: int) -> ManagedObject:
    return ManagedObject("VirtualMachine", f"vm-{number}")


def folder(value: str, name: str, parent: str) -> Node:
    above = ManagedObject("Datacenter" if parent.startswith("dc") else "Folder", parent)
    return Node(ManagedObject("Folder", value), name, above, for_machines=True)


NODES = [
    Node(ManagedObject("Datacenter", "dc-1"), "Bonn", ROOT),
    folder("group-1", "vm", "dc-1"),
    folder("group-2", "batch", "group-1"),
    folder("group-3", "night%2fday", "group-2"),
    folder("group-4", "lab", "group-1"),
    Node(ManagedObject("VirtualApp", "vapp-1"), "shop", ManagedObject("Folder", "group-2")),
    Node(vm(1), "web-1", ManagedObject("Folder", "group-1")),
    Node(vm(2), "Batch-2", ManagedObject("Folder", "group-2")),
    Node(vm(3), "batch-3", ManagedObject("Folder", "group-3")),
    Node(vm(4), "till%2f4", ManagedObject("VirtualApp", "vapp-1")),
    Node(vm(5), "web-1", ManagedObject("Folder", "group-4")),
    Node(vm(6), "batch-template", ManagedObject("Folder", "group-2")),
    Node(vm(7), "vm-1", ManagedObject("Folder", "group-4")),
    Node(vm(8), "", ManagedObject("Folder", "group-4")),
]
MACHINES = MachineList(ROOT, NODES, [vm(6)])


def chosen(*vms: str, folder: str = "", pattern: str = "", all_must_exist: bool = True) -> list[int]:
    """The numbers of the VMs that are chosen."""
    found = MACHINES.choose(VmSelection(vms, folder, pattern), all_must_exist=all_must_exist)
    return sorted(int(ref.value.removeprefix("vm-")) for ref in found.refs)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        pytest.param("Batch-2", 2, id="name"),
        pytest.param("vm-3", 3, id="reference"),
        pytest.param("VirtualMachine:vm-1", 1, id="reference with type"),
        pytest.param("/Bonn/vm/web-1", 1, id="path"),
        pytest.param("/Bonn/vm/lab/web-1/", 5, id="path of another"),
        pytest.param("till/4", 4, id="name with a slash as people see it"),
        pytest.param("till%2f4", 4, id="name with a slash as vCenter writes it"),
        pytest.param("/Bonn/vm/batch/shop/till%2F4", 4, id="path through a vApp"),
        pytest.param("/Bonn/vm/batch/night%2fday/batch-3", 3, id="path with an escaped name"),
        pytest.param("batch-template", 6, id="template by its name"),
    ],
)
def test_a_vm_is_found_by(written: str, number: int) -> None:
    assert chosen(written) == [number]
    assert chosen(written, written, str(vm(number))) == [number]


def test_a_name_that_fits_several_is_refused_with_their_paths() -> None:
    with pytest.raises(MachineAmbiguous, match=r"/Bonn/vm/lab/web-1 \(vm-5\), /Bonn/vm/web-1 \(vm-1\)"):
        chosen("web-1")
    with pytest.raises(MachineAmbiguous, match=r"'vm-1'"):
        chosen("vm-1", all_must_exist=False)


@pytest.mark.parametrize("written", ["batch-2", "/Bonn/vm/Batch-2", "/web-1", "/", "", "group-2", "web-*"])
def test_what_fits_no_vm_is_refused_unless_it_may_be_missing(written: str) -> None:
    with pytest.raises(MachineNotFound, match="Cannot find all VMs"):
        chosen("Batch-2", written)
    assert chosen("Batch-2", written, all_must_exist=False) == [2]


def test_many_that_are_missing_are_counted() -> None:
    with pytest.raises(MachineNotFound, match="'no-9', 3 more"):
        chosen(*(f"no-{number}" for number in range(13)))


def test_a_folder_holds_all_below_it_but_no_template() -> None:
    assert chosen(folder="/Bonn/vm/batch") == chosen(folder="batch") == chosen(folder="group-2") == [2, 3, 4]
    assert chosen(folder="night/day") == [3]
    assert chosen(folder="vm") == [1, 2, 3, 4, 5, 7, 8]


def test_a_pattern_narrows_a_folder_and_stands_alone() -> None:
    assert chosen(pattern="BATCH-*") == [2, 3]
    assert chosen(pattern="till/?") == [4]
    assert chosen(folder="lab", pattern="web*") == [5]
    assert chosen("Batch-2", folder="lab", pattern="web*") == [2, 5]
    assert chosen(pattern="nothing*") == chosen() == []


def test_a_folder_that_is_none_is_refused() -> None:
    with pytest.raises(PlaceNotFound):
        chosen(folder="nowhere")
    with pytest.raises(PlaceNotFound, match="VirtualMachine"):
        chosen(folder="Batch-2")
    twice = MachineList(ROOT, [*NODES, folder("group-9", "batch", "group-4")])
    with pytest.raises(PlaceAmbiguous):
        twice.choose(VmSelection(folder="batch"))


def test_the_names_of_all_vms_come_along() -> None:
    found = MACHINES.choose(VmSelection(exclusive=True))
    assert (len(found.names), found.names[vm(3)], found.exclusive) == (8, "batch-3", True)
