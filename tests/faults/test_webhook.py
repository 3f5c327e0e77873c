# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The webhook, and all that can go wrong around it: what was answered with 202 is never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.hook_stage import ALARM, TOKEN, HookStage, hook_stage
from support.hostile import Hostility, storm
from support.temporal import TemporalServer
from support.vcsim import VCSim
from support.waiting import wait_until

from .conftest import TAGGED

KILLS = 5
REQUESTS = 2000


@pytest.fixture
def hook(tmp_path: Path, temporal: TemporalServer, vcsim: VCSim, task_queue: str) -> Iterator[HookStage]:
    vcsim.tag_machines(TAGGED)
    with hook_stage(tmp_path, temporal, vcsim, name=task_queue) as stage:
        yield stage


def test_a_worker_that_is_killed_right_after_its_answer_loses_nothing(hook: HookStage) -> None:
    accepted = [event_id for number in range(KILLS) for event_id in hook.kill_after_an_answer(f"kill-{number}")]
    assert len(accepted) >= KILLS
    hook.wait_outcomes(accepted)


def test_hostile_requests_leave_a_worker_that_serves(hook: HookStage) -> None:
    hostility = Hostility(3, alarm=ALARM, cluster=hook.cluster, token=TOKEN)
    tally = asyncio.run(storm(hook.send.port, hostility, REQUESTS, name="good"))
    assert tally.lost == []
    assert 500 not in tally.answers
    hook.wait_outcomes(tally.taken)
    assert "Traceback" not in hook.worker.log_text()
    assert TOKEN not in hook.worker.log_text()


def test_while_temporal_is_away_the_sender_is_told_to_come_again(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, vcsim: VCSim, task_queue: str
) -> None:
    vcsim.tag_machines(TAGGED)
    server = TemporalServer(tmp_path_factory.mktemp("temporal"), durable=True).start()
    try:
        with hook_stage(tmp_path, server, vcsim, name=task_queue) as hook:
            server.stop()
            away = hook.post("patient")
            assert (away.status, away.headers["retry-after"]) == (503, "5")
            server.start()
            wait_until(lambda: hook.post("patient").status == 202, 60, "Temporal has the request")
            hook.wait_outcomes(["patient"])
    finally:
        server.stop()
