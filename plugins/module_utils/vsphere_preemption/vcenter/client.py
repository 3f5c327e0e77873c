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
from functools import partial
from types import TracebackType

from ..core.errors import VCenterError
from ..core.inventory import VIRTUAL_MACHINE, ManagedObject, PowerState, TaggedObjects, VirtualMachine
from ..core.policy.references import References
from .inventory.machines import Inventory, Machines
from .inventory.marks import MarkAttribute
from .inventory.pressure import Alarms, Hosts
from .inventory.tree import Places
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

    The operations that need only one part of the client are methods of that part; each is documented there.
    observe: called for every call with its name in SOAP or REST, its duration in seconds, and its error code.
    """

    def __init__(self, settings: VCenterSettings, credentials: Credentials, *, observe: Observer | None = None) -> None:
        _pyvmomi.require()
        self._settings = settings
        self._connections = ConnectionPool(settings)
        calls = CallGate(settings.calls, address=str(settings.endpoint), observe=observe)
        guard = LoginGuard(credentials)
        # soap, rest: the APIs themselves, for administrative tasks; see vcenter/admin.
        self.soap = Soap(self._connections, calls, guard)
        self.rest = Rest(self._connections, calls, guard)
        self._tags = Tags(self.rest, calls=settings.calls)
        self._attribute = MarkAttribute(self.soap)
        self._inventory = Inventory(self.soap, self._attribute)
        power, places, event_log = Power(self.soap), Places(self.soap), EventLog(self.soap)
        self.read = self._inventory.read
        self.ensure_attribute, self.write_mark = self._attribute.ensure, self._attribute.write
        self.power_off, self.suspend, self.power_on = power.power_off, power.suspend, power.power_on
        self.shut_down_guest = power.shut_down_guest
        self.who_stopped, self.who_started = event_log.who_stopped, event_log.who_started
        self.last_stops = event_log.last_stops
        self.resolve, self.compute_resource = places.resolve, places.compute_resource
        self.usage = Hosts(self.soap).usage
        self.alarm_colour = Alarms(self.soap).colour
        self.set_guestinfo = GuestInfo(self.soap).set

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
        return self.soap.session().user

    def check(self) -> About:
        """Check that both sessions are open and vCenter responds: one cheap call, and a login if necessary."""
        what = "Cannot read vCenter's time"
        self.soap.attempt(lambda session: session.call("CurrentTime", what, session.instance().CurrentTime))
        self.rest.log_in()
        session = self.soap.session()
        about = session.content.about
        return About(about.name, about.version, about.apiVersion, about.instanceUuid or "", session.user)

    def close(self) -> None:
        """Log out, for at most three seconds. A later call logs in again."""

        def log_out() -> None:
            for session in (self.rest, self.soap):
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
        return PowerWatch(self.soap, machines, tasks, call_seconds=self._settings.call_seconds, until=until)


def _with_tags(machines: Machines, tags: Mapping[ManagedObject, frozenset[str]]) -> Machines:
    return {ref: replace(machine, tags=tags.get(ref, frozenset())) for ref, machine in machines.items()}
