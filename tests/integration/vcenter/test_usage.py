# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of the hosts is used, with govc as the witness of each host."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from support.govc import Govc
from support.vcsim import VCSim
from vsphere_preemption.core.inventory import ManagedObject, Usage
from vsphere_preemption.core.policy.model import Place, PlaceKind
from vsphere_preemption.vcenter.client import VCenter

from .conftest import Clients

C0 = "/DC0/host/DC0_C0"


@pytest.fixture
def client(vcsim: VCSim, clients: Clients) -> VCenter:
    return clients.open(vcsim)


def summary(govc: Govc, path: str) -> dict[str, Any]:
    """The summary of a host, as govc reads it."""
    return cast("dict[str, Any]", json.loads(govc.run("object.collect", "-json", path, "summary"))[0]["val"])


def usage_of(govc: Govc, *paths: str) -> Usage:
    found = [summary(govc, path) for path in paths]
    return Usage(
        memory_mib=sum(host["hardware"]["memorySize"] for host in found) // 2**20,
        memory_used_mib=sum(host["quickStats"]["overallMemoryUsage"] for host in found),
        cpu_mhz=sum(host["hardware"]["cpuMhz"] * host["hardware"]["numCpuCores"] for host in found),
        cpu_used_mhz=sum(host["quickStats"]["overallCpuUsage"] for host in found),
    )


def hosts(client: VCenter, cluster: str) -> frozenset[ManagedObject]:
    return client.resolve([Place(PlaceKind.CLUSTER, cluster)]).hosts


def test_the_hosts_of_a_cluster_are_summed_up_with_one_call(govc: Govc, client: VCenter, clients: Clients) -> None:
    inside = hosts(client, "DC0_C0")
    clients.calls()
    usage = client.usage(inside)
    assert clients.calls() == ["RetrievePropertiesEx"]
    assert usage == usage_of(govc, f"{C0}/DC0_C0_H0", f"{C0}/DC0_C0_H1")
    assert min(usage.memory_mib, usage.memory_used_mib, usage.cpu_mhz, usage.cpu_used_mhz) > 0


def test_without_hosts_all_of_vcenter_is_summed_up(govc: Govc, client: VCenter, clients: Clients) -> None:
    client.check()
    clients.calls()
    usage = client.usage(None)
    assert clients.calls() == ["CreateContainerView", "DestroyView", "RetrievePropertiesEx", "RetrievePropertiesEx"]
    assert usage == usage_of(govc, *govc.run("find", "/", "-type", "h").split())


def test_of_no_hosts_nothing_is_used(client: VCenter, clients: Clients) -> None:
    assert client.usage([]) == Usage(0, 0, 0, 0)
    assert clients.calls() == []


def test_hosts_in_maintenance_do_not_count(govc: Govc, client: VCenter) -> None:
    inside = hosts(client, "DC0_C0")
    govc.run("host.maintenance.enter", f"{C0}/DC0_C0_H0")
    assert client.usage(inside) == usage_of(govc, f"{C0}/DC0_C0_H1")


def test_hosts_that_are_disconnected_do_not_count(govc: Govc, client: VCenter) -> None:
    inside = hosts(client, "DC0_C0")
    govc.run("host.disconnect", f"{C0}/DC0_C0_H1")
    assert client.usage(inside) == usage_of(govc, f"{C0}/DC0_C0_H0")


def test_hosts_that_are_gone_do_not_count(govc: Govc, client: VCenter) -> None:
    gone = ManagedObject("HostSystem", "host-4711")
    assert client.usage([*hosts(client, "DC0_C0"), gone]) == client.usage(hosts(client, "DC0_C0"))
