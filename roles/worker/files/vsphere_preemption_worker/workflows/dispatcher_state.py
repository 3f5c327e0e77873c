# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of one dispatcher: the requests it received, their outcomes, and the requests still waiting.

It consists of plain values without Temporal, so that it can be tested directly. It is passed on when the workflow
continues as new, as JSON, and is therefore bounded: the last twenty runs, the last requests, and as many VM entries and
waiting requests as fit into one payload.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from vsphere_preemption.core import times
from vsphere_preemption.core.bounded import json_size, newest_within
from vsphere_preemption.core.contract import RUNS_REMEMBERED, Criticality
from vsphere_preemption.core.errors import InvalidRequest
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.reasons import RunReason
from vsphere_preemption.core.records.outcome import RunRecord, RunStatus
from vsphere_preemption.core.records.state import LastRun
from vsphere_preemption.core.requests.request import PreemptionRequest, read_request

REQUESTS_REMEMBERED = 200
EVENTS_REMEMBERED = 5000
ANSWERS_REMEMBERED = 500
MESSAGE_CHARACTERS = 500
# An entry has about 300 bytes; Temporal warns at 512 KiB and rejects 2 MB.
VM_ENTRIES_REMEMBERED = 2000
# Waiting requests are never dropped, so their total size is limited: about 400 events of vCenter.
WAITING_BYTES = 768 * 1024
SNAPSHOT_BYTES = 1_900_000
# Of the records of the last runs, and of the last requests.
RUNS_BYTES, RECENT_BYTES = 1_500_000, 200_000

_VM_PARTS = ("victims", "planned", "leftOut", "announcement", "policy", "approval", "amount", "urgency", "tellsSkipped")


@dataclass(frozen=True)
class QueuedRequest:
    """An accepted request that is waiting. received: time in the wire format."""

    request: PreemptionRequest
    received: str

    @cached_property
    def size(self) -> int:
        """Size as JSON, in bytes."""
        return len(json.dumps(self.as_wire()))

    def as_wire(self) -> dict[str, Any]:
        return {"request": self.request.as_wire(), "received": self.received}


@dataclass
class DispatcherSnapshot:
    """The state as JSON for continue-as-new. New fields need a default."""

    queue: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    recent: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    last: LastRun = field(default_factory=LastRun)
    window_ends: str = times.NEVER
    workflow_started: str = ""
    window_criticality: str = Criticality.HIGH.value
    tells_skipped: bool = False


class DispatcherState:
    """The state of the dispatcher."""

    def __init__(self, snapshot: DispatcherSnapshot) -> None:
        self.queue = deque(_stored(item) for item in snapshot.queue)
        self._waiting_bytes = sum(pending.size for pending in self.queue)
        # Kept beside the queue: both are asked for at every step of the workflow, however long the queue is.
        self._waiting = Counter(pending.request.criticality for pending in self.queue)
        self._open = {key for pending in self.queue for key in pending.request.keys}
        self.last = snapshot.last
        self.counts = dict(snapshot.counts)
        self.workflow_started = snapshot.workflow_started
        self._runs = deque(snapshot.runs, RUNS_REMEMBERED)
        self._recent = deque(snapshot.recent, REQUESTS_REMEMBERED)
        self._seen = dict.fromkeys(snapshot.seen)
        self._window_ends = times.from_wire(snapshot.window_ends)
        self._window_criticality = Criticality(snapshot.window_criticality)
        self.tells_skipped = snapshot.tells_skipped
        self._answers: dict[str, dict[str, Any]] = {}
        self._active: QueuedRequest | None = None

    def snapshot(self) -> DispatcherSnapshot:
        """Everything that the workflow needs when it continues as new, and as much of the rest as fits."""
        left = SNAPSHOT_BYTES - json_size(asdict(self._snapshot([], [])))
        runs = _within_budget(self._runs, left - RECENT_BYTES)
        return self._snapshot(runs, newest_within(self._recent, min(RECENT_BYTES, left - json_size(runs))))

    def _snapshot(self, runs: list[dict[str, Any]], recent: list[dict[str, Any]]) -> DispatcherSnapshot:
        return DispatcherSnapshot(
            queue=[pending.as_wire() for pending in self.queue],
            runs=runs,
            recent=recent,
            counts=self.counts,
            seen=list(self._seen),
            last=self.last,
            window_ends=times.to_wire(self._window_ends),
            workflow_started=self.workflow_started,
            window_criticality=self._window_criticality.value,
            tells_skipped=self.tells_skipped,
        )

    def accept(self, request: PreemptionRequest, received: str) -> bool:
        """Queue a request; False if its event was received before."""
        if self.is_known(request):
            return False
        self._seen.update(dict.fromkeys(request.keys))
        while len(self._seen) > EVENTS_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self.queue.append(QueuedRequest(request, received))
        self._waiting_bytes += self.queue[-1].size
        self._waiting[request.criticality] += 1
        self._open.update(request.keys)
        return True

    def has_room(self, request: PreemptionRequest) -> bool:
        """Whether all waiting requests including this one fit into one payload."""
        return not self.queue or self._waiting_bytes + QueuedRequest(request, times.NEVER).size <= WAITING_BYTES

    @property
    def fits(self) -> bool:
        """Whether the waiting requests fit into the payload for continue-as-new."""
        return self._waiting_bytes <= WAITING_BYTES

    def next_request(self) -> QueuedRequest:
        """The next request; it is the active one until its outcome is recorded."""
        self._active = self.queue.popleft()
        self._waiting_bytes -= self._active.size
        self._waiting[self._active.request.criticality] -= 1
        return self._active

    @property
    def active_key(self) -> str:
        """Of the active request; empty if there is none."""
        return self._active.request.key if self._active else ""

    def drop_waiting(self) -> list[QueuedRequest]:
        """Empty the queue. The caller records the outcomes."""
        dropped = list(self.queue)
        self.queue.clear()
        self._waiting.clear()
        self._waiting_bytes = 0
        return dropped

    def is_open(self, request: PreemptionRequest) -> bool:
        """Whether the request, or the one that it repeats, has no outcome yet."""
        return not self._open.isdisjoint(request.keys)

    def in_window(self, criticality: Criticality, now: datetime) -> bool:
        """Whether a run ended so recently that another one would only respond to the same shortage again.

        A request that is more urgent than that run is considered a different shortage.
        """
        return now < self._window_ends and criticality.rank <= self._window_criticality.rank

    def has_escalated(self, pending: QueuedRequest) -> bool:
        """Whether the last run was escalated for this request, because the request arrived while the run was active."""
        was_more_urgent = pending.request.criticality.rank > Criticality(self.last.criticality).rank
        return was_more_urgent and times.from_wire(pending.received) <= times.from_wire(self.last.time)

    @property
    def escalation(self) -> Criticality | None:
        """The highest criticality of the waiting requests, if it is above that of the active request."""
        if self._active is None:
            return None
        highest = next((criticality for criticality in reversed(Criticality) if self._waiting[criticality]), None)
        is_above = highest is not None and highest.rank > self._active.request.criticality.rank
        return highest if is_above else None

    @property
    def window_ends(self) -> str:
        return times.to_wire(self._window_ends)

    def record_outcome(self, brief: dict[str, Any], *, keys: tuple[str, ...] = ()) -> None:
        """Record the outcome of a request. keys: those of the request, for which repeated requests get this outcome."""
        if self._active and self._active.request.keys == keys:
            self._active = None
        self._open.difference_update(keys)
        self.counts[brief["outcome"]] = self.counts.get(brief["outcome"], 0) + 1
        self._recent.append(brief)
        self._remember(keys, brief)

    def record_run(self, pending: QueuedRequest, record: dict[str, Any]) -> None:
        """Record a run. Only a run that was carried out becomes the last result and starts the window."""
        self._runs.append({"keys": list(pending.request.keys), "record": record})
        self._runs = deque(_within_budget(self._runs, RUNS_BYTES), RUNS_REMEMBERED)
        self.record_outcome({name: record[name] for name in record if name not in _VM_PARTS}, keys=pending.request.keys)
        # The VMs of an older run are not remembered, even if its request is repeated.
        self._remember(pending.request.keys, _without_vms(self._runs[-1])["record"])
        if record["outcome"] not in (RunStatus.DONE, RunStatus.PARTIAL):
            return
        self.last = LastRun(
            time=record["finished"],
            machines=_stopped(record),
            tag=pending.request.tag,
            criticality=pending.request.criticality.value,
            event=pending.request.event.as_wire(),
            reply_to=pending.request.reply_to,
        )
        self._window_ends = times.from_wire(record["finished"]) + timedelta(seconds=float(record["windowSeconds"]))
        self._window_criticality = Criticality(record.get("urgency", pending.request.criticality))
        self.tells_skipped = record.get("tellsSkipped", False)

    def answer(self, request: PreemptionRequest) -> dict[str, Any] | None:
        """The outcome of this request, or of the one that it repeats, if it is still remembered."""
        of_runs = (entry["record"] for entry in reversed(self._runs) if set(entry["keys"]) & set(request.keys))
        of_others = (self._answers[key] for key in request.keys if key in self._answers)
        return next(of_runs, None) or next(of_others, None)

    def is_known(self, request: PreemptionRequest) -> bool:
        """Whether the event or the request ID was received before."""
        return any(key in self._seen for key in request.keys)

    def runs(self) -> list[dict[str, Any]]:
        """The last runs, the newest last."""
        return [entry["record"] for entry in self._runs]

    def requests(self, *, unread: int = 0) -> dict[str, Any]:
        """The number of requests by outcome, and the latest ones. unread: signals that wait in addition."""
        active = self._active.request if self._active else None
        return {
            "counts": self.counts,
            "waiting": len(self.queue) + unread,
            "atWork": active and {"runKey": active.key, "requestID": active.request_id or active.event.id},
            "recent": newest_within(self._recent, RECENT_BYTES),
        }

    def _remember(self, keys: tuple[str, ...], outcome: dict[str, Any]) -> None:
        self._answers.update(dict.fromkeys(keys, outcome))
        while len(self._answers) > ANSWERS_REMEMBERED:
            del self._answers[next(iter(self._answers))]


def record_without_run(
    workflow_id: str, pending: QueuedRequest, end: RunStatus, reason: RunReason, message: str, now: str
) -> dict[str, Any]:
    """The record of a request for which no run was started."""
    record = RunRecord(workflow_id, pending.request, pending.received, outcome=end, reason=reason)
    record.message, record.finished = message, now
    return record.brief()


def rejected_record(workflow_id: str, error: InvalidRequest, now: str) -> dict[str, Any]:
    """The record of an input that is not a valid request."""
    nothing = QueuedRequest(PreemptionRequest("", Criticality.LOW), now)
    brief = record_without_run(
        workflow_id, nothing, RunStatus.REJECTED, RunReason.INVALID, str(error)[:MESSAGE_CHARACTERS], now
    )
    return {**brief, "criticality": ""}


def state_from(snapshot: object) -> DispatcherSnapshot:
    """The state that was passed on; an empty state for a workflow that a client started, whatever its input is."""
    if not isinstance(snapshot, dict) or "window_ends" not in snapshot:
        return DispatcherSnapshot()
    known = {name: snapshot[name] for name in asdict(DispatcherSnapshot()) if name in snapshot}
    last = dict(known.pop("last", {}))
    machines = [ManagedObject(**machine) for machine in last.pop("machines", [])]
    return DispatcherSnapshot(**known, last=LastRun(**last, machines=machines))


def _stored(item: dict[str, Any]) -> QueuedRequest:
    """A request that an earlier execution of the workflow has accepted."""
    return QueuedRequest(read_request(item["request"], stored=True), item["received"])


def _stopped(record: dict[str, Any]) -> list[ManagedObject]:
    stopped = [victim["vm"] for victim in record["victims"] if victim["outcome"] == "stopped"]
    return [ManagedObject(vm["Type"], vm["Value"]) for vm in stopped]


def _within_budget(runs: deque[dict[str, Any]], most_bytes: int) -> list[dict[str, Any]]:
    """The runs; older ones lose their VM entries if there are too many in total, and then are left out altogether."""
    left = VM_ENTRIES_REMEMBERED
    kept: list[dict[str, Any]] = []
    for entry in reversed(runs):
        record = entry["record"]
        left -= len(record["victims"]) + len(record.get("planned", ())) + len(record["leftOut"]["vms"])
        if (left < 0 and kept) or json_size(entry) > most_bytes:
            entry = _without_vms(entry)
        most_bytes -= json_size(entry)
        if most_bytes < 0:
            break
        kept.append(entry)
    return kept[::-1]


def _without_vms(entry: dict[str, Any]) -> dict[str, Any]:
    record = entry["record"]
    left_out = {**record["leftOut"], "vms": []}
    return {**entry, "record": {**record, "victims": [], "planned": [], "leftOut": left_out, "shortened": True}}
