# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What activities that change VMs need from outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from temporalio import activity

from vsphere_preemption.core.errors import (
    PreemptionError,
    VCenterFault,
    VCenterLoginRefused,
    VCenterTimeout,
    VCenterUnreachable,
)
from vsphere_preemption.temporal.run_control import Attempt, Execution

# A fault of one VM gets one more try after each of these, in seconds; an outage of vCenter is then left to Temporal.
PAUSES = (0.5, 1.0, 2.0)
OUTAGE = (VCenterUnreachable, VCenterTimeout, VCenterLoginRefused)

Errors = Callable[[PreemptionError], bool]


def this_attempt() -> Attempt:
    """The attempt of the calling activity; only in the activity's own context."""
    info = activity.info()
    run = Execution(info.workflow_id or "", info.workflow_run_id or "")
    return Attempt(run, info.activity_id, info.attempt)


def any_fault(error: PreemptionError) -> bool:
    """The errors after which a mark is written again: all but those of the account and of our own."""
    return isinstance(error, (*OUTAGE, VCenterFault))


def may_pass(error: PreemptionError) -> bool:
    """The errors after which a power call is tried again, or a look shows that the VM has the state already."""
    return error.retryable or (isinstance(error, VCenterFault) and error.fault == "InvalidPowerState")


@dataclass(frozen=True, kw_only=True)
class ActivityContext:
    """The dependencies of one attempt, which tests can replace.

    check_in: raises when the rest is left to the next worker. clock: monotonic, in seconds.
    """

    now: Callable[[], datetime]
    check_in: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep

    def tries(self, worth: Errors, *, left_to_temporal: tuple[type[PreemptionError], ...] = OUTAGE) -> Iterator[Errors]:
        """One item for each try of a call that changes a VM: to be called with the error if the try fails.

        It returns False for an error that is not worth another try, and pauses before the next try otherwise.
        After the last try it raises the errors that are left to Temporal.
        """
        for seconds in (*PAUSES, None):

            def again(error: PreemptionError, seconds: float | None = seconds) -> bool:
                if seconds is None and isinstance(error, left_to_temporal):
                    raise error
                if worth(error):
                    self.pause(seconds or 0)
                return worth(error)

            yield again
