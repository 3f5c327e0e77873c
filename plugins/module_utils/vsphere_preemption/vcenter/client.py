# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vCenter client, shared by the worker and the modules.

One object serves one vCenter, for any number of threads. It logs in when the first call needs it, and again when the
session is lost. All methods only raise errors of `core.errors`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from types import TracebackType

from ..core.errors import VCenterError
from ..core.inventory import (
    VIRTUAL_MACHINE,
    Area,
    ManagedObject,
    PowerState,
    TaggedObjects,
    Usage,
    VirtualMachine,
)
from ..core.policy.model import Place
from ..core.policy.references import References
from .inventory.alarm_colour import Alarms
from .inventory.machines import Inventory, Machines
from .inventory.marks import MarkAttribute
from .inventory.tree import Places
from .inventory.usage import Hosts
from .power.actions import GuestInfo, Power
from .power.event_log import EventLog
from .power.watch import PowerWatch
from .settings import Credentials, VCenterSettings
from .tags.lookup import Tags
from .transport import _pyvmomi
from .transport.gate import CallGate, Observer, in_parallel
from .transport.http import ConnectionPool
from .transport.login import LoginGuard
from .transport.rest import Rest
from .transport.soap import Soap

CLOSE_SECONDS = 3.0


@dataclass(frozen=True)
class About:
    """The vCenter. user: our name there, as in vCenter's events."""

    name: str
    version: str
    api_version: str
    instance_uuid: str
    user: str


class VCenter:
    """A vCenter. Raises MissingLibrary if pyVmomi is not installed, InvalidSetting for an invalid CA file.

    observe: called for every call with its name in SOAP or REST, its duration in seconds, and its error code.
    """

    def __init__(self, settings: VCenterSettings, credentials: Credentials, *, observe: Observer | None = None) -> None:
        _pyvmomi.require()
        self._settings = settings
        self._connections = ConnectionPool(settings)
        calls = CallGate(settings.calls, address=str(settings.endpoint), observe=observe)
        guard = LoginGuard(credentials)
        self._soap = Soap(self._connections, calls, guard)
        self._rest = Rest(self._connections, calls, guard)
        self._tags = Tags(self._rest, calls=settings.calls)
        self._attribute = MarkAttribute(self._soap)
        self._inventory = Inventory(self._soap, self._attribute)
        self._power = Power(self._soap)
        self._evidence = EventLog(self._soap)
        self._places = Places(self._soap)
        self._hosts = Hosts(self._soap)
        self._alarms = Alarms(self._soap)
        self._guest_info = GuestInfo(self._soap)

    def __enter__(self) -> VCenter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    @property
    def concurrency(self) -> int:
        """Maximum number of concurrent calls; additional threads only wait."""
        return self._settings.calls

    @property
    def user(self) -> str:
        """Our name as in vCenter's events; logs in if necessary."""
        return self._soap.session().user

    @property
    def soap(self) -> Soap:
        """The SOAP API itself, for administrative tasks; see the files *_admin.py."""
        return self._soap

    @property
    def rest(self) -> Rest:
        """The REST API itself, for the same purpose."""
        return self._rest

    def check(self) -> About:
        """Check that both sessions are open and vCenter responds: one cheap call, and a login if necessary."""
        what = "Cannot read vCenter's time"
        self._soap.attempt(lambda session: session.call("CurrentTime", what, session.instance().CurrentTime))
        self._rest.log_in()
        session = self._soap.session()
        about = session.content.about
        return About(about.name, about.version, about.apiVersion, about.instanceUuid or "", session.user)

    def close(self) -> None:
        """Log out, for at most three seconds. A later call logs in again."""

        def log_out() -> None:
            for session in (self._rest, self._soap):
                # vCenter ends sessions by itself that cannot be ended now.
                with contextlib.suppress(VCenterError):
                    session.log_out()

        thread = threading.Thread(target=log_out, daemon=True, name="vcenter-logout")
        thread.start()
        thread.join(CLOSE_SECONDS)
        self._connections.drop()

    def tagged(
        self,
        tag: str,
        on_progress: Callable[[], None] = lambda: None,
        *,
        labels: bool = False,
        placed: bool = True,
        sized: bool = True,
    ) -> TaggedObjects:
        """All objects that have a tag, given as name, category/name or URN. Raises TagNotFound, TagAmbiguous.

        One or two REST calls, one bulk read per thousand VMs, and one of their hosts. on_progress: called after each
        page. labels: the VMs have their `tags`; in parallel with the reads, one more call per thousand VMs, and two for
        each tag whose name was not read in the last minute. placed, sized: they also have their pool and folder, and
        their memory and CPU.
        """
        refs = self._tags.objects(tag, on_progress)
        on_progress()
        read = partial(self._inventory.read, on_progress=on_progress, full=True, placed=placed, sized=sized)
        machines = self._with_labels(refs, read) if labels else read(refs)
        return TaggedObjects(
            machines=tuple(machines.values()),
            others=tuple(ref for ref in refs if ref.type != VIRTUAL_MACHINE),
            gone=tuple(ref for ref in refs if ref.type == VIRTUAL_MACHINE and ref not in machines),
        )

    def _with_labels(
        self, refs: Sequence[ManagedObject], read: Callable[[Sequence[ManagedObject]], Machines]
    ) -> Machines:
        vms = [ref for ref in refs if ref.type == VIRTUAL_MACHINE]
        return _with_tags(*in_parallel(lambda: read(vms), lambda: self._tags.labels(vms)))

    def recheck(
        self,
        tag: str,
        refs: Sequence[ManagedObject],
        *,
        labels: bool = False,
        placed: bool = True,
        protecting: Sequence[str] = (),
    ) -> Mapping[ManagedObject, VirtualMachine]:
        """The current state of the VMs that still exist and still have the tag; empty if the tag no longer exists.

        Two parallel calls per thousand VMs; one more if some do not have the tag. labels: the VMs have their `tags`,
        which only takes a call if a name was not read in the last minute. placed: they have their place.
        protecting: tags to check for existence; the VMs have those that no longer exist in `lost_protections`. Two more
        calls for each.
        """
        if not refs:
            return {}
        look = partial(self._recheck, tag, refs, labels=labels, placed=placed)
        if not protecting:
            return look()
        lost, machines = in_parallel(lambda: self._tags.existing.missing_tags(protecting), look)
        return {ref: replace(machine, lost_protections=lost) for ref, machine in machines.items()}

    def _recheck(
        self, tag: str, refs: Sequence[ManagedObject], *, labels: bool, placed: bool
    ) -> Mapping[ManagedObject, VirtualMachine]:
        read = partial(self._inventory.read, refs, placed=placed)
        if labels:
            tags, machines = in_parallel(lambda: self._tags.carriers_with_labels(tag, refs), read)
            return _with_tags({ref: machine for ref, machine in machines.items() if ref in tags}, tags)
        carriers, machines = in_parallel(lambda: self._tags.carriers(tag, refs), read)
        return {ref: machine for ref, machine in machines.items() if ref in carriers}

    def read(self, refs: Iterable[ManagedObject]) -> Mapping[ManagedObject, VirtualMachine]:
        """The current state of the VMs, without their tags; those that do not exist are omitted."""
        return self._inventory.read(refs)

    def missing(self, references: References) -> References:
        """The references for which this account sees no object in vCenter.

        Two calls for each tag, and one for each category, that was found before; otherwise calls for all tags or all
        categories. One call for all custom attributes.
        """
        existing = self._tags.existing
        attributes = self._attribute.names() if references.attributes else frozenset()
        return References(
            tags=existing.missing_tags(references.tags),
            categories=existing.missing_categories(references.categories),
            attributes=tuple(name for name in references.attributes if name not in attributes),
        )

    def ensure_attribute(self) -> int:
        """The key of the custom attribute for marks; created if it does not exist."""
        return self._attribute.ensure()

    def write_mark(self, vm: ManagedObject, value: str) -> None:
        """Set the mark of a VM, with one call. Check immediately before that the VM exists.

        Raises VCenterObjectGone for a deleted VM. Repeated once after a broken connection: writing it twice is safe.
        """
        self._attribute.write(vm, value)

    def power_off(self, vm: ManagedObject) -> ManagedObject:
        """Power off a VM; returns the reference of the task.

        VCenterFault has the name of the fault. After VCenterUnreachable or VCenterTimeout, the VM may be powered off.
        """
        return self._power.power_off(vm)

    def shut_down_guest(self, vm: ManagedObject) -> None:
        """Ask the guest of a VM to shut down; errors as for `power_off`."""
        self._power.shut_down_guest(vm)

    def suspend(self, vm: ManagedObject) -> ManagedObject:
        """Suspend a VM; returns the reference of the task. Errors as for `power_off`."""
        return self._power.suspend(vm)

    def power_on(self, vm: ManagedObject) -> ManagedObject:
        """Power on or resume a VM; returns the reference of the task. Errors as for `power_off`."""
        return self._power.power_on(vm)

    def watch(
        self,
        *,
        machines: Iterable[ManagedObject],
        tasks: Mapping[ManagedObject, ManagedObject],
        until: PowerState = PowerState.OFF,
    ) -> PowerWatch:
        """Follow VMs until they are off, or in another power state. Use it as a context manager.

        tasks: the task for each VM. VMs that have reached the state are in `off` of the changes, for any state.
        """
        return PowerWatch(self._soap, machines, tasks, call_seconds=self._settings.call_seconds, until=until)

    def who_stopped(self, machines: Iterable[ManagedObject], since: datetime) -> Mapping[ManagedObject, str]:
        """The user who last stopped or suspended each VM since that time, if there was one. Compare with `user`.

        Actions before the VM was last powered on do not count. So for a VM that is off now, it is our name only if the
        VM was not powered on since we stopped it.
        """
        return self._evidence.who_stopped(machines, since)

    def who_started(self, machines: Iterable[ManagedObject], since: datetime) -> Mapping[ManagedObject, str]:
        """The user who last powered on or resumed each VM since that time, unless it was stopped after that."""
        return self._evidence.who_started(machines, since)

    def resolve(self, places: Sequence[Place]) -> Area:
        """All objects in any of the places, with four calls; empty without places.

        Raises PlaceNotFound, PlaceAmbiguous.
        """
        return self._places.resolve(places)

    def compute_resource(self, ref: ManagedObject) -> Area:
        """The hosts of one compute resource, with one call. Raises PlaceNotFound if there is no such resource."""
        return self._places.compute_resource(ref)

    def usage(self, hosts: Iterable[ManagedObject] | None = None) -> Usage:
        """The usage of those hosts that are connected and not in maintenance; None: of all hosts of vCenter.

        One call per thousand hosts; three more for all of vCenter.
        """
        return self._hosts.usage(hosts)

    def alarm_colour(self, entity: ManagedObject, alarm: ManagedObject | None = None, name: str = "") -> str:
        """red, yellow, gray or green: the current worst colour of an alarm, on an object and everything below it.

        The alarm is identified by its reference or its name; without either, any alarm counts. Raises VCenterObjectGone
        if the object does not exist.
        """
        return self._alarms.colour(entity, alarm, name)

    def set_guestinfo(self, vm: ManagedObject, key: str, value: str) -> ManagedObject:
        """Set a value for the guest of a VM, under a key that begins with `guestinfo.`; returns the task's reference.

        The guest can read it once the task has ended. Raises VCenterObjectGone for a deleted VM, InvalidInput for other
        keys.
        """
        return self._guest_info.set(vm, key, value)


def _with_tags(machines: Machines, tags: Mapping[ManagedObject, frozenset[str]]) -> Machines:
    return {ref: replace(machine, tags=tags.get(ref, frozenset())) for ref, machine in machines.items()}
