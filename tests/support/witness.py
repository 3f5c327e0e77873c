# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second vCenter client, independent of the collection's own: what govc cannot tell, or not fast enough.

It signs in as another user than the worker, so vCenter's events show who did what. It says who switched which VM off,
how and when (from vCenter's events), attaches a tag to thousands of objects at once, powers VMs on again, sets
properties that no vSphere call can set, and ends sessions.
"""

from __future__ import annotations

import contextlib
import datetime
import ssl
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from pyVmomi import SoapAdapter, VmomiSupport
from pyVmomi import vim as pyvmomi_vim
from pyVmomi import vmodl as pyvmomi_vmodl

from .waiting import wait_until

# pyVmomi's stubs leave its constructors untyped, so its names are taken as Any in one place.
vim: Any = pyvmomi_vim
vmodl: Any = pyvmomi_vmodl
new_stub: Any = SoapAdapter.SoapStubAdapter
value_type: Any = VmomiSupport.GetVmodlType

API_VERSION = "vim.version.version10"
CALL_SECONDS = 60
MAX_EVENTS = 1000
SHUTDOWN_EVENTS = ("VmPoweredOffEvent", "VmStoppingEvent", "VmGuestShutdownEvent", "VmSuspendedEvent")


@dataclass(frozen=True)
class PowerEvent:
    """One event of vCenter about the power of a VM. kind: the event's class. at: seconds since the epoch."""

    kind: str
    vm: str
    name: str
    user: str
    at: float


class Witness:
    """vCenter at https://host:port, through pyVmomi and the tagging REST calls."""

    def __init__(self, host: str, port: int, *, username: str, password: str, ca_file: Path | None) -> None:
        self._rest_url = f"https://{host}:{port}/rest/com/vmware/cis"
        self._ca_file = ca_file
        self._login = (username, password)
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        if ca_file is None:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._stub = new_stub(
            host=host,
            port=port,
            path="/sdk",
            version=API_VERSION,
            sslContext=context,
            httpConnectionTimeout=CALL_SECONDS,
        )
        self._content: Any = vim.ServiceInstance("ServiceInstance", self._stub).RetrieveContent()
        self._content.sessionManager.Login(username, password)

    def close(self) -> None:
        """Sign out."""
        with contextlib.suppress(vmodl.MethodFault, OSError):
            self._content.sessionManager.Logout()

    def vm(self, ref: str) -> Any:
        """The managed object of a reference such as vm-63, for calls that this class does not wrap."""
        return vim.VirtualMachine(ref, self._stub)

    def refs(self) -> dict[str, str]:
        """References of all VMs and templates, by name."""
        return {str(values["name"]): ref for ref, values in self._read(("name",)).items()}

    def power_states(self) -> dict[str, str]:
        """Power states by reference."""
        states = self._read(("runtime.powerState",))
        return {ref: str(values["runtime.powerState"]) for ref, values in states.items()}

    def power_on(self, refs: Iterable[str], seconds: float = 120.0) -> None:
        """Power VMs on and wait until vCenter says that they are."""
        wanted = set(refs)
        for ref in sorted(wanted):
            self.vm(ref).PowerOnVM_Task()

        def still_off() -> int:
            states = self.power_states()
            return sum(states[ref] != "poweredOn" for ref in wanted)

        wait_until(still_off, seconds, "the VMs to be on", until=lambda count: count == 0, poll_seconds=0.2)

    def attach_tag(self, tag_id: str, refs: Sequence[str], *, kind: str = "VirtualMachine") -> None:
        """Attach a tag to many objects with one call."""
        objects = [{"type": kind, "id": ref} for ref in refs]
        self._rest(
            f"tagging/tag-association/id:{tag_id}?~action=attach-tag-to-multiple-objects", {"object_ids": objects}
        )

    def set_property(self, ref: str, path: str, value: Any) -> None:
        """Set any property of a VM in the simulator, such as guest.toolsRunningStatus. A wrong type ends vcsim."""
        option = vim.option.OptionValue(key=f"SET.{path}", value=value)
        self.vm(ref).ReconfigVM_Task(vim.vm.ConfigSpec(extraConfig=[option]))

    def rename(self, ref: str, name: str) -> None:
        """Give a VM another name, and wait until it has it."""
        self.vm(ref).Rename_Task(name)
        wait_until(lambda: self._read(("name",))[ref]["name"], 10, "the new name", until=lambda found: found == name)

    def set_connection_state(self, ref: str, state: str) -> None:
        """connected, disconnected, orphaned, inaccessible or invalid."""
        self.set_property(ref, "runtime.connectionState", vim.VirtualMachine.ConnectionState(state))

    def disable_methods(self, ref: str, *methods: str) -> None:
        """Make calls on a VM fail with MethodDisabled; names without underscore, such as PowerOffVMTask."""
        self.set_property(ref, "disabledMethod", value_type("string[]")(list(methods)))

    def sessions(self) -> list[Any]:
        """vCenter's own list of sessions (userName, callCount, userAgent, key)."""
        return list(self._content.sessionManager.sessionList)

    def session_key(self) -> str:
        """The key of the witness's own session."""
        return str(self._content.sessionManager.currentSession.key)

    def end_sessions(self, username: str) -> int:
        """Terminate the sessions of a user (but not the witness's own); return how many there were."""
        own = self.session_key()
        keys = [session.key for session in self.sessions() if session.userName == username and session.key != own]
        if keys:
            self._content.sessionManager.TerminateSession(keys)
        return len(keys)

    @contextlib.contextmanager
    def watching_shutdowns(self, kinds: Sequence[str] = SHUTDOWN_EVENTS) -> Iterator[ShutdownWatch]:
        """Record power events from now on. vCenter keeps the newest 1,000 that fit `kinds`."""
        begin = self.now()
        span = vim.event.EventFilterSpec.ByTime(beginTime=begin)
        spec = vim.event.EventFilterSpec(eventTypeId=list(kinds), time=span)
        collector: Any = self._content.eventManager.CreateCollectorForEvents(spec)
        try:
            collector.SetCollectorPageSize(MAX_EVENTS)
            yield ShutdownWatch(collector, begin)
        finally:
            with contextlib.suppress(vmodl.MethodFault, OSError):
                collector.DestroyCollector()

    def now(self) -> datetime.datetime:
        """vCenter's clock."""
        current: datetime.datetime = vim.ServiceInstance("ServiceInstance", self._stub).CurrentTime()
        return current

    def _read(self, paths: Sequence[str]) -> dict[str, dict[str, Any]]:
        view: Any = self._content.viewManager.CreateContainerView(self._content.rootFolder, [vim.VirtualMachine], True)
        collector: Any = self._content.propertyCollector
        query = vmodl.query.PropertyCollector
        reach = query.TraversalSpec(name="view", type=vim.view.ContainerView, path="view", skip=False)
        spec = query.FilterSpec(
            objectSet=[query.ObjectSpec(obj=view, skip=True, selectSet=[reach])],
            propSet=[query.PropertySpec(type=vim.VirtualMachine, pathSet=list(paths))],
        )
        found: dict[str, dict[str, Any]] = {}
        page = collector.RetrievePropertiesEx([spec], query.RetrieveOptions())
        while page is not None:
            found |= {entry.obj._moId: {p.name: p.val for p in entry.propSet} for entry in page.objects}
            page = collector.ContinueRetrievePropertiesEx(page.token) if page.token else None
        view.DestroyView()
        return found

    def _rest(self, path: str, body: dict[str, object]) -> None:
        with requests.Session() as session:
            # REQUESTS_CA_BUNDLE in the environment would override the file given here.
            session.trust_env = False
            session.verify = str(self._ca_file) if self._ca_file else False
            signed_in = session.post(f"{self._rest_url}/session", auth=self._login, timeout=CALL_SECONDS)
            signed_in.raise_for_status()
            key = signed_in.json()["value"]
            headers = {"vmware-api-session-id": key}
            session.post(
                f"{self._rest_url}/{path}", json=body, headers=headers, timeout=CALL_SECONDS
            ).raise_for_status()


class ShutdownWatch:
    """Power events since the watch began, oldest first."""

    def __init__(self, collector: Any, begin: datetime.datetime) -> None:
        self._collector = collector
        self._begin = begin.timestamp()

    def events(self) -> list[PowerEvent]:
        """What vCenter has recorded so far."""
        page = reversed(self._collector.latestPage or [])
        found = [
            PowerEvent(
                kind=type(event).__name__.rpartition(".")[2],
                vm=event.vm.vm._moId,
                name=event.vm.name,
                user=event.userName,
                at=event.createdTime.timestamp(),
            )
            for event in page
        ]
        return [event for event in found if event.at >= self._begin]

    def powered_off(self, user: str | None = None) -> dict[str, float]:
        """When each VM went off, by reference; only those that `user` switched off, where given."""
        return {
            event.vm: event.at
            for event in self.events()
            if event.kind == "VmPoweredOffEvent" and user in (None, event.user)
        }

    def methods(self, user: str | None = None) -> dict[str, str]:
        """How each VM was stopped, by reference: `hard` for a power-off, `soft` for a guest shutdown."""
        how = {"VmStoppingEvent": "hard", "VmGuestShutdownEvent": "soft"}
        return {
            event.vm: how[event.kind] for event in self.events() if event.kind in how and user in (None, event.user)
        }
