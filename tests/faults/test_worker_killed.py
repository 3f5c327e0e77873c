# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker dies, and another one goes on: nothing twice, nothing lost, at every boundary."""

from __future__ import annotations

import pytest

from support.dispatcher import a_request
from support.sink import Delivery
from support.vcenter_faults import Run, Swallow

from .conftest import TAGGED, Stage

BOUNDARIES = {
    "while planning": ("RetrievePropertiesEx", 0, False),
    "before the first mark": ("SetField", 0, False),
    "after the first mark": ("SetField", 0, True),
    "between the marks": ("SetField", 2, False),
    "before the first power-off": ("PowerOffVM_Task", 0, False),
    "after the first power-off": ("PowerOffVM_Task", 0, True),
    "between the power-offs": ("PowerOffVM_Task", 3, True),
    "while waiting": ("WaitForUpdatesEx", 0, True),
    "before the first settled mark": ("SetField", 5, False),
    "between the settled marks": ("SetField", 7, True),
}


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_killed_worker_leaves_a_run_that_the_next_one_finishes(stage: Stage, boundary: str) -> None:
    call, skip, after = BOUNDARIES[boundary]
    killing = stage.proxy.on(call, Run(stage.shoot_worker, after_forwarding=after), skip=skip)
    request = a_request(replyTo=stage.sink.url)
    stage.dispatcher.send(request)
    stage.worker.wait_ended()
    assert killing.used == 1
    stage.worker.start()
    record = stage.dispatcher.outcome_of(request["event"]["id"])
    assert record["outcome"] == "done"
    assert stage.stopped_by_us() == set(TAGGED)
    stage.assert_aftermath(record)


def test_a_worker_killed_while_it_announces_repeats_the_same_id(stage: Stage) -> None:
    shot: list[Delivery] = []

    def shoot_once(delivery: Delivery) -> None:
        if not shot:
            shot.append(delivery)
            stage.shoot_worker()

    stage.sink.on_delivery = shoot_once
    request = a_request(replyTo=stage.sink.url)
    stage.dispatcher.send(request)
    stage.worker.wait_ended()
    stage.worker.start()
    record = stage.dispatcher.outcome_of(request["event"]["id"])
    assert record["announcement"]["status"] == "sent"
    assert len(stage.sink.events()) == 2
    stage.assert_aftermath(record)


def test_sigterm_in_mid_run_hands_the_run_over_and_no_guest_is_asked_twice(stage: Stage) -> None:
    stage.worker.restart_with({"PREEMPTION_GRACE_SECONDS": "10"})
    # Guests that do nothing: they are powered off when the grace period that began with the first worker is over.
    stage.proxy.on("ShutdownGuest", Swallow(), times=None)
    request = a_request("MEDIUM", replyTo=stage.sink.url)
    stage.dispatcher.send(request)
    stage.wait_for_calls("ShutdownGuest", 5)
    assert stage.worker.stop() == 0
    stage.worker.start()
    record = stage.dispatcher.outcome_of(request["event"]["id"])
    assert record["outcome"] == "done"
    assert {victim["reason"] for victim in record["victims"]} == {"grace_period_over"}
    assert stage.proxy.calls.counts()["ShutdownGuest"] == len(TAGGED)
    assert stage.stopped_by_us() == set(TAGGED)
    stage.assert_aftermath(record)
