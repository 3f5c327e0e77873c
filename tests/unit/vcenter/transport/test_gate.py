# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate that every call goes through."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from vsphere_preemption.core.errors import TagNotFound, VCenterTimeout
from vsphere_preemption.core.sending import CallWithdrawn
from vsphere_preemption.vcenter.transport.gate import CallGate, in_parallel


@pytest.mark.parametrize(("limit", "meet"), [(3, True), (2, False)])
def test_so_many_calls_as_allowed_are_under_way_and_no_more(limit: int, meet: bool) -> None:
    calls = CallGate(limit, address="vcenter:443")
    meeting = threading.Barrier(3)

    def call() -> bool:
        try:
            return meeting.wait(5 if meet else 0.2) >= 0
        except threading.BrokenBarrierError:
            return False

    with ThreadPoolExecutor(3) as threads:
        assert set(threads.map(lambda _: calls.run("Ping", "Cannot ping", call), range(3))) == {meet}


def test_each_call_is_told_to_the_observer_with_its_error() -> None:
    told: list[tuple[str, str | None]] = []
    calls = CallGate(1, address="vcenter:443", observe=lambda name, seconds, code: told.append((name, code)))
    calls.run("Ping", "Cannot ping", lambda: None)
    with pytest.raises(VCenterTimeout):
        calls.run("Pong", "Cannot pong", _time_out)
    with pytest.raises(TagNotFound):
        calls.run("Tag", "Cannot tag", _no_tag)
    assert told == [("Ping", None), ("Pong", "vcenter_timeout"), ("Tag", "tag_not_found")]


def test_a_call_that_was_withdrawn_was_not_made_and_frees_its_place() -> None:
    told: list[str] = []
    calls = CallGate(1, address="vcenter:443", observe=lambda name, seconds, code: told.append(name))

    def withdraw() -> None:
        raise CallWithdrawn

    with pytest.raises(CallWithdrawn):
        calls.run("Ping", "Cannot ping", withdraw)
    calls.run("Pong", "Cannot pong", lambda: None)
    assert told == ["Pong"]


def test_an_observer_that_fails_breaks_no_call() -> None:
    def observe(name: str, seconds: float, code: str | None) -> None:
        raise RuntimeError("the metrics are broken")

    assert CallGate(1, address="vcenter:443", observe=observe).run("Ping", "Cannot ping", lambda: 7) == 7


def test_the_original_error_is_chained() -> None:
    with pytest.raises(VCenterTimeout) as caught:
        CallGate(1, address="vcenter:443").run("Ping", "Cannot ping", _time_out)
    assert isinstance(caught.value.__cause__, TimeoutError)


def test_two_things_are_done_at_the_same_time() -> None:
    meeting = threading.Barrier(2)
    assert in_parallel(lambda: meeting.wait(5) >= 0, lambda: meeting.wait(5) >= 0) == (True, True)


def test_the_first_error_is_raised_after_both_have_ended() -> None:
    ended = threading.Event()
    with pytest.raises(TimeoutError):
        in_parallel(_time_out, ended.set)
    assert ended.is_set()


def _time_out() -> None:
    raise TimeoutError("timed out")


def _no_tag() -> None:
    raise TagNotFound("Cannot find it", why="there is none", next_step="Make it.")
