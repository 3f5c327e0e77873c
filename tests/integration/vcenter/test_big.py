# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""More VMs than one call reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.big_model import big_model
from support.vcsim import VCSim

from .conftest import Clients

MACHINES = 1200


@pytest.fixture(scope="module")
def vcsim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCSim]:
    """A vCenter with 1,200 VMs in two clusters, all of them tagged."""
    model = big_model(tmp_path_factory.mktemp("models"), MACHINES)
    vcsim = VCSim(tmp_path_factory.mktemp("vcsim"), load=model).start()
    vcsim.tag_machines(sorted(vcsim.govc().power_states()))
    yield vcsim
    vcsim.stop()


def test_a_thousand_vms_are_read_with_one_call(vcsim: VCSim, clients: Clients) -> None:
    client = clients.open(vcsim)
    beats: list[None] = []
    client.tagged("preemptible")
    clients.calls()
    machines = client.tagged("preemptible", lambda: beats.append(None)).machines
    assert clients.calls() == ["RetrievePropertiesEx"] * 3 + ["get-tag", "list-attached-objects"]
    assert len(beats) == 3
    assert len({machine.name for machine in machines}) == MACHINES
    assert all(machine.cpu_mhz and machine.memory_mib and machine.host for machine in machines)

    last = machines[-1].ref
    client.write_mark(last, "on the second page")
    client.power_off(last)
    clients.calls()
    seen = client.recheck("preemptible", [machine.ref for machine in machines])
    assert clients.calls() == ["RetrievePropertiesEx"] * 2 + ["list-attached-tags-on-objects"] * 2
    assert len(seen) == MACHINES
    assert seen[last].mark == "on the second page"
    assert vcsim.govc().power_states()[seen[last].name] == "poweredOff"


def test_the_model_has_as_many_different_vms_as_it_says(vcsim: VCSim) -> None:
    machines = vcsim.govc().machines()
    assert len(machines) == len({machine.ref for machine in machines.values()}) == MACHINES
