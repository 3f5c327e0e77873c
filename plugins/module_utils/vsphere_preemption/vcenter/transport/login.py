# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in without locking the account.

vCenter locks an account after a few wrong passwords. So credentials that were rejected once are never sent again; they
count as new if their files were written again. Credentials are read for every login, so a rotated password is used
without a restart.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from ...core.errors import PreemptionError, VCenterLoginRefused
from ..settings import Credentials, Login, unusable_login
from .faults import ConnectionBroken, SessionLost

S = TypeVar("S")
T = TypeVar("T")


class LoginGuard:
    """Allows one thread at a time to log in. Shared by all kinds of session of one client.

    Threads that waited while another thread failed get the same failure, instead of trying again.
    """

    def __init__(self, credentials: Credentials, clock: Callable[[], float] = time.monotonic) -> None:
        self._credentials = credentials
        self._clock = clock
        self._lock = threading.Lock()
        self._refused: Login | None = None
        self._failure: tuple[float, PreemptionError] | None = None

    def serve(self, existing: Callable[[], S | None], open_session: Callable[[Login], S]) -> S:
        """The existing session, or a new one. Raises VCenterLoginRefused, without a call, for rejected credentials."""
        arrived = self._clock()
        with self._lock:
            session = existing()
            if session is not None:
                return session
            self._share_failure(arrived)
            try:
                return self._log_in(open_session)
            except PreemptionError as error:
                self._failure = (self._clock(), error)
                raise

    def _share_failure(self, arrived: float) -> None:
        if self._failure is not None and self._failure[0] > arrived:
            error = self._failure[1]
            raise type(error)(error.what, why=error.why, next_step=error.next_step, retryable=error.retryable)

    def _log_in(self, open_session: Callable[[Login], S]) -> S:
        login = self._credentials.read()
        if login == self._refused:
            raise unusable_login(f"it rejected the user {login.username}, and the credentials have not changed since")
        try:
            return open_session(login)
        except VCenterLoginRefused:
            self._refused = login
            newer = self._credentials.read()
            if newer == login:
                raise
        # The files were replaced while vCenter checked the previous credentials.
        try:
            return open_session(newer)
        except VCenterLoginRefused:
            self._refused = newer
            raise


class SessionHolder(Generic[S]):
    """Owns a session of one kind: opens it when it is needed, and opens a new one after it was lost."""

    def __init__(self, guard: LoginGuard, open_session: Callable[[Login], S]) -> None:
        self._guard = guard
        self._open_session = open_session
        self._session: S | None = None

    def enter(self) -> S:
        """The session; logs in if there is none."""
        session = self._session
        return session if session is not None else self._guard.serve(lambda: self._session, self._open)

    def attempt(self, work: Callable[[S], T], *, repeat: bool = True) -> T:
        """Carry out work of one or more calls.

        With `repeat`, it is repeated once in a new session if vCenter does not recognize the old one, and once after a
        broken connection. Without, as for a change, the error is raised. After a broken connection, the change may have
        been carried out; and a login may take long, after which the caller must decide again whether to make it.
        """
        session_lost = broken = False
        while True:
            session = self.enter()
            try:
                return work(session)
            except SessionLost:
                self._forget(session)
                if session_lost or not repeat:
                    raise
                session_lost = True
            except ConnectionBroken:
                if broken or not repeat:
                    raise
                broken = True

    def leave(self) -> S | None:
        """Release the session, so that it can be ended."""
        session, self._session = self._session, None
        return session

    def _forget(self, lost: S) -> None:
        if self._session is lost:
            self._session = None

    def _open(self, login: Login) -> S:
        self._session = self._open_session(login)
        return self._session
