# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who powered a VM on, as vCenter's event log tells it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from support.govc import Govc
from support.vcsim import WITNESS_USER, WORKER_USER, VCSim
from vsphere_preemption.core.inventory import ManagedObject, PowerState

from .conftest import Clients

NAMES = [f"DC0_C0_RP0_VM{number}" for number in range(4)]


def test_the_last_one_who_powered_on_counts_until_somebody_stops_the_vm(
    vcsim: VCSim, govc: Govc, clients: Clients
) -> None:
    client, since = clients.open(vcsim), datetime.now(UTC) - timedelta(minutes=5)
    ours, theirs, off_again, resumed = (ManagedObject("VirtualMachine", govc.machine(name).ref) for name in NAMES)
    for name in NAMES[:3]:
        govc.power("off", name)
    govc.power("suspend", NAMES[3])
    govc.power("on", NAMES[1])
    tasks = {vm: client.power_on(vm) for vm in (ours, off_again, resumed)}
    with client.watch(machines=tasks, tasks=tasks, until=PowerState.ON) as watch:
        seen = 0
        while seen < len(tasks):
            seen += len(watch.wait(10).off)
    govc.power("off", NAMES[2])
    machines = (ours, theirs, off_again, resumed)
    assert client.who_started(machines, since) == {ours: WORKER_USER, resumed: WORKER_USER, theirs: WITNESS_USER}
    assert client.who_started(machines, datetime.now(UTC) + timedelta(minutes=5)) == {}
    assert client.who_started([], since) == {}
