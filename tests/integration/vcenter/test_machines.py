# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy needs to know about VMs, with govc as the witness."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.govc import Govc
from support.vcsim import VCSim
from support.witness import Witness, vim
from vsphere_preemption.core.inventory import ManagedObject, VirtualMachine
from vsphere_preemption.vcenter.client import VCenter

from .conftest import TAGGED, Clients

Refs = list[ManagedObject]
VM = TAGGED[0]


@pytest.fixture
def client(vcsim: VCSim, clients: Clients) -> VCenter:
    return clients.open(vcsim)


@pytest.fixture
def witness(vcsim: VCSim) -> Iterator[Witness]:
    with contextlib.closing(vcsim.witness()) as witness:
        yield witness


def full(client: VCenter) -> dict[str, VirtualMachine]:
    return {machine.name: machine for machine in client.tagged("preemptible").machines}


def info(govc: Govc, kind: str, path: str) -> Any:
    """What govc says about a VM or a host."""
    (found,) = json.loads(govc.run(f"{kind}.info", "-json", path)).popitem()[1]
    return found


def as_reference(found: dict[str, str]) -> ManagedObject:
    return ManagedObject(found["type"], found["value"])


def test_a_vm_is_where_govc_sees_it(govc: Govc, refs: Refs, client: VCenter) -> None:
    for machine in client.read(refs).values():
        seen = info(govc, "vm", govc.path_of(machine.name))
        places = (machine.host, machine.pool, machine.folder)
        assert places == tuple(map(as_reference, (seen["runtime"]["host"], seen["resourcePool"], seen["parent"])))


def test_a_template_has_no_resource_pool(govc: Govc, refs: Refs, client: VCenter) -> None:
    govc.power("off", VM)
    govc.run("vm.markastemplate", govc.path_of(VM))
    machine = client.read(refs)[refs[0]]
    assert (machine.template, machine.pool) == (True, None)
    assert machine.folder is not None


def test_the_configured_size_is_read(govc: Govc, refs: Refs, client: VCenter) -> None:
    govc.power("off", VM)
    govc.run("vm.change", "-vm", govc.path_of(VM), "-m", "3072", "-c", "4")
    machine = full(client)[VM]
    host = info(govc, "host", "/DC0/host/DC0_C0/DC0_C0_H0")
    assert machine.memory_mib == 3072
    assert machine.cpu_mhz == 4 * host["summary"]["hardware"]["cpuMhz"] > 0


def test_what_a_vm_uses_is_read_and_nothing_is_zero(refs: Refs, client: VCenter, witness: Witness) -> None:
    witness.set_property(refs[0].value, "summary.quickStats.hostMemoryUsage", 2048)
    witness.set_property(refs[0].value, "summary.quickStats.overallCpuUsage", 750)
    machines = full(client)
    assert (machines[VM].memory_used_mib, machines[VM].cpu_used_mhz) == (2048, 750)
    assert (machines[TAGGED[1]].memory_used_mib, machines[TAGGED[1]].cpu_used_mhz) == (0, 0)


def test_the_time_of_the_last_power_on_is_read(govc: Govc, refs: Refs, client: VCenter) -> None:
    govc.power("off", VM)
    assert full(client)[VM].boot_time is None
    govc.power("on", VM)
    boot_time = full(client)[VM].boot_time
    assert boot_time is not None
    assert abs(datetime.now(UTC) - boot_time) < timedelta(minutes=1)


def test_vms_on_a_host_in_maintenance_mode_say_so(govc: Govc, refs: Refs, client: VCenter) -> None:
    assert not any(machine.in_maintenance for machine in full(client).values())
    host = full(client)[VM].host
    paths = govc.run("find", "/", "-type", "h").split()
    govc.run("host.maintenance.enter", next(p for p in paths if as_reference(info(govc, "host", p)["self"]) == host))
    machines = full(client)
    assert machines[VM].in_maintenance
    assert all(machine.in_maintenance == (machine.host == host) for machine in machines.values())


def test_custom_attributes_are_read_by_name(govc: Govc, refs: Refs, client: VCenter) -> None:
    for name, value in (("group", "db & web"), ("empty", "")):
        govc.run("fields.add", "-type", "VirtualMachine", name)
        govc.set_attribute(name, value, VM)
    machines = full(client)
    assert machines[VM].attributes == {"group": "db & web"}
    assert machines[TAGGED[1]].attributes == {}


def test_the_mark_is_among_the_custom_attributes_of_a_full_read(refs: Refs, client: VCenter) -> None:
    client.write_mark(refs[0], "mine")
    assert full(client)[VM].mark == "mine"


@pytest.mark.parametrize(
    ("key", "kind", "agent"),
    [
        ("com.vmware.vim.eam", "cluster-agent", True),
        ("com.vmware.vim.eam", "", True),
        ("VirtualCenter", "vcls-entity", True),
        ("VirtualCenter", "something else", False),
        ("com.example.backup", "proxy", False),
    ],
)
def test_a_vm_of_an_agent_manager_is_an_agent(
    refs: Refs, client: VCenter, witness: Witness, key: str, kind: str, agent: bool
) -> None:
    witness.set_property(refs[0].value, "config.managedBy", vim.ext.ManagedByInfo(extensionKey=key, type=kind))
    assert [machine.agent for machine in client.read(refs).values()] == [agent, False, False]


@pytest.mark.parametrize(("role", "secondary"), [(1, False), (2, True)])
def test_the_shadow_of_a_fault_tolerant_vm_is_told(
    refs: Refs, client: VCenter, witness: Witness, role: int, secondary: bool
) -> None:
    found = vim.vm.FaultToleranceConfigInfo(role=role, instanceUuids=["a", "b"], configPaths=["c", "d"])
    witness.set_property(refs[0].value, "config.ftInfo", found)
    assert [machine.ft_secondary for machine in client.read(refs).values()] == [secondary, False, False]


def test_a_vm_that_waits_for_an_answer_says_so(refs: Refs, client: VCenter, witness: Witness) -> None:
    choice = vim.option.ChoiceOption(choiceInfo=[vim.ElementDescription(key="0", label="Yes", summary="Yes")])
    question = vim.vm.QuestionInfo(id="17", text="Was it moved or copied?", choice=choice)
    witness.set_property(refs[0].value, "runtime.question", question)
    assert [machine.question for machine in client.read(refs).values()] == [True, False, False]


def test_a_base_read_is_one_call_and_leaves_out_what_only_a_plan_needs(
    refs: Refs, client: VCenter, clients: Clients
) -> None:
    client.tagged("preemptible")
    clients.calls()
    machine = client.read(refs)[refs[0]]
    assert clients.calls() == ["RetrievePropertiesEx"]
    assert (machine.memory_mib, machine.cpu_mhz, machine.boot_time, machine.attributes) == (0, 0, None, {})
