# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What surrounds an activity: its heart beats, and what it is told while it works."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from vsphere_preemption.core.errors import TagNotFound, VCenterUnreachable
from vsphere_preemption_worker.activities.support import heartbeat
from vsphere_preemption_worker.activities.support.heartbeat import with_heartbeat


@pytest.fixture(autouse=True)
def fast_heart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)


def beats_of(environment: ActivityEnvironment, work: Callable[[threading.Event], object]) -> int:
    """How often the heart beat while the work waited for its first beat, for a fifth of a second at most."""
    beaten = threading.Event()
    beats: list[object] = []

    def on_heartbeat(*details: object) -> None:
        beats.append(details)
        beaten.set()

    environment.on_heartbeat = on_heartbeat

    def supervised_work() -> None:
        with with_heartbeat():
            work(beaten)

    environment.run(supervised_work)
    return len(beats)


def test_long_work_is_heard_of() -> None:
    assert beats_of(ActivityEnvironment(), lambda beaten: beaten.wait(5)) > 0


def test_a_local_activity_sends_no_beat() -> None:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, is_local=True)
    assert beats_of(environment, lambda beaten: beaten.wait(0.2)) == 0


def test_a_cancelled_run_is_told_but_goes_on_until_it_looks() -> None:
    environment = ActivityEnvironment()
    told = threading.Event()

    def work() -> bool:
        with with_heartbeat() as watch:
            environment.cancel(
                cancellation_details=activity.ActivityCancellationDetails(cancel_requested=True),
            )
            for _attempt in range(500):
                if watch.cancelled():
                    told.set()
                    break
                told.wait(0.01)
            watch.raise_if_handed_over()
            return watch.cancelled()

    assert environment.run(activity.defn(no_thread_cancel_exception=True)(work)) is True


def test_an_attempt_that_temporal_has_given_up_hands_over() -> None:
    environment = ActivityEnvironment()

    def work() -> None:
        with with_heartbeat() as watch:
            environment.cancel(cancellation_details=activity.ActivityCancellationDetails(not_found=True))
            for _attempt in range(500):
                watch.raise_if_handed_over()
                threading.Event().wait(0.01)

    with pytest.raises(ApplicationError, match="another attempt continues") as handed_over:
        environment.run(activity.defn(no_thread_cancel_exception=True)(work))
    assert not handed_over.value.non_retryable


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (TagNotFound("No", why="gone", next_step="Look."), True),
        (VCenterUnreachable("No", why="away", next_step="Wait."), False),
    ],
)
def test_our_errors_tell_temporal_whether_a_retry_helps(error: Exception, final: bool) -> None:
    def work() -> None:
        with with_heartbeat():
            raise error

    with pytest.raises(ApplicationError) as failure:
        ActivityEnvironment().run(work)
    assert (failure.value.type, failure.value.non_retryable) == (getattr(error, "code", ""), final)
