# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One outgoing event of every type, made by the code that makes them in earnest, and the schemas of their data."""

from __future__ import annotations

import json
from typing import Any

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.mark import RunIdentity
from vsphere_preemption.core.planning.plan import Victim
from vsphere_preemption.core.reasons import RunReason, VictimReason
from vsphere_preemption.core.records.outcome import RunRecord, RunStatus, VictimOutcome, VictimStatus
from vsphere_preemption.core.requests.request import PreemptionRequest, read_request
from vsphere_preemption.events.envelope import OutgoingEvent, preempted_event, source_reference
from vsphere_preemption.events.event_types import (
    RestoredMachine,
    RestoreIdentity,
    failed_event,
    notice_event,
    restored_event,
    skipped_event,
)
from vsphere_preemption_worker.activities.announce import announcement_data
from vsphere_preemption_worker.messages.run import AnnounceInput, on_the_wire

from .paths import CHECKOUT

NAMES = ("preempted", "notice", "restored", "skipped", "failed")
ADDRESS, NAMESPACE = "temporal.example.com:7233", "vsphere-preemption"
SOURCE = source_reference(ADDRESS, NAMESPACE)
WIRE = CHECKOUT / "tests" / "fixtures" / "wire"
FIRST = ManagedObject("VirtualMachine", "vm-63")
SECOND = ManagedObject("VirtualMachine", "vm-66")


def schema_of(name: str) -> Any:
    """The schema that consumers get."""
    return json.loads((CHECKOUT / "docs" / "schemas" / f"{name}.json").read_text())


def by_hand() -> PreemptionRequest:
    """A request that somebody made, with a reason."""
    recorded = json.loads((WIRE / "request-preemptctl.json").read_text())
    event = {**recorded["event"], "id": "1235490d", "time": "2026-11-24T11:02:39Z"}
    return read_request({**recorded, "criticality": "MEDIUM", "event": event, "narrow": {"reason": "drill"}})


def by_alarm() -> PreemptionRequest:
    """A request that an alarm made."""
    return read_request(json.loads((WIRE / "request-alarm.json").read_text()))


def identity(request: PreemptionRequest) -> RunIdentity:
    """A run of the workflow `cluster-memory`."""
    return RunIdentity("cluster-memory", "2026-11-24T11:02:30.5Z", "cluster-memory/b0c096c4", request)


def outcomes() -> list[VictimOutcome]:
    """One victim that was stopped, one that was not."""
    stopped = VictimOutcome(
        vm=FIRST,
        name="batch-01",
        outcome=VictimStatus.STOPPED,
        method=StopMethod.SOFT_THEN_HARD,
        reason=VictimReason.ESCALATED,
        forced=True,
        marked="2026-11-24T11:04:40.1Z",
        requested="2026-11-24T11:04:40.2Z",
        stopped="2026-11-24T11:06:41Z",
        settled=True,
    )
    failed = VictimOutcome(
        vm=SECOND,
        name="batch-02",
        outcome=VictimStatus.FAILED,
        method=StopMethod.SOFT_THEN_HARD,
        reason=VictimReason.STOP_REFUSED,
        message="Permission to perform this operation was denied.",
        marked="2026-11-24T11:04:40.1Z",
        settled=True,
    )
    return [stopped, failed]


def record(request: PreemptionRequest, outcome: RunStatus, reason: RunReason) -> RunRecord:
    """What became of a request."""
    made = outcome in (RunStatus.PARTIAL, RunStatus.FAILED)
    return RunRecord(
        workflow_id="cluster-memory",
        request=request,
        received="2026-11-24T11:02:39.5Z",
        run_id="cluster-memory/b0c096c4" if made else "",
        outcome=outcome,
        reason=reason,
        started="2026-11-24T11:02:39.6Z" if made else "",
        finished="2026-11-24T11:06:42Z",
        victims=outcomes() if made else [],
    )


def sample(name: str, request: PreemptionRequest | None = None) -> OutgoingEvent:
    """The event of this name for a request, by hand if none is given."""
    run = identity(request or by_hand())
    victims = [Victim(FIRST, "batch-01"), Victim(SECOND, "batch-02")]
    if name == "preempted":
        order = AnnounceInput(run, on_the_wire(outcomes()[:1]), "2026-11-24T11:06:41.5Z")
        return preempted_event(
            source_address=ADDRESS,
            namespace=NAMESPACE,
            workflow_id=run.workflow_id,
            event_id=run.request.event.id,
            time=order.time,
            data=announcement_data(order),
        )
    if name == "notice":
        return notice_event(
            run,
            victims,
            not_before="2026-11-24T11:04:40Z",
            method=StopMethod.SOFT_THEN_HARD,
            grace_seconds=120.0,
            source=SOURCE,
            time="2026-11-24T11:02:40Z",
        )
    if name == "skipped":
        turned_away = record(run.request, RunStatus.SKIPPED, RunReason.IN_WINDOW).brief()
        return skipped_event(run, turned_away, source=SOURCE, time="2026-11-24T11:06:42Z")
    if name == "failed":
        failed = record(run.request, RunStatus.PARTIAL, RunReason.SOME_FAILED).as_wire()
        return failed_event(run, failed, source=SOURCE, time="2026-11-24T11:06:42Z")
    machines = [RestoredMachine(FIRST, "batch-01", "2026-11-24T12:00:05Z", run.run_id)]
    restore = RestoreIdentity("restore/5e1f0c2a", run, reason="drill")
    return restored_event(restore, machines, source=SOURCE, time="2026-11-24T12:00:06Z")
