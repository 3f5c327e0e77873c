# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stage for the fault tests: a vCenter with tagged VMs behind a proxy, a worker, and one look at everything outside.

`aftermath` is the checker: it knows nothing of our code and reads vCenter, its event log and the sink.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from support.dispatcher import Dispatcher, Record
from support.govc import Govc
from support.sink import Sink
from support.vcenter_proxy import VCenterProxy
from support.vcsim import WORKER_USER, VCSim
from support.waiting import wait_until
from support.witness import ShutdownWatch, Witness
from support.worker import WorkerProcess

TAGGED = [f"DC0_C0_RP0_VM{number}" for number in range(5)]


@dataclass
class Stage:
    """Everything that a fault test touches."""

    vcsim: VCSim
    govc: Govc
    proxy: VCenterProxy
    sink: Sink
    worker: WorkerProcess
    dispatcher: Dispatcher
    witness: Witness
    shutdowns: ShutdownWatch

    def ref(self, name: str) -> str:
        return self.govc.machine(name).ref

    def shoot_worker(self) -> None:
        """SIGKILL without waiting for the end: for use from a proxy's thread, in the middle of a call."""
        os.kill(self.worker.process.pid, signal.SIGKILL)

    def wait_for_calls(self, pattern: str, count: int) -> None:
        """So many calls went through the proxy."""
        wait_until(
            lambda: self.proxy.calls.count(pattern), 20, f"{count} calls of {pattern}", until=lambda n: n >= count
        )

    def stopped_by_us(self) -> set[str]:
        """Names of the VMs that vCenter's event log says our account stopped."""
        return {event.name for event in self.shutdowns.events() if event.user == WORKER_USER}

    def phases(self) -> dict[str, str]:
        """The phase of each mark, by name."""
        return {name: mark["phase"] for name, mark in self.govc.marks().items()}

    def assert_aftermath(self, record: Record, *, announced: bool = True) -> None:
        """The invariants that hold after every run, whatever happened during it (I1, I3, I4, I6)."""
        stopped = self.stopped_by_us()
        assert stopped <= set(TAGGED), "a VM without the tag was stopped"
        marks = self.govc.marks()
        preempted = {name for name, mark in marks.items() if mark["preempted"]}
        assert preempted == stopped, f"marks and deeds differ: {self.phases()}"
        assert "pending" not in self.phases().values(), f"a mark was not settled: {self.phases()}"
        assert {mark["event"]["id"] for mark in marks.values()} <= {record["event"]["id"]}
        told = {victim["name"] for victim in record["victims"] if victim["outcome"] == "stopped"}
        assert told == stopped, f"record and deeds differ: {record['victims']}"
        if announced:
            events = self.sink.events()
            assert len({event["id"] for event in events}) == (1 if stopped else 0)
            refs = {self.ref(name) for name in stopped}
            assert all({vm["Value"] for vm in event["data"]["virtualMachines"]} == refs for event in events)


@pytest.fixture
def settings() -> dict[str, str]:
    """Settings of the worker; a test module may have its own."""
    return {"PREEMPTION_GRACE_SECONDS": "2", "PREEMPTION_WINDOW_SECONDS": "0"}


@pytest.fixture
def stage(
    vcsim: VCSim,
    govc: Govc,
    vcenter_proxy: VCenterProxy,
    sink: Sink,
    dispatcher: Dispatcher,
    start_worker: Callable[..., WorkerProcess],
    settings: dict[str, Any],
) -> Iterator[Stage]:
    vcsim.tag_machines(TAGGED)
    worker = start_worker(vcenter_proxy.client_environment(), settings)
    witness = vcsim.witness()
    with witness.watching_shutdowns() as shutdowns:
        yield Stage(vcsim, govc, vcenter_proxy, sink, worker, dispatcher, witness, shutdowns)
    witness.close()
