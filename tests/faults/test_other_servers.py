# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sink and the Temporal server fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.dispatcher import Dispatcher, a_request
from support.sink import Answer, Sink
from support.temporal import TemporalServer
from support.vcsim import VCSim
from support.waiting import wait_until
from support.worker import WorkerProcess

from .conftest import TAGGED, Stage


def test_a_sink_that_fails_at_first_gets_one_id_in_the_end(stage: Stage) -> None:
    stage.sink.answer(Answer(500), times=3)
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert record["announcement"]["status"] == "sent"
    assert len(stage.sink.events()) == 4
    stage.assert_aftermath(record)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param(Answer(404), "refused", id="does not want it"),
        pytest.param(Answer.redirect("http://127.0.0.1:1/"), "refused", id="sends it elsewhere"),
    ],
)
def test_a_sink_that_refuses_is_on_record_and_not_asked_again(stage: Stage, answer: Answer, status: str) -> None:
    stage.sink.answer(answer, times=100)
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert (record["outcome"], record["announcement"]["status"]) == ("done", status)
    assert len(stage.sink.events()) == 1
    stage.assert_aftermath(record)


def test_a_reply_target_that_is_not_allowed_gets_nothing(stage: Stage) -> None:
    stage.worker.restart_with({"PREEMPTION_REPLY_TO_ALLOW": "events.example.com"})
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert (record["outcome"], record["announcement"]["status"]) == ("done", "refused")
    assert stage.sink.events() == []


def test_a_sink_that_hangs_ends_failed_but_the_run_is_done(stage: Stage) -> None:
    stage.worker.restart_with({"PREEMPTION_REPLY_TIMEOUT_SECONDS": "3"})
    stage.sink.answer(Answer.hang(), times=100)
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url), seconds=90)
    assert (record["outcome"], record["announcement"]["status"]) == ("done", "failed")
    assert set(stage.phases().values()) == {"preempted"}


@pytest.fixture
def durable_temporal(tmp_path: Path) -> Iterator[TemporalServer]:
    server = TemporalServer(tmp_path, durable=True).start()
    yield server
    server.stop()


def test_temporal_restarted_in_mid_run(
    durable_temporal: TemporalServer, vcsim: VCSim, sink: Sink, tmp_path_factory: pytest.TempPathFactory
) -> None:
    vcsim.tag_machines(TAGGED)
    vcsim.restart(delays_ms={"PowerOff": 3000})
    worker = WorkerProcess(
        tmp_path_factory.mktemp("worker"),
        temporal_address=durable_temporal.address,
        vcenter=vcsim.client_environment(),
        task_queue="restarted",
    ).start()
    dispatcher = Dispatcher(durable_temporal, workflow_id="restarted", task_queue="restarted")
    request = a_request(replyTo=sink.url)
    try:
        dispatcher.send(request)
        wait_until(lambda: len(vcsim.govc().marks()) == len(TAGGED), 20, "the marks")
        durable_temporal.restart()
        record = _patiently(lambda: dispatcher.outcome_of(request["event"]["id"]))
        assert record["outcome"] == "done"
        assert {mark["phase"] for mark in vcsim.govc().marks().values()} == {"preempted"}
        assert set(TAGGED).isdisjoint(vcsim.govc().powered_on())
        assert len({event["id"] for event in sink.events()}) == 1
    finally:
        dispatcher.close()
        worker.stop()


def _patiently(ask: Callable[[], dict[str, object]]) -> dict[str, object]:
    """The client's connection needs a moment after the server came back."""
    return wait_until(ask, 60, "an answer from Temporal", ignoring=(Exception,))
