# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much is asked of vCenter at the same time, seen from outside by the proxy."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.vcenter_calls import most_at_once
from support.vcenter_proxy import VCenterProxy
from support.vcsim import VCSim
from vsphere_preemption.core.inventory import ManagedObject

from .conftest import Clients

Refs = list[ManagedObject]


@pytest.fixture
def slow(vcsim: VCSim) -> Iterator[VCenterProxy]:
    """vCenter at the latency of a real one."""
    proxy = VCenterProxy(vcsim, delay_seconds=0.02).start()
    yield proxy
    proxy.close()


@pytest.mark.parametrize("limit", [1, 5])
def test_the_limit_holds_over_everything(slow: VCenterProxy, refs: Refs, clients: Clients, limit: int) -> None:
    client = clients.open(slow, calls=limit)

    def work(number: int) -> int:
        if number % 4 == 0:
            with client.watch(machines=refs, tasks={}) as watch:
                watch.wait(0)
        client.write_mark(refs[number % 3], f"mark {number}")
        return len(client.tagged("preemptible").machines) + len(client.recheck("preemptible", refs))

    with ThreadPoolExecutor(12) as threads:
        assert list(threads.map(work, range(24))) == [6] * 24
    # Waits too: they are one call like any other.
    assert most_at_once(slow.calls.all()) == limit


def test_a_recheck_takes_the_time_of_one_call(slow: VCenterProxy, refs: Refs, clients: Clients) -> None:
    client = clients.open(slow)
    client.tagged("preemptible")
    slow.calls.clear()
    # Long enough to meet, however busy the machine is.
    slow.delay_seconds = 0.5
    client.recheck("preemptible", refs)
    assert slow.calls.most_at_once() == 2


def test_a_look_up_among_many_tags_reads_them_together(
    vcsim: VCSim, slow: VCenterProxy, refs: Refs, clients: Clients
) -> None:
    govc = vcsim.govc()
    for number in range(40):
        govc.run("tags.create", "-c", "preemption", f"tag-{number}")
    client = clients.open(slow)
    assert len(client.tagged("preemptible").machines) == 3
    assert slow.calls.count("REST GET*/tag/{id}") == 41
    assert slow.calls.most_at_once() == 5
    slow.calls.clear()
    client.tagged("preemptible")
    assert slow.calls.count() == 4
