# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and limits that all components and external partners must agree on.

The first block is the wire contract of the Go prototype (embano1/vsphere-preemption v0.3.0). It is kept unchanged, so
that its command line, its VEBA function and the consumers of its events continue to work.
"""

from __future__ import annotations

from enum import StrEnum

WORKFLOW_TYPE = "PreemptVMsWorkflow"
SIGNAL_PREEMPT = "PreemptVMsChan"
QUERY_STATE = "current_state"
ATTRIBUTE_NAME = "com.vmware.workflows.vsphere.preemption"
PREEMPTED_EVENT_TYPE = "com.vmware.workflows.vsphere.VmPreemptedEvent.v0"
DEFAULT_ADDRESS = "localhost:7233"
DEFAULT_NAMESPACE = "vsphere-preemption"
DEFAULT_TASK_QUEUE = "vsphere-preemption"
DEFAULT_WORKFLOW_ID = "preempctl-run"
DEFAULT_EVENT_TYPE = "PreempctlRunEvent"
DEFAULT_EVENT_SOURCE = "preempctl-run"
DEFAULT_SECRET_PATH = "/var/bindings/vsphere"

# Ours, in addition to the prototype's.
NOTICE_EVENT_TYPE = "com.vmware.workflows.vsphere.VmPreemptionNoticeEvent.v0"
RESTORED_EVENT_TYPE = "com.vmware.workflows.vsphere.VmRestoredEvent.v0"
SKIPPED_EVENT_TYPE = "com.vmware.workflows.vsphere.PreemptionSkippedEvent.v0"
FAILED_EVENT_TYPE = "com.vmware.workflows.vsphere.PreemptionFailedEvent.v0"
SCHEDULED_EVENT_TYPE = "PreemptionScheduled"
# Separate from manual requests: a schedule restores only the VMs that it stopped, and their re-run window does not
# skip it.
SCHEDULED_WORKFLOW_ID = "preemption-scheduled"

QUERY_RUNS = "runs"
QUERY_REQUESTS = "requests"
UPDATE_PREEMPT = "preempt"
RUN_WORKFLOW_TYPE = "PreemptionRun"
SWITCH_WORKFLOW_TYPE = "PreemptionSwitch"
RESTORE_WORKFLOW_TYPE = "PreemptionRestore"
CLAIMS_WORKFLOW_TYPE = "PreemptionClaims"
WATCH_WORKFLOW_TYPE = "PreemptionAlarmWatch"
SCHEDULED_WORKFLOW_TYPE = "PreemptionScheduled"
RAISE_WORKFLOW_TYPE = "PreemptionRaise"
UPDATE_CLAIM = "claim"
SIGNAL_RELEASE = "release"
UPDATE_DECIDE = "decide"
SIGNAL_HURRY = "hurry"
# To a dispatcher: the alarm of its requests is green.
SIGNAL_PRESSURE_GONE = "pressure_gone"
QUERY_PROGRESS = "progress"
QUERY_RECORD = "record"
# Every manual restore that the library starts has it.
MEMO_REQUEST = "request"

RUNS_REMEMBERED = 20


class Criticality(StrEnum):
    """How urgent a request is; it decides how a victim is stopped (`StopMethod`)."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"

    @property
    def rank(self) -> int:
        """The higher, the more urgent."""
        return list(Criticality).index(self)


class StopMethod(StrEnum):
    """How a victim is stopped.

    soft: the guest is asked to shut down, and nothing else happens if it does not.
    soft_then_hard: the guest is asked first, and the VM is powered off when the grace period ends.
    hard: the VM is powered off immediately.
    suspend: the VM is suspended; it frees its memory and CPU, and can be resumed later.
    """

    SOFT = "soft"
    SOFT_THEN_HARD = "soft_then_hard"
    HARD = "hard"
    SUSPEND = "suspend"


# The prototype's README promises a soft shutdown for MEDIUM (a yellow alarm), its code forces it. The promise is kept.
METHOD_BY_CRITICALITY = {
    Criticality.LOW: StopMethod.SOFT,
    Criticality.MEDIUM: StopMethod.SOFT_THEN_HARD,
    Criticality.HIGH: StopMethod.HARD,
}
