# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who stopped or started a VM, from vCenter's event log.

If the response to a power-off was lost and the VM is found off, only the event log shows whether we stopped it. A guest
that shuts down at our request leaves two events: ours, with our name, and the power-off itself, which has no user name.
So the last name counts, and events before the VM was last powered on do not. A suspension also stops a VM, and resuming
it is a power-on.

So our name, for a VM that is off or suspended now, also proves that it was not powered on since we stopped it: each
power-on clears all names before it, and stopping the VM after that leaves another name, or none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ...core.contract import StopMethod
from ...core.errors import VCenterError
from ...core.inventory import LastStop, ManagedObject
from ..inventory.properties import reference
from ..transport import _pyvmomi
from ..transport.faults import fault_name
from ..transport.soap import Soap, SoapSession

# By a user, by DRS, and by HA on another host.
POWERED_ON = ("VmPoweredOnEvent", "DrsVmPoweredOnEvent", "VmRestartedOnAlternateHostEvent")
# vCenter records the first three when it accepts the call, the others when the VM has stopped.
METHODS = {
    "VmGuestShutdownEvent": StopMethod.SOFT,
    "VmStoppingEvent": StopMethod.HARD,
    "VmSuspendingEvent": StopMethod.SUSPEND,
    "VmPoweredOffEvent": StopMethod.HARD,
    "VmSuspendedEvent": StopMethod.SUSPEND,
}
STOPPED = tuple(METHODS)
ENDED = ("VmPoweredOffEvent", "VmSuspendedEvent")
# The short names: vCenter finds nothing under the full ones.
EVENTS = (*STOPPED, *POWERED_ON)
EVENTS_PER_PAGE = 1000
WHAT = "Cannot read who stopped or started the VMs"


class EventLog:
    """The event log of one vCenter."""

    def __init__(self, soap: Soap) -> None:
        self._soap = soap

    def who_stopped(self, machines: Iterable[ManagedObject], since: datetime) -> Mapping[ManagedObject, str]:
        """The user who last stopped or suspended each VM since that time, if there was one.

        since: by vCenter's clock. Actions before the VM was last powered on do not count. So for a VM that is off now,
        it is our name only if the VM was not powered on since we stopped it.
        """
        wanted = frozenset(machines)
        if not wanted:
            return {}
        return self._soap.attempt(lambda session: _last_users(wanted, _events(session, since), undone_by=POWERED_ON))

    def last_stops(self, machines: Iterable[ManagedObject], since: datetime) -> Mapping[ManagedObject, LastStop]:
        """The same, with how and when; also for a VM that is still on, if vCenter has accepted the call."""
        wanted = frozenset(machines)
        if not wanted:
            return {}

        def look(session: SoapSession) -> dict[ManagedObject, LastStop]:
            calls = _last_calls(wanted, _events(session, since))
            now = session.call("CurrentTime", WHAT, session.instance().CurrentTime) if calls else None
            return {
                vm: LastStop(event.userName, METHODS[fault_name(event)], (now - event.createdTime).total_seconds())
                for vm, event in calls.items()
            }

        return self._soap.attempt(look)

    def who_started(self, machines: Iterable[ManagedObject], since: datetime) -> Mapping[ManagedObject, str]:
        """The user who last powered on or resumed each VM; the counterpart of `who_stopped`."""
        wanted = frozenset(machines)
        if not wanted:
            return {}
        return self._soap.attempt(lambda session: _last_users(wanted, _events(session, since), undone_by=STOPPED))


def _last_users(
    wanted: frozenset[ManagedObject], events: Iterable[Any], *, undone_by: Collection[str]
) -> dict[ManagedObject, str]:
    """The last user of each VM in all other events, unless one of the `undone_by` events came after it."""
    users: dict[ManagedObject, str] = {}
    for event in sorted(events, key=lambda event: (event.createdTime, event.key)):
        vm = reference(event.vm.vm) if event.vm is not None else None
        if vm is None or vm not in wanted:
            continue
        if fault_name(event) in undone_by:
            users.pop(vm, None)
        elif event.userName:
            users[vm] = event.userName
    return users


def _last_calls(wanted: frozenset[ManagedObject], events: Iterable[Any]) -> dict[ManagedObject, Any]:
    """The event of the last call that stopped each VM, or is stopping it, if a user made it."""
    calls: dict[ManagedObject, Any] = {}
    for event in sorted(events, key=lambda event: (event.createdTime, event.key)):
        vm = reference(event.vm.vm) if event.vm is not None else None
        if vm is None or vm not in wanted:
            continue
        if fault_name(event) in POWERED_ON:
            calls.pop(vm, None)
        elif event.userName and not _ends(calls.get(vm), event):
            calls[vm] = event
    return calls


def _ends(call: Any, event: Any) -> bool:
    """Whether the event is the end of this call, not another call."""
    return call is not None and call.userName == event.userName and fault_name(event) in ENDED


def _events(session: SoapSession, since: datetime) -> list[Any]:
    """Power events since that time; filtered here again, because the simulator ignores parts of a filter."""
    vim = _pyvmomi.vim.event
    begin = since.astimezone(UTC)
    spec = vim.EventFilterSpec(eventTypeId=list(EVENTS), time=vim.EventFilterSpec.ByTime(beginTime=begin))
    manager = session.content.eventManager
    collector = session.call("CreateCollectorForEvents", WHAT, lambda: manager.CreateCollectorForEvents(spec))
    try:
        return [
            event for event in _pages(session, collector) if fault_name(event) in EVENTS and event.createdTime >= begin
        ]
    finally:
        _destroy(session, collector)


def _pages(session: SoapSession, collector: Any) -> Iterator[Any]:
    """All events of a new collector, which starts at the oldest one."""
    while True:
        page = session.call("ReadNextEvents", WHAT, lambda: collector.ReadNextEvents(EVENTS_PER_PAGE))
        if not page:
            return
        yield from page


def _destroy(session: SoapSession, collector: Any) -> None:
    # vCenter allows only a few collectors. If this fails, the collector ends with its session.
    with contextlib.suppress(VCenterError):
        session.call("DestroyCollector", WHAT, collector.DestroyCollector)
