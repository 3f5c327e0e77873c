# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile requests by the hundred: none makes the webhook fail, and no good event is lost among them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from support.hostile import Hostility, storm

from .conftest import ALARM, CLUSTER, Listen

TOKEN = "a-token-that-nobody-guesses"
REQUESTS = 500


@pytest.mark.parametrize("seed", [1, 2])
def test_hostile_requests_do_no_harm(
    listen: Listen, tmp_path: Path, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    hook = listen(token_file=file, per_second=1_000_000)
    hostility = Hostility(seed, alarm=ALARM, cluster=CLUSTER, token=TOKEN)
    tally = asyncio.run(storm(hook.send.port, hostility, REQUESTS, name="good"))
    assert tally.lost == []
    assert set(tally.taken) <= {event.id for event in hook.acts.asked}
    assert 500 not in tally.answers, [record.exc_text for record in caplog.records if record.exc_text][:3]
    assert {400, 401, 413, 415} <= set(tally.answers)
    assert TOKEN not in caplog.text
