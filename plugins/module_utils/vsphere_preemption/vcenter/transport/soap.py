# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SOAP session: version, login, and recovery after a lost session or a broken connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, TypeVar
from xml.etree import ElementTree

from ...core.errors import VCenterUnreachable
from ...core.inventory import ManagedObject
from ...core.sending import Confirm
from ..settings import SDK_PATH, Login
from . import _pyvmomi
from .gate import CallGate
from .http import ConnectionPool
from .login import LoginGuard, SessionHolder

T = TypeVar("T")

NAMESPACE = "urn:vim25"
USER_AGENT = "vsphere.preemption"
LOGIN = "Cannot log in to vCenter"

_HEADERS = {"User-Agent": USER_AGENT, "Content-Type": "text/xml; charset=UTF-8"}


class Stub(_pyvmomi.SoapStubAdapter):
    """pyVmomi's writer and reader, on our own connections. One per login, so that each has its own cookie."""

    def __init__(self, connections: ConnectionPool, version: str) -> None:
        endpoint = connections.endpoint
        super().__init__(
            host=endpoint.host,
            port=endpoint.port,
            path=SDK_PATH,
            version=version,
            customHeaders={"User-Agent": USER_AGENT},
        )
        self._connections = connections

    def ask(self, entity: Any, name: str, *arguments: Any) -> bytes:
        """The raw reply to a call, for large ones that are parsed elsewhere. Faults are raised as by pyVmomi."""
        return self.send(self.SerializeRequest(entity, entity._GetMethodInfo(name), arguments))

    def send(self, body: bytes, confirm: Confirm | None = None) -> bytes:
        """The same for a request that was serialized elsewhere. Raises CallWithdrawn if `confirm` does."""
        headers = {**_HEADERS, "SOAPAction": self.versionId, "Cookie": self.cookie}
        answer = self._connections.exchange("POST", SDK_PATH, headers=headers, body=body, confirm=confirm)
        if answer.status == 200:
            return answer.body
        if answer.status == 500:
            # A fault contains its own type.
            raise _pyvmomi.SoapResponseDeserializer(self).Deserialize(answer.body, type(None))
        raise HTTPException(f"HTTP {answer.status}")

    def GetConnection(self) -> HTTPConnection:  # noqa: N802
        """An open connection."""
        return self._connections.take()

    def ReturnConnection(self, connection: HTTPConnection) -> None:  # noqa: N802
        """Keep the connection for the next call."""
        self._connections.give_back(connection)

    def DropConnections(self) -> None:  # noqa: N802
        """Close the idle connections after one broke."""
        self._connections.drop()


@dataclass(frozen=True, eq=False)
class SoapSession:
    """A session that is logged in.

    content: vim.ServiceInstanceContent. user: our name, as in vCenter's events.
    """

    stub: Stub
    content: Any
    user: str
    calls: CallGate

    def call(self, name: str, what: str, action: Callable[[], T]) -> T:
        """Make one call; `action` is pyVmomi's method with its arguments."""
        return self.calls.run(name, what, action)

    def object(self, ref: ManagedObject) -> Any:
        """pyVmomi's object for a reference; makes no call."""
        return getattr(_pyvmomi.vim, ref.type)(ref.value, self.stub)

    def instance(self) -> Any:
        """The root of the API."""
        return _pyvmomi.vim.ServiceInstance("ServiceInstance", self.stub)


class Soap:
    """Calls to vCenter's SOAP API, in a session that is opened when it is needed."""

    def __init__(self, connections: ConnectionPool, calls: CallGate, guard: LoginGuard) -> None:
        self._connections = connections
        self._calls = calls
        self._version: str | None = None
        self._holder: SessionHolder[SoapSession] = SessionHolder(guard, self._log_in)

    def attempt(self, work: Callable[[SoapSession], T], *, repeat: bool = True) -> T:
        """Carry out work of one or more calls; with `repeat`, once more after a lost session or response."""
        return self._holder.attempt(work, repeat=repeat)

    def session(self) -> SoapSession:
        """The session; logs in if there is none."""
        return self._holder.enter()

    def reach(self) -> None:
        """Check that vCenter responds and has a supported version of the API. Needs no login."""
        self._known_version()

    def log_out(self) -> None:
        """End the session, if there is one."""
        session = self._holder.leave()
        if session is not None:
            session.call("Logout", "Cannot log out of vCenter", session.content.sessionManager.Logout)

    def _log_in(self, login: Login) -> SoapSession:
        stub = Stub(self._connections, self._known_version())
        instance = _pyvmomi.vim.ServiceInstance("ServiceInstance", stub)
        content = self._calls.run("RetrieveContent", LOGIN, instance.RetrieveContent)
        manager = content.sessionManager
        session = self._calls.run("Login", LOGIN, lambda: manager.Login(login.username, login.password))
        return SoapSession(stub, content, session.userName, self._calls)

    def _known_version(self) -> str:
        if self._version is None:
            self._version = self._calls.run("GetServiceVersions", LOGIN, self._negotiate)
        return self._version

    def _negotiate(self) -> str:
        """The newest version of the API that both vCenter and pyVmomi support."""
        answer = self._connections.exchange("GET", f"{SDK_PATH}/vimServiceVersions.xml")
        offered = offered_versions(answer.body) if answer.status == 200 else frozenset()
        for version in _pyvmomi.service_versions(NAMESPACE.removeprefix("urn:")):
            if _pyvmomi.version_ids[version] in offered:
                return str(version)
        why = f"{self._connections.endpoint} does not respond like a vCenter (HTTP {answer.status})"
        if offered:
            why = f"{self._connections.endpoint} has no API version that pyVmomi supports"
        raise VCenterUnreachable(LOGIN, why=why, next_step="Check the address; vCenter takes several minutes to start.")


def offered_versions(document: bytes) -> frozenset[str]:
    """The versions in vimServiceVersions.xml, such as 8.0.3.0; empty for anything else."""
    try:
        # As safe as all other replies: pyVmomi reads them with the same parser.
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError:
        return frozenset()
    spaces = [space for space in root.iter("namespace") if space.findtext("name") == NAMESPACE]
    return frozenset(version.text or "" for space in spaces for version in space.iter("version"))
