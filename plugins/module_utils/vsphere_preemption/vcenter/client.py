# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vCenter client, shared by the worker and the modules.

One object speaks to one vCenter, for any number of threads. It logs in when the first call needs it, and again when the
session is lost. Every method raises errors of `core.errors` only.
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
from . import _pyvmomi
from .alarms import Alarms
from .attribute import MarkAttribute
from .calls import Calls, Observer, side_by_side
from .connections import Connections
from .evidence import Evidence
from .guestinfo import GuestInfo
from .hosts import Hosts
from .inventory import Inventory, Machines
from .login import LoginDesk
from .places import Places
from .power import Power
from .rest import Rest
from .settings import Credentials, VCenterSettings
from .soap import Soap
from .tags import Tags
from .watch import PowerWatch

CLOSE_SECONDS = 3.0


@dataclass(frozen=True)
class About:
    """Which vCenter this is. user: our name there, as vCenter's events write it."""

    name: str
    version: str
    api_version: str
    instance_uuid: str
    user: str


class VCenter:
    """A vCenter. MissingLibrary where pyVmomi is not installed, InvalidSetting for a CA file that is none.

    observe: told of every call: its name in SOAP or REST, its seconds, and the code of the error that it ended with.
    """

    def __init__(self, settings: VCenterSettings, credentials: Credentials, *, observe: Observer | None = None) -> None:
        _pyvmomi.require()
        self._settings = settings
        self._connections = Connections(settings)
        calls = Calls(settings.calls, address=str(settings.endpoint), observe=observe)
        desk = LoginDesk(credentials)
        self._soap = Soap(self._connections, calls, desk)
        self._rest = Rest(self._connections, calls, desk)
        self._tags = Tags(self._rest, calls=settings.calls)
        self._attribute = MarkAttribute(self._soap)
        self._inventory = Inventory(self._soap, self._attribute)
        self._power = Power(self._soap)
        self._evidence = Evidence(self._soap)
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
        """How many calls may be under way at the same time; more threads than that only wait."""
        return self._settings.calls

    @property
    def user(self) -> str:
        """Our name as vCenter's events write it; logs in where that has not happened yet."""
        return self._soap.session().user

    @property
    def soap(self) -> Soap:
        """The SOAP API itself, for what only an administrator does; see the files *_admin.py."""
        return self._soap

    @property
    def rest(self) -> Rest:
        """The REST API itself, for the same."""
        return self._rest

    def check(self) -> About:
        """Both sessions are open and vCenter answers: one cheap call, and a login where one is needed."""
        what = "Cannot ask vCenter for its time"
        self._soap.attempt(lambda session: session.call("CurrentTime", what, session.instance().CurrentTime))
        self._rest.log_in()
        session = self._soap.session()
        about = session.content.about
        return About(about.name, about.version, about.apiVersion, about.instanceUuid or "", session.user)

    def close(self) -> None:
        """Log out, for at most three seconds. A later call logs in again."""

        def log_out() -> None:
            for session in (self._rest, self._soap):
                # What cannot be ended now, vCenter ends by itself.
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
        """All objects that carry a tag, given as name, category/name or URN. TagNotFound, TagAmbiguous.

        One or two REST calls, one bulk read for each thousand VMs, and one of their hosts. on_progress: called after
        each page. labels: the VMs have their `tags`; at the same time as the reads, one more call for each thousand
        VMs, and two for each tag whose name was not looked up in the last minute. placed, sized: they also have their
        pool and folder, and their memory and CPU.
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
        return _with_tags(*side_by_side(lambda: read(vms), lambda: self._tags.labels(vms)))

    def recheck(
        self,
        tag: str,
        refs: Sequence[ManagedObject],
        *,
        labels: bool = False,
        placed: bool = True,
        protecting: Sequence[str] = (),
    ) -> Mapping[ManagedObject, VirtualMachine]:
        """Those of the VMs that still exist and still carry the tag, as they are now; none where the tag is gone.

        Two calls at the same time for each thousand VMs; one more where some lack the tag. labels: the VMs have their
        `tags`, which costs a call only where a name was not looked up in the last minute. placed: and where they are.
        protecting: tags of which the VMs tell whether they still exist (`lost_protections`); two more calls for each.
        """
        if not refs:
            return {}
        look = partial(self._recheck, tag, refs, labels=labels, placed=placed)
        if not protecting:
            return look()
        lost, machines = side_by_side(lambda: self._tags.existing.missing_tags(protecting), look)
        return {ref: replace(machine, lost_protections=lost) for ref, machine in machines.items()}

    def _recheck(
        self, tag: str, refs: Sequence[ManagedObject], *, labels: bool, placed: bool
    ) -> Mapping[ManagedObject, VirtualMachine]:
        read = partial(self._inventory.read, refs, placed=placed)
        if labels:
            tags, machines = side_by_side(lambda: self._tags.carriers_with_labels(tag, refs), read)
            return _with_tags({ref: machine for ref, machine in machines.items() if ref in tags}, tags)
        carriers, machines = side_by_side(lambda: self._tags.carriers(tag, refs), read)
        return {ref: machine for ref, machine in machines.items() if ref in carriers}

    def read(self, refs: Iterable[ManagedObject]) -> Mapping[ManagedObject, VirtualMachine]:
        """The VMs as they are now, without a look at tags; those that do not exist are left out."""
        return self._inventory.read(refs)

    def missing(self, references: References) -> References:
        """Those of the references that nothing in vCenter has which this account may see.

        Two calls for each tag, and one for each category, that was found before; else one for each that there is. One
        for all custom attributes.
        """
        existing = self._tags.existing
        attributes = self._attribute.names() if references.attributes else frozenset()
        return References(
            tags=existing.missing_tags(references.tags),
            categories=existing.missing_categories(references.categories),
            attributes=tuple(name for name in references.attributes if name not in attributes),
        )

    def ensure_attribute(self) -> int:
        """The key of the custom attribute that holds marks; created where it is missing."""
        return self._attribute.ensure()

    def write_mark(self, vm: ManagedObject, value: str) -> None:
        """Set the mark of a VM, with one call. Look shortly before whether the VM exists.

        VCenterObjectGone for a deleted VM. Repeated once after a broken connection: writing it twice does no harm.
        """
        self._attribute.write(vm, value)

    def power_off(self, vm: ManagedObject) -> ManagedObject:
        """Cut the power of a VM; the reference of the task that does it.

        PowerRefused has the name of the fault. After VCenterUnreachable or VCenterTimeout it may have been carried out.
        """
        return self._power.power_off(vm)

    def shut_down_guest(self, vm: ManagedObject) -> None:
        """Ask the guest of a VM to shut down; errors as for `power_off`."""
        self._power.shut_down_guest(vm)

    def suspend(self, vm: ManagedObject) -> ManagedObject:
        """Suspend a VM; the reference of the task that does it. Errors as for `power_off`."""
        return self._power.suspend(vm)

    def power_on(self, vm: ManagedObject) -> ManagedObject:
        """Power a VM on, or resume it; the reference of the task that does it. Errors as for `power_off`."""
        return self._power.power_on(vm)

    def watch(
        self,
        *,
        machines: Iterable[ManagedObject],
        tasks: Mapping[ManagedObject, ManagedObject],
        until: PowerState = PowerState.OFF,
    ) -> PowerWatch:
        """Follow VMs until they are off, or in another power state. Use it as a context manager.

        tasks: what takes a VM there, by the VM. Those that are there are in `off` of the news, whatever the state.
        """
        return PowerWatch(self._soap, machines, tasks, call_seconds=self._settings.call_seconds, until=until)

    def who_stopped(self, machines: Iterable[ManagedObject], since: datetime) -> Mapping[ManagedObject, str]:
        """The user who stopped or suspended each VM last, where somebody did since that time. Compare with `user`.

        One who did so before the VM was last powered on does not count. So it is us for a VM that is off now only where
        nobody has powered it on since we stopped it.
        """
        return self._evidence.who_stopped(machines, since)

    def who_started(self, machines: Iterable[ManagedObject], since: datetime) -> Mapping[ManagedObject, str]:
        """The user who powered on or resumed each VM last since that time, where nobody has stopped it after that."""
        return self._evidence.who_started(machines, since)

    def resolve(self, places: Sequence[Place]) -> Area:
        """All that belongs to any of the places, with four calls; to none where there is no place.

        PlaceNotFound, PlaceAmbiguous.
        """
        return self._places.resolve(places)

    def compute_resource(self, ref: ManagedObject) -> Area:
        """The hosts of one compute resource, with one call. PlaceNotFound where it is none, or is gone."""
        return self._places.compute_resource(ref)

    def usage(self, hosts: Iterable[ManagedObject] | None = None) -> Usage:
        """How much of the hosts is used, of those that are connected and not in maintenance; None: of all of vCenter.

        One call for each thousand hosts; three more for all of vCenter.
        """
        return self._hosts.usage(hosts)

    def alarm_colour(self, entity: ManagedObject, alarm: ManagedObject | None = None, name: str = "") -> str:
        """red, yellow, gray or green: the worst that an alarm has now, on an object and all below it.

        The alarm is told by its reference, or by its name; without either, any alarm counts. VCenterObjectGone where
        the object does not exist.
        """
        return self._alarms.colour(entity, alarm, name)

    def set_guestinfo(self, vm: ManagedObject, key: str, value: str) -> ManagedObject:
        """Tell the guest of a VM something, under a key that begins with `guestinfo.`; the reference of the task.

        The guest may read it once the task has ended. VCenterObjectGone for a deleted VM. InvalidInput for other keys.
        """
        return self._guest_info.set(vm, key, value)


def _with_tags(machines: Machines, tags: Mapping[ManagedObject, frozenset[str]]) -> Machines:
    return {ref: replace(machine, tags=tags.get(ref, frozenset())) for ref, machine in machines.items()}
