# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vCenter's REST API for tags, under both of its paths.

vCenter 7.0U2 and later use `/api`; older versions and the simulator only have `/rest`, and return 404 for the other.
They differ in paths and wrapping, not in meaning: `/rest` wraps every reply in an object, and writes an empty list as
null. The family is detected at login and remembered.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from ...core.errors import (
    PreemptionError,
    VCenterFault,
    VCenterLoginRefused,
    VCenterPermissionDenied,
    VCenterUnreachable,
)
from ..settings import Login
from .faults import SessionLost
from .gate import CallGate
from .http import ConnectionPool, HttpResponse
from .login import LoginGuard, SessionHolder

T = TypeVar("T")

SESSION_HEADER = "vmware-api-session-id"
LOGIN = "Cannot log in to vCenter's REST API"
# Behind vCenter's gateway the service is starting or overloaded.
UNAVAILABLE = frozenset({429, 502, 503, 504})
DONE = frozenset({200, 201, 204})
LONGEST_MESSAGE = 300


@dataclass(frozen=True)
class PathFamily:
    """The paths of one form of the API. id_mark: before an id in a path. wrapped: replies are in `value`."""

    session: str
    root: str
    id_mark: str
    action_key: str
    wrapped: bool

    def path(self, kind: str, item: str | None = None, action: str | None = None) -> str:
        """The path of all objects of a kind or of one, for reading or for an action."""
        place = f"/{self.id_mark}{quote(item, safe=':')}" if item is not None else ""
        return f"{self.root}/{kind}{place}{f'?{self.action_key}={action}' if action else ''}"


API = PathFamily("/api/session", "/api/cis/tagging", "", "action", wrapped=False)
REST = PathFamily("/rest/com/vmware/cis/session", "/rest/com/vmware/cis/tagging", "id:", "~action", wrapped=True)


class NotThere(VCenterFault):
    """vCenter has no such object: HTTP 404."""


class AlreadyThere(VCenterFault):
    """vCenter already has an object with this name."""


@dataclass(frozen=True, eq=False)
class RestSession:
    """A session that is logged in."""

    family: PathFamily
    key: str


# The request depends on the family: method, path and body.
Question = Callable[[PathFamily], tuple[str, str, "dict[str, Any] | None"]]


class Rest:
    """Calls to vCenter's REST API, in a session that is opened when it is needed."""

    def __init__(self, connections: ConnectionPool, calls: CallGate, guard: LoginGuard) -> None:
        self._connections = connections
        self._calls = calls
        self._families: tuple[PathFamily, ...] = (API, REST)
        self._holder: SessionHolder[RestSession] = SessionHolder(guard, self._log_in)

    def ask(self, name: str, what: str, question: Question, read: Callable[[Any], T]) -> T:
        """The result of `read` for the reply to a read-only request. Raises NotThere for a missing object."""
        return self._holder.attempt(lambda session: self._ask(session, name, what, question, read))

    def change(self, name: str, what: str, question: Question) -> Any:
        """The reply to a request that changes something; None if there is none. Raises NotThere, AlreadyThere.

        It is sent again after a broken connection, so it may find its own change.
        """

        def work(session: RestSession) -> Any:
            method, path, body = question(session.family)

            def action() -> Any:
                answer = self._send(session, method, path, body)
                if answer.status not in DONE:
                    raise _refusal(answer, what, self._calls.address)
                return _content(answer, session.family) if answer.body.strip() else None

            return self._calls.run(name, what, action)

        return self._holder.attempt(work)

    def log_in(self) -> None:
        """Open the session if there is none."""
        self._holder.enter()

    def log_out(self) -> None:
        """End the session, if there is one."""
        session = self._holder.leave()
        if session is not None:
            what = "Cannot log out of vCenter's REST API"
            self._calls.run("delete-session", what, lambda: self._send(session, "DELETE", session.family.session, None))

    def _ask(self, session: RestSession, name: str, what: str, question: Question, read: Callable[[Any], T]) -> T:
        method, path, body = question(session.family)

        def action() -> T:
            answer = self._send(session, method, path, body)
            if answer.status != 200:
                raise _refusal(answer, what, self._calls.address)
            return read(_content(answer, session.family))

        return self._calls.run(name, what, action)

    def _send(self, session: RestSession, method: str, path: str, body: dict[str, Any] | None) -> HttpResponse:
        headers = {SESSION_HEADER: session.key, "Accept": "application/json"}
        if body is None:
            return self._connections.exchange(method, path, headers=headers)
        headers["Content-Type"] = "application/json"
        return self._connections.exchange(method, path, headers=headers, body=json.dumps(body).encode())

    def _log_in(self, login: Login) -> RestSession:
        for family in self._families:
            session = self._calls.run("create-session", LOGIN, partial(self._open, family, login))
            if session is not None:
                # The family that worked is tried first from now on.
                self._families = (family, *(other for other in self._families if other is not family))
                return session
        why = f"{self._calls.address} has neither {API.session} nor {REST.session}"
        raise VCenterUnreachable(LOGIN, why=why, next_step="Check the address; vCenter takes several minutes to start.")

    def _open(self, family: PathFamily, login: Login) -> RestSession | None:
        """A new session; None if vCenter does not have this family of paths."""
        pair = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
        answer = self._connections.exchange("POST", family.session, headers={"Authorization": f"Basic {pair}"})
        if answer.status == 404:
            return None
        if answer.status == 401:
            why = f"{self._calls.address} rejected the user name or password"
            raise VCenterLoginRefused(LOGIN, why=why, next_step="Store the correct credentials; no restart is needed.")
        if answer.status not in (200, 201):
            raise _refusal(answer, LOGIN, self._calls.address)
        content = json.loads(answer.body)
        return RestSession(family, str(content["value"] if family.wrapped else content))


def _content(answer: HttpResponse, family: PathFamily) -> Any:
    content = json.loads(answer.body)
    return content["value"] if family.wrapped else content


def _refusal(answer: HttpResponse, what: str, address: str) -> PreemptionError:
    """The error for a reply that is not successful."""
    status = answer.status
    message = _message(answer.body)
    why = f"{address} returned HTTP {status}{f' ({message})' if message else ''}"
    if status == 401:
        return SessionLost(what, why="vCenter ended our REST session", next_step="Retry; a new session is opened.")
    if status == 403:
        step = "Grant the account System.Read on the tag and on the tagged objects."
        return VCenterPermissionDenied(what, why=why, next_step=step)
    if status == 404:
        return NotThere(what, why=why, next_step="Check that the object still exists.")
    if status == 400 and _kind(answer.body) == "already_exists":
        return AlreadyThere(what, why=why, next_step="Use another name, or give the account access to the object.")
    if status in UNAVAILABLE:
        return VCenterUnreachable(what, why=why, next_step="Retry once the vCenter services are running.")
    step = "Check the log of vCenter's vAPI endpoint for the reason."
    return VCenterFault(what, why=why, next_step=step, retryable=status >= 500)


def _message(body: bytes) -> str:
    """vCenter's messages in a standard error; empty for any other body."""
    try:
        content = json.loads(body)
        messages = content.get("value", content)["messages"]
        return " ".join(str(message["default_message"]) for message in messages)[:LONGEST_MESSAGE]
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""


def _kind(body: bytes) -> str:
    """The type of a standard error, such as `already_exists`, in either family; empty for any other body."""
    try:
        content = json.loads(body)
        return str(content.get("error_type") or content.get("type") or "").rpartition(".")[2].lower()
    except (ValueError, AttributeError):
        return ""
