# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of signals to one workflow: none lost, none wedged, and the history stays short."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload

from support.dispatcher import Dispatcher, a_request
from support.temporal import TemporalServer
from support.vcsim import VCSim
from support.worker import WorkerProcess

SIGNALS = 3000
SUGGESTED_AT = 500


@pytest.fixture
def short_histories(tmp_path: Path) -> Iterator[TemporalServer]:
    """A server that suggests to continue as new early, so that it happens several times here."""
    setting = f"limit.historyCount.suggestContinueAsNew={SUGGESTED_AT}"
    server = TemporalServer(tmp_path, dynamic_config=[setting]).start()
    yield server
    server.stop()


def test_three_thousand_signals_each_have_one_outcome(
    short_histories: TemporalServer, vcsim: VCSim, tmp_path_factory: pytest.TempPathFactory
) -> None:
    vcsim.tag_machines(["DC0_C0_RP0_VM0"])
    worker = WorkerProcess(
        tmp_path_factory.mktemp("worker"),
        temporal_address=short_histories.address,
        vcenter=vcsim.client_environment(),
        task_queue="storm",
        settings={"PREEMPTION_WINDOW_SECONDS": "3600"},
    ).start()
    dispatcher = Dispatcher(short_histories, workflow_id="storm", task_queue="storm")
    requests = [a_request(event_id=f"event-{number % (SIGNALS - 100)}") for number in range(SIGNALS)]
    try:
        dispatcher.send_many(requests)
        dispatcher.send_raw([Payload(metadata={"encoding": b"binary/plain"}, data=b"\xff")])
        dispatcher.wait_counts(done=1, skipped=SIGNALS - 101, duplicate=100, rejected=1)
        description = dispatcher.do(dispatcher.handle.describe())
        assert description.history_length < 6 * SUGGESTED_AT
        assert len(dispatcher.runs()) == 1
    finally:
        dispatcher.close()
        worker.stop()
