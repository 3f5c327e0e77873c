# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What carries a tag, as values, with a number of calls that does not grow with the VMs."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from support.govc import Govc
from support.vcenter_faults import Status
from support.vcenter_proxy import VCenterProxy
from support.vcsim import VCSim
from vsphere_preemption.core.errors import TagAmbiguous, TagNotFound
from vsphere_preemption.core.inventory import ManagedObject, PowerState
from vsphere_preemption.vcenter.client import VCenter

from .conftest import TAGGED, Clients

Refs = list[ManagedObject]
HOST = "/DC0/host/DC0_C0/DC0_C0_H0"
FOLDER = "/DC0/vm"


@pytest.fixture
def client(vcsim: VCSim, clients: Clients) -> VCenter:
    return clients.open(vcsim)


def test_tagged_vms_are_read_as_they_are(vcsim: VCSim, govc: Govc, refs: Refs, client: VCenter) -> None:
    govc.power("off", TAGGED[0])
    govc.power("suspend", TAGGED[1])
    with contextlib.closing(vcsim.witness()) as witness:
        witness.set_property(refs[2].value, "config.template", True)
        witness.set_property(refs[1].value, "runtime.connectionState", "disconnected")
    machines = {machine.name: machine for machine in client.tagged("preemptible").machines}
    assert {name: machine.power_state for name, machine in machines.items()} == {
        TAGGED[0]: PowerState.OFF,
        TAGGED[1]: PowerState.SUSPENDED,
        TAGGED[2]: PowerState.ON,
    }
    assert [machines[name].template for name in TAGGED] == [False, False, True]
    assert [machines[name].connected for name in TAGGED] == [True, False, True]


def test_a_known_tag_takes_two_rest_calls_and_two_reads(refs: Refs, client: VCenter, clients: Clients) -> None:
    client.tagged("preemptible")
    clients.calls()
    client.tagged("preemptible")
    assert clients.calls() == ["RetrievePropertiesEx"] * 2 + ["get-tag", "list-attached-objects"]


def test_a_recheck_takes_two_calls(refs: Refs, client: VCenter, clients: Clients) -> None:
    client.tagged("preemptible")
    clients.calls()
    assert set(client.recheck("preemptible", refs)) == set(refs)
    assert clients.calls() == ["RetrievePropertiesEx", "list-attached-tags-on-objects"]


def test_marks_are_read_without_a_call_of_their_own(refs: Refs, client: VCenter, clients: Clients) -> None:
    client.write_mark(refs[0], "mine")
    clients.calls()
    assert [machine.mark for machine in client.read(refs).values()] == ["mine", None, None]
    assert clients.calls() == ["RetrievePropertiesEx"]


def test_tagged_objects_that_are_no_vms_are_told_apart(govc: Govc, refs: Refs, client: VCenter) -> None:
    for path in (HOST, FOLDER):
        govc.attach_tag("preemption", "preemptible", path)
    tagged = client.tagged("preemptible")
    assert [machine.ref for machine in tagged.machines] == refs
    assert sorted(other.type for other in tagged.others) == ["Folder", "HostSystem"]


def test_deleted_vms_that_the_tag_still_names_are_told_apart(govc: Govc, refs: Refs, client: VCenter) -> None:
    govc.destroy(TAGGED[1])
    tagged = client.tagged("preemptible")
    assert [machine.ref for machine in tagged.machines] == [refs[0], refs[2]]
    assert tagged.gone == (refs[1],)


def test_a_recheck_leaves_out_what_is_gone_or_has_lost_the_tag(govc: Govc, refs: Refs, client: VCenter) -> None:
    client.tagged("preemptible")
    govc.destroy(TAGGED[1])
    govc.detach_tag("preemption", "preemptible", govc.path_of(TAGGED[2]))
    govc.power("off", TAGGED[0])
    (machine,) = client.recheck("preemptible", refs).values()
    assert (machine.ref, machine.power_state) == (refs[0], PowerState.OFF)


def test_a_tag_is_found_by_name_by_category_and_by_urn(vcsim: VCSim, govc: Govc, refs: Refs, client: VCenter) -> None:
    found = client.tagged("preemptible")
    assert len(found.machines) == 3
    for name in ("preemption/preemptible", govc.tags()["preemption/preemptible"]):
        assert client.tagged(name) == found


def test_a_name_in_two_categories_must_be_told_with_its_category(vcsim: VCSim, refs: Refs, client: VCenter) -> None:
    vcsim.tag_machines(TAGGED[:1], category="night")
    with pytest.raises(TagAmbiguous, match="night/preemptible, preemption/preemptible"):
        client.tagged("preemptible")
    assert [machine.ref for machine in client.tagged("night/preemptible").machines] == refs[:1]


def test_a_renamed_tag_is_not_used_under_its_old_name(govc: Govc, refs: Refs, client: VCenter) -> None:
    client.tagged("preemptible")
    govc.rename_tag("preemption", "preemptible", "spared")
    with pytest.raises(TagNotFound):
        client.tagged("preemptible")
    assert len(client.tagged("spared").machines) == 3


def test_a_deleted_tag_is_not_found_and_a_new_one_of_its_name_is(
    vcsim: VCSim, govc: Govc, refs: Refs, client: VCenter
) -> None:
    client.tagged("preemptible")
    govc.remove_tag("preemption", "preemptible")
    assert client.recheck("preemptible", refs) == {}
    with pytest.raises(TagNotFound):
        client.tagged("preemptible")
    vcsim.tag_machines(TAGGED[:2])
    assert [machine.ref for machine in client.tagged("preemptible").machines] == refs[:2]
    assert set(client.recheck("preemptible", refs)) == set(refs[:2])


def test_a_tag_that_nothing_carries_has_nothing(vcsim: VCSim, govc: Govc, client: VCenter) -> None:
    govc.create_tag("preemption", "preemptible")
    tagged = client.tagged("preemptible")
    assert (tagged.machines, tagged.others, tagged.gone) == ((), (), ())


def test_nothing_asked_is_nothing_called(client: VCenter, clients: Clients) -> None:
    assert client.recheck("preemptible", []) == {}
    assert client.read([]) == {}
    assert clients.calls() == []


def test_small_pages_of_vcenter_are_put_together(
    vcsim: VCSim, refs: Refs, client: VCenter, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vsphere_preemption.vcenter.inventory.properties.OBJECTS_PER_CALL", 0)
    assert set(client.read(refs)) == set(refs)
    assert clients.calls().count("ContinueRetrievePropertiesEx") == 3


def test_the_calls_do_not_grow_with_the_vms(vcsim: VCSim, clients: Clients) -> None:
    names = sorted(vcsim.govc().power_states())
    vcsim.tag_machines(names)
    client = clients.open(vcsim)
    client.tagged("preemptible")
    clients.calls()
    tagged = client.tagged("preemptible")
    assert len(tagged.machines) == 10
    assert len(clients.calls()) == 4
    assert len(client.recheck("preemptible", [machine.ref for machine in tagged.machines])) == 10
    assert len(clients.calls()) == 2


def test_tags_are_sought_under_api_first(vcenter_proxy: VCenterProxy, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcenter_proxy)
    client.tagged("preemptible")
    assert vcenter_proxy.calls.count("REST POST /api/session") == 1
    vcenter_proxy.end_rest_sessions()
    client.tagged("preemptible")
    assert vcenter_proxy.calls.count("REST POST /api/*") == 1


def test_a_busy_tag_service_is_a_passing_trouble(vcenter_proxy: VCenterProxy, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcenter_proxy)
    tagged = client.tagged("preemptible")
    vcenter_proxy.on("REST POST*list-attached-objects", Status(503))
    with pytest.raises(Exception, match="HTTP 503") as caught:
        client.tagged("preemptible")
    assert getattr(caught.value, "retryable", False)
    assert replace(client.tagged("preemptible")) == tagged
