# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places of a simulated vCenter, with govc as the witness of what is in them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from support.govc import Govc
from support.vcenter_faults import Cut
from support.vcenter_proxy import VCenterProxy
from support.vcsim import WORKER_USER, Model, VCSim
from support.witness import vim
from vsphere_preemption.core.errors import PlaceAmbiguous, PlaceNotFound
from vsphere_preemption.core.inventory import Area, ManagedObject
from vsphere_preemption.core.policy.model import Place, PlaceKind
from vsphere_preemption.vcenter.client import VCenter

from .conftest import Clients

CLUSTER, HOST, POOL = PlaceKind.CLUSTER, PlaceKind.HOST, PlaceKind.RESOURCE_POOL
FOLDER, DATACENTER = PlaceKind.FOLDER, PlaceKind.DATACENTER
C0, C1 = "/DC0/host/Racks/gold", "/DC0/host/DC0_C1"


@pytest.fixture(scope="module")
def vcsim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCSim]:
    """Clusters, one of them in a folder; pools in pools; folders in folders; a second datacenter."""
    model = Model(clusters=2, hosts=2, standalone_hosts=1, machines=1)
    vcsim = VCSim(tmp_path_factory.mktemp("vcsim"), model=model).start()
    govc = vcsim.govc()
    govc.run("folder.create", "/DC0/host/Racks", "/DC0/vm/web", "/DC0/vm/web/inner", "/DC0/vm/other")
    govc.run("folder.create", "/DC0/vm/web/a%2fb")
    govc.run("cluster.create", "-folder", "/DC0/host/Racks", "gold")
    for name in ("esx1", "esx2"):
        govc.run(
            "cluster.add", "-cluster", C0, "-hostname", name, "-username", "root", "-password", "none", "-noverify"
        )
    govc.run("pool.create", f"{C0}/Resources/web", f"{C0}/Resources/web/inner", f"{C1}/Resources/web")
    create_vapp(vcsim, f"{C0}/Resources/web", "/DC0/vm/other", "shop")
    govc.run("datacenter.create", "DC1")
    yield vcsim
    vcsim.stop()


def create_vapp(vcsim: VCSim, pool: str, folder: str, name: str) -> None:
    """govc has no command for it."""
    refs = {path: vcsim.govc().run("find", "-i", path, "-maxdepth", "0").strip() for path in (pool, folder)}
    with contextlib.closing(vcsim.witness()) as witness:
        stub = witness.vm("vm-1")._stub
        parent = vim.ResourcePool(refs[pool].split(":")[1], stub)
        share = vim.ResourceAllocationInfo(
            reservation=0, limit=-1, expandableReservation=True, shares=vim.SharesInfo(level="normal", shares=4000)
        )
        spec = vim.ResourceConfigSpec(cpuAllocation=share, memoryAllocation=share)
        parent.CreateVApp(name, spec, vim.vApp.VAppConfigSpec(), vim.Folder(refs[folder].split(":")[1], stub))


@pytest.fixture
def client(vcsim: VCSim, clients: Clients) -> VCenter:
    return clients.open(vcsim)


def found(govc: Govc, *arguments: str) -> frozenset[ManagedObject]:
    """What `govc find` finds, as references."""
    lines = govc.run("find", "-i", *arguments).split()
    return frozenset(ManagedObject(*line.split(":", 1)) for line in lines)


@pytest.mark.parametrize(
    ("kind", "name", "path"),
    [
        (CLUSTER, "gold", C0),
        (CLUSTER, C1, C1),
        (CLUSTER, "DC0_H0", "/DC0/host/DC0_H0"),
        (HOST, "esx2", f"{C0}/esx2"),
        (HOST, "/DC0/host/DC0_H0/DC0_H0", "/DC0/host/DC0_H0/DC0_H0"),
        (DATACENTER, "DC0", "/DC0/host"),
        (DATACENTER, "/DC1", "/DC1/host"),
    ],
)
def test_places_of_hosts_are_resolved_to_hosts(
    govc: Govc, client: VCenter, kind: PlaceKind, name: str, path: str
) -> None:
    assert client.resolve([Place(kind, name)]) == Area(hosts=found(govc, path, "-type", "h"))


def test_a_pool_has_all_pools_and_vapps_below_it(govc: Govc, client: VCenter) -> None:
    path = f"{C0}/Resources/web"
    pools = found(govc, path, "-type", "p") | found(govc, path, "-type", "a")
    assert client.resolve([Place(POOL, path)]) == Area(pools=pools)
    assert sorted(pool.type for pool in pools) == ["ResourcePool", "ResourcePool", "VirtualApp"]


def test_a_folder_has_all_folders_below_it(govc: Govc, client: VCenter) -> None:
    folders = found(govc, "/DC0/vm/web", "-type", "f")
    assert len(folders) == 3
    assert client.resolve([Place(FOLDER, "web")]).folders == folders
    assert not client.resolve([Place(FOLDER, "web")]).pools


def test_a_folder_has_the_vapps_that_are_shown_in_it(govc: Govc, client: VCenter) -> None:
    (app,) = found(govc, "/DC0/host", "-type", "a")
    assert client.resolve([Place(FOLDER, "other")]).pools == {app}


def test_places_are_found_by_reference(govc: Govc, client: VCenter) -> None:
    for kind, name in (
        (CLUSTER, "gold"),
        (HOST, "DC0_C1_H0"),
        (FOLDER, "other"),
        (DATACENTER, "DC0"),
        (POOL, "shop"),
    ):
        (ref,) = (ref for ref in found(govc, "/", "-name", name) if ref.type != "VirtualMachine")
        assert client.resolve([Place(kind, ref.value)]) == client.resolve([Place(kind, name)])


def test_a_slash_in_a_name_is_as_vcenter_writes_it(client: VCenter, govc: Govc) -> None:
    (raw,) = (line for line in govc.run("find", "/DC0/vm/web", "-type", "f").split() if "%" in line)
    assert client.resolve([Place(FOLDER, raw)]) == client.resolve([Place(FOLDER, raw.rpartition("/")[2])])
    assert len(client.resolve([Place(FOLDER, raw)]).folders) == 1


def test_several_places_are_taken_together_with_four_calls(client: VCenter, clients: Clients) -> None:
    client.check()
    single = [client.resolve([place]) for place in (Place(CLUSTER, "gold"), Place(HOST, "DC0_C1_H0"))]
    clients.calls()
    area = client.resolve([Place(CLUSTER, "gold"), Place(HOST, "DC0_C1_H0"), Place(FOLDER, "other")])
    assert clients.calls() == ["CreateContainerView", "DestroyView", "RetrievePropertiesEx", "RetrievePropertiesEx"]
    assert area.hosts == single[0].hosts | single[1].hosts
    assert (len(area.hosts), len(area.folders)) == (3, 1)


def test_no_place_is_nowhere_and_no_call(client: VCenter, clients: Clients) -> None:
    assert client.resolve([]) == Area()
    assert clients.calls() == []


def test_small_pages_of_vcenter_are_put_together(client: VCenter, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = client.resolve([Place(DATACENTER, "DC0")])
    monkeypatch.setattr("vsphere_preemption.vcenter.inventory.properties.OBJECTS_PER_CALL", 1)
    assert client.resolve([Place(DATACENTER, "DC0")]) == whole


def test_a_name_of_several_is_refused_with_their_paths(client: VCenter) -> None:
    with pytest.raises(PlaceAmbiguous, match=rf"{C1}/Resources/web \(resgroup-\d+\), {C0}/Resources/web \(resgroup"):
        client.resolve([Place(POOL, "web")])


@pytest.mark.parametrize("name", ["DC0_C7", "/DC0/host/gold", "domain-c4711", "DC0_C1_H0"])
def test_what_is_not_there_is_not_found(client: VCenter, name: str) -> None:
    with pytest.raises(PlaceNotFound):
        client.resolve([Place(CLUSTER, name)])


@pytest.mark.parametrize("path", [C0, "/DC0/host/DC0_H0"])
def test_a_compute_resource_is_its_hosts_with_one_call(
    govc: Govc, client: VCenter, clients: Clients, path: str
) -> None:
    (ref,) = (ref for ref in found(govc, path) if "ComputeResource" in ref.type)
    client.check()
    clients.calls()
    assert client.compute_resource(ref) == Area(hosts=found(govc, path, "-type", "h"))
    assert clients.calls() == ["RetrievePropertiesEx"]


@pytest.mark.parametrize(
    "ref",
    [ManagedObject("ClusterComputeResource", "domain-c4711"), ManagedObject("Folder", "group-d1")],
    ids=str,
)
def test_what_is_no_compute_resource_is_not_found(client: VCenter, ref: ManagedObject) -> None:
    with pytest.raises(PlaceNotFound, match=str(ref)):
        client.compute_resource(ref)


def test_a_lost_session_or_answer_is_made_good(vcsim: VCSim, clients: Clients) -> None:
    proxy = VCenterProxy(vcsim).start()
    try:
        client = clients.open(proxy)
        area = client.resolve([Place(CLUSTER, "gold")])
        proxy.on("RetrievePropertiesEx", Cut(after_forwarding=True))
        assert client.resolve([Place(CLUSTER, "gold")]) == area
        witness = vcsim.witness()
        witness.end_sessions(WORKER_USER)
        witness.close()
        assert client.resolve([Place(CLUSTER, "gold")]) == area
    finally:
        proxy.close()
