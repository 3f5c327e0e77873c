# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was asked of vCenter for each victim, which guests need not be asked again, and whether it was us who stopped
a VM.

A guest shutdown has no task in vCenter, and may take minutes. If the worker hands over during that time, the next
attempt reads the time of the request from the heartbeat details: it does not repeat it, and the grace period continues.

The worker or its connection may fail between the call and its response, or before its next heartbeat. Then only
vCenter's event log shows which account was the last to stop the VM, or to request that it stops.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from vsphere_preemption.core import times
from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.inventory import LastStop, ManagedObject, PowerState
from vsphere_preemption.core.planning.plan import Victim
from vsphere_preemption.core.reasons import VictimReason

from ...messages.run import StopInput
from ..support.vcenter import PowerClient
from .marks import Marks, is_ours

# vCenter's events have the time of its own clock.
CLOCK_SKEW = timedelta(minutes=10)
# The time of a mark comes from Temporal's clock, and its age is measured with ours.
MARK_SKEW_SECONDS = 5.0


@dataclass(frozen=True)
class StopRequest:
    """A victim whose stop request vCenter has accepted. since: start of the grace period, on the monotonic clock."""

    victim: Victim
    forced: bool
    marked: str
    requested: str
    since: float
    task: ManagedObject | None = None
    reason: VictimReason = VictimReason.NONE


# VMs that are off, each with its stop request and the time at which it was found off.
Unattributed = dict[ManagedObject, tuple[StopRequest, datetime]]


@dataclass(frozen=True)
class EarlierRequest:
    """A request of an earlier attempt to stop a VM. when: in wire format."""

    when: str
    method: StopMethod


class ShutdownRequests:
    """The time of each guest's shutdown request (wire format). Thread-safe. known: requests of earlier attempts."""

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        self._lock = threading.Lock()
        self._asked = dict(known or {})
        self._calls: dict[str, EarlierRequest] = {}

    def note(self, vm: ManagedObject, requested: str) -> None:
        """Record that the shutdown of a guest was requested."""
        with self._lock:
            self._asked[vm.value] = requested

    def when(self, vm: ManagedObject) -> str | None:
        """The time of the guest's shutdown request; None if none is known."""
        with self._lock:
            return self._asked.get(vm.value)

    def recall(self, vm: ManagedObject, request: EarlierRequest) -> None:
        """Record a request of an earlier attempt, from vCenter's event log."""
        with self._lock:
            if request.method is StopMethod.SOFT:
                self._asked.setdefault(vm.value, request.when)
            else:
                self._calls[vm.value] = request

    def earlier(self, vm: ManagedObject) -> EarlierRequest | None:
        """The last request of an earlier attempt; None if none is known."""
        with self._lock:
            asked = self._asked.get(vm.value)
            return self._calls.get(vm.value) or (EarlierRequest(asked, StopMethod.SOFT) if asked else None)

    def as_wire(self) -> dict[str, str]:
        """The requests for the heartbeat details."""
        with self._lock:
            return dict(self._asked)


class Evidence:
    """Which accounts stopped VMs since the marks of a run were written."""

    def __init__(self, vcenter: PowerClient, marked: datetime) -> None:
        self._vcenter = vcenter
        self._marked = marked

    def ours(self, machines: Iterable[ManagedObject]) -> dict[ManagedObject, LastStop]:
        """The VMs that our own account stopped, or is stopping."""
        wanted = list(machines)
        if not wanted:
            return {}
        stops = self._vcenter.last_stops(wanted, self._marked - CLOCK_SKEW)
        return {vm: stop for vm, stop in stops.items() if stop.user == self._vcenter.user}

    def requests(self, running: Iterable[ManagedObject], now: datetime) -> dict[ManagedObject, EarlierRequest]:
        """What our own account requested since the marks, for VMs that still run.

        An earlier run may have requested the same in vain, so the age of a request is compared by vCenter's clock.
        """
        age = (now - self._marked).total_seconds() + MARK_SKEW_SECONDS
        return {
            vm: EarlierRequest(times.to_wire(now - timedelta(seconds=max(0.0, stop.seconds_ago))), stop.method)
            for vm, stop in self.ours(running).items()
            if stop.seconds_ago <= age
        }


def recall(vcenter: PowerClient, input: StopInput, marks: Marks, asked: ShutdownRequests, now: datetime) -> None:
    """Learn what earlier attempts did: heartbeat details may be lost, but marks and vCenter's event log are not."""
    machines = vcenter.read([victim.vm for victim in input.victims])
    marked = {vm: machine for vm, machine in machines.items() if is_ours(machine, input.run.run_id)}
    for vm, machine in marked.items():
        marks.learn(vm, machine.mark)
    running = [vm for vm, machine in marked.items() if machine.power_state is PowerState.ON]
    for vm, request in Evidence(vcenter, times.from_wire(input.marked)).requests(running, now).items():
        asked.recall(vm, request)
