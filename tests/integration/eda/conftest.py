# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated vCenter with an alarm, for the event source and for rulebooks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from support.alarms import AlarmDesk
from support.govc import Govc
from support.vcsim import VCSim
from vsphere_preemption.core.inventory import ManagedObject

MEMORY = "Host memory"


@dataclass
class HostAlarm:
    """An alarm on hosts of a cluster; its changes are in the list and in the log, as a vCenter has it."""

    desk: AlarmDesk
    alarm: ManagedObject
    cluster: ManagedObject
    hosts: list[ManagedObject]

    def turn(self, before: str, after: str, *, host: int = 0, name: str = MEMORY) -> None:
        self.desk.paint(MEMORY, self.hosts[host], after)
        self.log(before, after, host=host, name=name)

    def log(self, before: str, after: str, *, host: int = 0, name: str = MEMORY) -> None:
        """Tell the log alone."""
        self.desk.tell(name, self.alarm, self.hosts[host], (before, after), place=self.cluster)

    def list(self, after: str, *, host: int = 0) -> None:
        """Tell the list alone."""
        self.desk.paint(MEMORY, self.hosts[host], after)


@pytest.fixture
def alarm(vcsim: VCSim, govc: Govc) -> Iterator[HostAlarm]:
    """An alarm on the two hosts of the first cluster."""

    def ref(path: str) -> ManagedObject:
        return ManagedObject(*govc.run("find", "-i", f"/DC0/host/{path}", "-maxdepth", "0").strip().split(":", 1))

    with contextlib.closing(vcsim.witness()) as witness:
        desk = AlarmDesk(witness)
        hosts = [ref(f"DC0_C0/DC0_C0_H{number}") for number in range(2)]
        yield HostAlarm(desk, desk.define(MEMORY, "HostSystem"), ref("DC0_C0"), hosts)
