# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in: one thread at a time, and never twice with a pair that was refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from vsphere_preemption.core.errors import VCenterLoginRefused, VCenterUnreachable
from vsphere_preemption.vcenter.settings import Login
from vsphere_preemption.vcenter.transport.faults import ConnectionBroken, SessionLost
from vsphere_preemption.vcenter.transport.login import LoginGuard, SessionHolder

OLD, NEW = Login("me", "old"), Login("me", "new")


@dataclass
class Secrets:
    """Credentials that change between two looks; the last one stays."""

    logins: list[Login]

    def read(self) -> Login:
        return self.logins.pop(0) if len(self.logins) > 1 else self.logins[0]


@dataclass
class Server:
    """Accepts one password. opened: the passwords that were tried."""

    password: str = "old"
    opened: list[str] = field(default_factory=list)

    def open(self, login: Login) -> str:
        self.opened.append(login.password)
        if login.password != self.password:
            raise VCenterLoginRefused("Cannot log in", why="it was refused", next_step="Give the right one.")
        return f"session {len(self.opened)}"


def a_door(server: Server, *logins: Login) -> SessionHolder[str]:
    return SessionHolder(LoginGuard(Secrets(list(logins))), server.open)


def lost_first(error: type[Exception]) -> Callable[[str], str]:
    """Work that fails the first time."""
    problems = [error("Cannot work", why="it is lost", next_step="Try again.")]  # type: ignore[call-arg]

    def work(session: str) -> str:
        if problems:
            raise problems.pop()
        return session

    return work


def test_a_session_is_opened_once_and_kept() -> None:
    server = Server()
    holder = a_door(server, OLD)
    assert holder.enter() == holder.enter() == "session 1"


def test_many_threads_open_one_session() -> None:
    server = Server()
    holder = a_door(server, OLD)
    together = threading.Barrier(8)

    def enter(number: int) -> str:
        together.wait()
        return holder.enter()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(enter, range(8))) == {"session 1"}


def test_a_lost_session_is_replaced_and_the_work_done_again() -> None:
    holder = a_door(Server(), OLD)
    assert holder.attempt(lost_first(SessionLost)) == "session 2"


def test_a_change_in_a_lost_session_is_left_to_the_caller_and_the_next_one_logs_in() -> None:
    """A login may take long; whether the change is still wanted afterwards is not known here."""
    server = Server()
    holder, work = a_door(server, OLD), lost_first(SessionLost)
    with pytest.raises(SessionLost) as lost:
        holder.attempt(work, repeat=False)
    assert lost.value.retryable
    assert server.opened == ["old"]
    assert holder.attempt(work, repeat=False) == "session 2"


def test_a_session_that_is_lost_again_at_once_is_an_error() -> None:
    def work(session: str) -> str:
        raise SessionLost("Cannot work", why="it is lost", next_step="Try again.")

    server = Server()
    with pytest.raises(SessionLost):
        a_door(server, OLD).attempt(work)
    assert len(server.opened) == 2


def test_after_a_broken_connection_a_read_is_repeated_in_the_same_session() -> None:
    assert a_door(Server(), OLD).attempt(lost_first(ConnectionBroken)) == "session 1"


def test_after_a_broken_connection_a_change_is_not_repeated() -> None:
    with pytest.raises(ConnectionBroken):
        a_door(Server(), OLD).attempt(lost_first(ConnectionBroken), repeat=False)


def test_a_refused_pair_is_not_sent_again() -> None:
    server = Server("other")
    holder = a_door(server, OLD)
    for _attempt in range(3):
        with pytest.raises(VCenterLoginRefused):
            holder.enter()
    assert server.opened == ["old"]


def test_a_refused_pair_is_not_sent_by_another_kind_of_session_either() -> None:
    server = Server("other")
    guard = LoginGuard(Secrets([OLD]))
    for holder in (SessionHolder(guard, server.open), SessionHolder(guard, server.open)):
        with pytest.raises(VCenterLoginRefused):
            holder.enter()
    assert server.opened == ["old"]


def test_a_pair_that_was_rotated_during_the_login_is_used_at_once() -> None:
    server = Server("new")
    assert a_door(server, OLD, NEW).enter() == "session 2"
    assert server.opened == ["old", "new"]


def test_a_pair_that_was_rotated_later_is_used_by_the_next_call() -> None:
    server = Server("new")
    secrets = Secrets([OLD])
    holder = SessionHolder(LoginGuard(secrets), server.open)
    with pytest.raises(VCenterLoginRefused):
        holder.enter()
    secrets.logins = [NEW]
    assert holder.enter() == "session 2"


def test_the_same_pair_stored_anew_is_given_another_try() -> None:
    server = Server("new")
    secrets = Secrets([OLD])
    holder = SessionHolder(LoginGuard(secrets), server.open)
    for login in (OLD, Login("me", "old", written="later")):
        secrets.logins = [login]
        with pytest.raises(VCenterLoginRefused):
            holder.enter()
    assert server.opened == ["old", "old"]


class ArrivalClock:
    """Counts how often it is asked, and lets go once all have arrived."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._lock = threading.Lock()
        self._asked = 0
        self.all_arrived = threading.Event()

    def __call__(self) -> float:
        with self._lock:
            self._asked += 1
            if self._asked == self._expected:
                self.all_arrived.set()
            return self._asked


def test_who_waited_for_a_failing_login_shares_its_failure() -> None:
    """Or else each of them would wait for the time limit of a login of its own."""
    clock, opened = ArrivalClock(4), []

    def open_session(login: Login) -> str:
        opened.append(login)
        clock.all_arrived.wait(5)
        raise VCenterUnreachable("Cannot log in", why="nobody answers", next_step="Try again.")

    holder = SessionHolder(LoginGuard(Secrets([OLD]), clock), open_session)

    def enter(number: int) -> str:
        with pytest.raises(VCenterUnreachable) as caught:
            holder.enter()
        return caught.value.why

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(enter, range(4))) == ["nobody answers"] * 4
    assert len(opened) == 1
