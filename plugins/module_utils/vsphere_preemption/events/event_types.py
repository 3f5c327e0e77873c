# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events in addition to the prototype's: the notice, and skipped requests, failed runs and restored VMs.

Each is a pure function of its input: a repeated event has the same id and the same bytes, so that consumers can drop
it. `source` is always that of `envelope.source_reference`, `time` is wire text. The destination address is never part
of an event, because it may contain a token.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.contract import (
    FAILED_EVENT_TYPE,
    NOTICE_EVENT_TYPE,
    RESTORED_EVENT_TYPE,
    SKIPPED_EVENT_TYPE,
    StopMethod,
)
from ..core.inventory import ManagedObject
from ..core.mark import RunIdentity, annotation
from ..core.planning.plan import Victim
from ..core.records.outcome import VictimStatus
from .envelope import OutgoingEvent

Record = Mapping[str, Any]

_OF_RECORD = ("requestID", "runID", "outcome", "reason", "message", "received", "started", "finished")
_OF_FAILED_VICTIM = ("vm", "name", "method", "forced", "reason", "message", "marked", "requested", "settled")


@dataclass(frozen=True)
class RestoredMachine:
    """A VM that was restored. preemption_run_id: of the run that stopped it, from its mark; empty if unknown.

    started: when it was seen powered on (wire text).
    """

    vm: ManagedObject
    name: str
    started: str
    preemption_run_id: str = ""

    def as_wire(self) -> dict[str, Any]:
        return {
            "vm": self.vm.as_wire(),
            "name": self.name,
            "started": self.started,
            "preemptionRunID": self.preemption_run_id,
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> RestoredMachine:
        """The machine from the result of `as_wire`."""
        return cls(ManagedObject.from_wire(wire["vm"]), wire["name"], wire["started"], wire["preemptionRunID"])


@dataclass(frozen=True)
class RestoreIdentity:
    """The identity of a restore run. run_id: its workflow id.

    preemption: the run whose VMs it restores, None if these come from several runs, or from one that is not known.
    tag: of the VMs, empty if none was requested; that of `preemption` takes precedence.
    reason: why they are restored, such as `pressure_gone`; for the record.
    """

    run_id: str
    preemption: RunIdentity | None = None
    tag: str = ""
    reason: str = ""


def notice_event(
    run: RunIdentity,
    victims: Sequence[Victim],
    *,
    not_before: str,
    method: StopMethod,
    grace_seconds: float,
    source: str,
    time: str,
) -> OutgoingEvent:
    """Which VMs will be stopped, not before when (wire text), and how."""
    data = {
        **_named(run),
        "virtualMachines": [victim.vm.as_wire() for victim in victims],
        "runID": run.run_id,
        "notBefore": not_before,
        "method": method.value,
        "graceSeconds": float(grace_seconds),
        "reason": run.request.narrowing.reason,
        "victims": [{"vm": victim.vm.as_wire(), "name": victim.name} for victim in victims],
    }
    return OutgoingEvent(NOTICE_EVENT_TYPE, source, _id(run, "notice"), time, data)


def skipped_event(run: RunIdentity, record: Record, *, source: str, time: str) -> OutgoingEvent:
    """A request that was skipped. record: `RunRecord.brief`. run: its run_id is empty if there was no run."""
    data = {**_named(run), **_told(record)}
    return OutgoingEvent(SKIPPED_EVENT_TYPE, source, _id(run, "skipped"), time, data)


def failed_event(run: RunIdentity, record: Record, *, source: str, time: str) -> OutgoingEvent:
    """A run that failed completely or partially, with the victims that it did not stop. record: `RunRecord.as_wire`."""
    failed = [victim for victim in record["victims"] if victim["outcome"] == VictimStatus.FAILED]
    counted = Counter(victim["outcome"] for victim in record["victims"])
    data = {
        **_named(run),
        "virtualMachines": [victim["vm"] for victim in failed],
        **_told(record),
        "counts": {end.value: counted[end] for end in VictimStatus},
        "victims": [{name: victim[name] for name in _OF_FAILED_VICTIM} for victim in failed],
    }
    return OutgoingEvent(FAILED_EVENT_TYPE, source, _id(run, "failed"), time, data)


def restored_event(
    restore: RestoreIdentity, machines: Sequence[RestoredMachine], *, source: str, time: str
) -> OutgoingEvent:
    """The VMs that one restore run restored."""
    preemption = restore.preemption
    data = {
        **(_named(preemption) if preemption else {"tag": restore.tag}),
        "virtualMachines": [machine.vm.as_wire() for machine in machines],
        "runID": restore.run_id,
        "preemptionRunID": preemption.run_id if preemption else "",
        "reason": restore.reason,
        "victims": [machine.as_wire() for machine in machines],
    }
    return OutgoingEvent(RESTORED_EVENT_TYPE, source, restore.run_id, time, data)


def _named(run: RunIdentity) -> dict[str, Any]:
    """The prototype's fields, without those for a stopped VM."""
    stopped = ("preempted", "forcedShutdown")
    return {name: v for name, v in annotation(run, preempted=False, forced=False).items() if name not in stopped}


def _told(record: Record) -> dict[str, Any]:
    return {name: record[name] for name in _OF_RECORD}


def _id(run: RunIdentity, kind: str) -> str:
    return f"{run.workflow_id}-{run.request.event.id}-{kind}"
