# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every activity of ours has around it: a heart that beats, and errors that Temporal understands."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from vsphere_preemption.core.errors import PreemptionError

BEAT_SECONDS = 0.5


class Heartbeat:
    """The requests that reach the activity from outside while it runs; thread-safe.

    progress: what the next attempt has to know; each beat carries it.
    """

    def __init__(self, progress: Callable[[], object] | None = None) -> None:
        self._progress = progress
        self._cancelled = threading.Event()
        self._handed_over = threading.Event()

    def cancelled(self) -> bool:
        """The run itself was cancelled. A worker that stops cancels its activities too, but means something else."""
        return self._cancelled.is_set()

    def hand_over(self) -> None:
        """Temporal has handed the work to another attempt, or no longer waits for any."""
        self._handed_over.set()

    def handed_over(self) -> bool:
        """Another attempt has the work, or soon will."""
        return self._handed_over.is_set()

    def raise_if_handed_over(self) -> None:
        """Leave the rest to another attempt: all that was done so far can be read from vCenter.

        Due when this worker stops, or when Temporal has handed the work to another one, because no heartbeat arrived.
        """
        if self._handed_over.is_set():
            raise ApplicationError(
                "The worker is shutting down, or was considered dead; another attempt continues",
                type="handed_over",
                next_retry_delay=timedelta(seconds=0.1),
            )

    def listen(self) -> None:
        """Beat once, and take in what Temporal and the worker say. Only in the activity's own context."""
        if not activity.info().is_local:  # of a local one the server knows nothing
            activity.heartbeat(*([self._progress()] if self._progress else []))
        details = activity.cancellation_details()
        if details and details.cancel_requested:
            self._cancelled.set()
        superseded = details and (details.timed_out or details.not_found)
        if superseded or activity.is_worker_shutdown():
            self._handed_over.set()


@contextmanager
def with_heartbeat(progress: Callable[[], object] | None = None) -> Iterator[Heartbeat]:
    """Heartbeat until the block ends; a PreemptionError in it becomes what Temporal retries, or does not.

    progress: what the next attempt finds in its heartbeat details, as JSON can hold it.

    The beat comes from a thread of its own, because one bulk read may take longer than the heartbeat timeout. Whether
    the work hangs is not for the heart to say: every call has a time limit.
    """
    over = threading.Event()
    heartbeat = Heartbeat(progress)
    context = contextvars.copy_context()
    beat = threading.Thread(target=context.run, args=(_beat, heartbeat, over), name="heartbeat", daemon=True)
    beat.start()
    try:
        yield heartbeat
    except PreemptionError as error:
        raise ApplicationError(str(error), type=error.code, non_retryable=not error.retryable) from error
    finally:
        over.set()
        beat.join()


def _beat(heartbeat: Heartbeat, over: threading.Event) -> None:
    # Not at once: most activities are over before the first beat, and one in flight would hold up their end.
    while not over.wait(BEAT_SECONDS):
        heartbeat.listen()
