# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tags of VMs by name, with govc as the witness."""

from __future__ import annotations

import pytest

from support.govc import Govc
from support.vcsim import VCSim
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.vcenter.client import VCenter

from .conftest import TAGGED, Clients

Refs = list[ManagedObject]
OWN = "preemption/preemptible"


@pytest.fixture
def client(vcsim: VCSim, clients: Clients) -> VCenter:
    return clients.open(vcsim)


@pytest.fixture
def labelled(govc: Govc, refs: Refs) -> dict[str, set[str]]:
    """VMs with tags of two categories; what each carries, by its name."""
    for category, tag, machines in (("tier", "gold", TAGGED[:2]), ("tier", "silver", TAGGED[1:]), ("app", "web", [])):
        govc.create_tag(category, tag)
        for name in machines:
            govc.attach_tag(category, tag, govc.path_of(name))
    return {
        TAGGED[0]: {OWN, "tier/gold"},
        TAGGED[1]: {OWN, "tier/gold", "tier/silver"},
        TAGGED[2]: {OWN, "tier/silver"},
    }


def test_tagged_vms_have_all_their_tags_where_that_is_wanted(labelled: dict[str, set[str]], client: VCenter) -> None:
    found = client.tagged("preemptible", labels=True)
    assert {machine.name: machine.tags for machine in found.machines} == labelled
    assert all(machine.memory_mib for machine in found.machines)
    assert not any(machine.tags for machine in client.tagged("preemptible").machines)


def test_a_recheck_has_the_tags_without_a_further_call(
    labelled: dict[str, set[str]], refs: Refs, client: VCenter, clients: Clients
) -> None:
    client.tagged("preemptible", labels=True)
    clients.calls()
    found = client.recheck("preemptible", refs, labels=True)
    assert clients.calls() == ["RetrievePropertiesEx", "list-attached-tags-on-objects"]
    assert {machine.name: machine.tags for machine in found.values()} == labelled


def test_a_recheck_sees_that_a_tag_came_or_went(
    labelled: dict[str, set[str]], govc: Govc, refs: Refs, client: VCenter
) -> None:
    client.tagged("preemptible", labels=True)
    govc.detach_tag("tier", "gold", govc.path_of(TAGGED[0]))
    govc.attach_tag("app", "web", govc.path_of(TAGGED[0]))
    govc.detach_tag("preemption", "preemptible", govc.path_of(TAGGED[1]))
    found = client.recheck("preemptible", refs, labels=True)
    assert set(found) == {refs[0], refs[2]}
    assert found[refs[0]].tags == {OWN, "app/web"}


def test_the_tags_of_many_vms_cost_one_call_more(vcsim: VCSim, clients: Clients) -> None:
    vcsim.tag_machines(sorted(vcsim.govc().power_states()))
    client = clients.open(vcsim)
    client.tagged("preemptible", labels=True)
    clients.calls()
    assert len(client.tagged("preemptible", labels=True).machines) == 10
    reads = ["RetrievePropertiesEx"] * 2
    assert clients.calls() == [*reads, "get-tag", "list-attached-objects", "list-attached-tags-on-objects"]


def test_other_tagged_objects_do_no_harm(govc: Govc, refs: Refs, client: VCenter) -> None:
    govc.attach_tag("preemption", "preemptible", "/DC0/vm")
    govc.destroy(TAGGED[1])
    found = client.tagged("preemptible", labels=True)
    assert [machine.tags for machine in found.machines] == [{OWN}, {OWN}]
    assert len(found.others) == len(found.gone) == 1
