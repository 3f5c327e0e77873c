# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of short-lived processes: limited, and with a rest at the end whatever happens."""

from __future__ import annotations

import asyncio
import getpass

import pytest

from vsphere_preemption.core.errors import OutcomeTimeout, TemporalUnreachable
from vsphere_preemption.temporal import blocking


async def nothing() -> str:
    return "done"


async def failing() -> str:
    raise TemporalUnreachable("Cannot connect", why="it is down", next_step="Start it.")


async def endless() -> str:
    await asyncio.Event().wait()
    return "never"


async def endless_in_foreign_hands() -> str:
    """As temporalio does: a cancelled call comes out as an error of another kind."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError as error:
        raise RuntimeError("the call was cancelled") from error
    return "never"


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []

    async def rest(seconds: float) -> None:
        taken.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", rest)
    return taken


def test_the_result_comes_back_after_a_rest(rests: list[float]) -> None:
    assert blocking.run(nothing, timeout_seconds=5) == "done"
    assert rests == [blocking.REST_SECONDS]


def test_an_error_comes_out_as_it_is_after_a_rest(rests: list[float]) -> None:
    with pytest.raises(TemporalUnreachable):
        blocking.run(failing, timeout_seconds=5)
    assert rests == [blocking.REST_SECONDS]


@pytest.mark.parametrize("call", [endless, endless_in_foreign_hands])
def test_what_takes_too_long_is_ended_and_told(rests: list[float], call: object) -> None:
    with pytest.raises(OutcomeTimeout, match=r"after 0\.05 seconds"):
        blocking.run(call, timeout_seconds=0.05)  # type: ignore[arg-type]
    assert rests == [blocking.REST_SECONDS]


@pytest.mark.parametrize("error", [KeyError("uid"), OSError("no user name"), ImportError("pwd")])
def test_a_user_id_without_an_account_has_no_name(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def unknown() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", lambda: "operator")
    assert blocking.account() == "operator"
    monkeypatch.setattr(getpass, "getuser", unknown)
    assert blocking.account() == ""
