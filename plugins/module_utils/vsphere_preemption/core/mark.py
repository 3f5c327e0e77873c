# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mark: the value of our custom attribute on a VM, which records who stopped it and why.

A mark is written before the VM is touched (`pending`) and settled when the outcome is known. Its text is a pure
function of its input, so that writing it twice writes the same bytes. The prototype's fields come first and keep
their meaning: `preempted` is only true if we stopped the VM.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from . import times
from .contract import StopMethod
from .records.state import compact_json
from .requests.request import PreemptionRequest

# The limit of a real vCenter is not documented; the prototype's marks have about 900 characters.
MAX_MARK_CHARACTERS = 4000
_SHORT_TEXT = 200
HISTORY_SECONDS = 24 * 3600.0
HISTORY_LENGTH = 20


class MarkPhase(StrEnum):
    """pending: about to be stopped. preempted: stopped by us. failed: selected, but not stopped by us.
    restored: stopped by us, and restored since."""

    PENDING = "pending"
    PREEMPTED = "preempted"
    FAILED = "failed"
    RESTORED = "restored"


@dataclass(frozen=True)
class RunIdentity:
    """The identity of a run for later queries.

    workflow_id, workflow_started: of the workflow that accepted the request (wire text).
    run_id: workflow id of the run itself; no two runs share one.
    """

    workflow_id: str
    workflow_started: str
    run_id: str
    request: PreemptionRequest


@dataclass(frozen=True)
class Mark:
    """One mark, before it is serialized.

    forced: the VM was powered off, not shut down by its guest.
    time: when this phase began (wire text); given by the caller, never read from a clock here.
    history: earlier preemptions of this VM (wire text), from `history_after`.
    position: its position in the run, from 1; 0 if not relevant. note: such as `drill`.
    """

    run: RunIdentity
    phase: MarkPhase
    method: StopMethod
    forced: bool
    time: str
    reason: str = ""
    history: tuple[str, ...] = ()
    position: int = 0
    note: str = ""

    def as_wire(self) -> dict[str, Any]:
        more = {"history": list(self.history), "order": self.position, "note": self.note}
        return {
            **annotation(self.run, preempted=self.phase is MarkPhase.PREEMPTED, forced=self.forced),
            "phase": self.phase.value,
            "runID": self.run.run_id,
            "method": self.method.value,
            "time": self.time,
            "reason": self.reason,
            **{name: value for name, value in more.items() if value},
        }

    def as_text(self, limit: int = MAX_MARK_CHARACTERS) -> str:
        """The attribute's value, within `limit` characters: the event's data is dropped first, which the mark shows."""
        return _within(limit, self.as_wire())


def annotation(run: RunIdentity, *, preempted: bool, forced: bool) -> dict[str, Any]:
    """The prototype's fields, which the mark and the data of the reply event share."""
    return {
        "preempted": preempted,
        "tag": run.request.tag,
        "forcedShutdown": forced,
        "criticality": run.request.criticality.value,
        "workflowID": run.workflow_id,
        "workflowStarted": run.workflow_started,
        "event": run.request.event.as_wire(),
    }


@dataclass(frozen=True)
class MarkFound:
    """The relevant parts of a mark that was read from a VM. forced: the VM was powered off.

    history, position, note: as in `Mark`; invalid times are omitted. method: None if the mark has none.
    """

    phase: MarkPhase
    run_id: str
    time: datetime | None
    forced: bool = False
    history: tuple[datetime, ...] = ()
    position: int = 0
    method: StopMethod | None = None
    note: str = ""

    def claims(self, *, run_id: str, now: datetime, lease_seconds: float) -> bool:
        """Whether another run is processing this VM: its mark is pending and recent enough."""
        if self.phase is not MarkPhase.PENDING or self.run_id == run_id or self.time is None:
            return False
        return (now - self.time).total_seconds() < lease_seconds


def read_mark(text: str | None) -> MarkFound | None:
    """The mark in an attribute's value; None if it contains no valid mark."""
    try:
        wire = json.loads(text or "")
        phase = MarkPhase(wire.get("phase", MarkPhase.PREEMPTED if wire.get("preempted") else MarkPhase.FAILED))
    except (ValueError, AttributeError, TypeError, RecursionError):
        return None
    history = wire.get("history")
    moments = [_moment(text) for text in history[-HISTORY_LENGTH:]] if isinstance(history, list) else []
    position, method = wire.get("order"), wire.get("method")
    return MarkFound(
        phase=phase,
        run_id=str(wire.get("runID", "")),
        time=_moment(wire.get("time")),
        forced=wire.get("forcedShutdown") is True,
        history=tuple(moment for moment in moments if moment),
        position=position if isinstance(position, int) else 0,
        method=StopMethod(method) if method in tuple(StopMethod) else None,
        note=str(wire.get("note", "")),
    )


def _moment(text: object) -> datetime | None:
    try:
        return times.from_wire(text) if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


def preemptions(found: MarkFound | None, now: datetime, seconds: float, *, but_of: str | None = None) -> int:
    """How often this VM was preempted within `seconds` before now, or is about to be.

    but_of: the workflow id of a run whose own mark does not count. Marks of the prototype have no time and do not
    count. A time in the future counts, because clocks differ.
    """
    if found is None:
        return 0
    moments = list(found.history)
    if found.phase in (MarkPhase.PENDING, MarkPhase.PREEMPTED) and found.time and found.run_id != but_of:
        moments.append(found.time)
    return sum((now - moment).total_seconds() < seconds for moment in moments)


def history_after(found: MarkFound | None, now: datetime) -> tuple[str, ...]:
    """The history for the next mark of this VM, so that no preemption of the last 24 hours is lost.

    A preempted mark adds its own time; a restored one already has it in its history. A pending one adds nothing, so
    that all marks of one run have the same history.
    """
    if found is None:
        return ()
    moments = set(found.history)
    if found.phase is MarkPhase.PREEMPTED and found.time:
        moments.add(found.time)
    recent = sorted(moment for moment in moments if (now - moment).total_seconds() < HISTORY_SECONDS)
    return tuple(times.to_wire(moment) for moment in recent[-HISTORY_LENGTH:])


def restored(text: str, now: datetime, *, reason: str = "", limit: int = MAX_MARK_CHARACTERS) -> str:
    """The text that replaces a mark when its VM is restored. Raises ValueError unless the mark is preempted.

    A mark that is already restored may be written again.
    """
    found = read_mark(text)
    if found is None or found.phase not in (MarkPhase.PREEMPTED, MarkPhase.RESTORED):
        raise ValueError("a VM without a preempted mark was not stopped by preemption, so it cannot be restored")
    phase, time = MarkPhase.RESTORED.value, times.to_wire(now)
    wire = {**json.loads(text), "preempted": False, "phase": phase, "time": time, "reason": reason}
    if history := history_after(found, now):
        wire["history"] = list(history)
    else:
        wire.pop("history", None)
    return _within(limit, wire)


def _within(limit: int, wire: dict[str, Any]) -> str:
    """The mark as text, shortened step by step until it fits."""
    for shorten in (_keep, _keep_names, _drop_data, _drop_optional, _cut_texts):
        wire = shorten(wire)
        text = compact_json(wire)
        if len(text) <= limit:
            return text
    raise ValueError(f"a mark cannot be shortened to {limit} characters")


def _keep(wire: dict[str, Any]) -> dict[str, Any]:
    return wire


def _keep_names(wire: dict[str, Any]) -> dict[str, Any]:
    """Keep only the data that identifies the alarm and its object."""
    data = wire["event"].get("data")
    if not isinstance(data, Mapping):
        return _drop_data(wire)
    telling = ("alarm", "computeresource", "entity", "from", "to", "key")
    kept = {key: value for key, value in data.items() if str(key).lower() in telling}
    return _with_event(wire, {**wire["event"], "data": kept})


def _drop_data(wire: dict[str, Any]) -> dict[str, Any]:
    return _with_event(wire, {name: value for name, value in wire["event"].items() if not name.startswith("data")})


def _drop_optional(wire: dict[str, Any]) -> dict[str, Any]:
    kept = ("specversion", "id", "source", "type", "time")
    return _with_event(wire, {name: wire["event"][name] for name in kept if name in wire["event"]})


def _cut_texts(wire: dict[str, Any]) -> dict[str, Any]:
    event = {name: value[:_SHORT_TEXT] for name, value in wire["event"].items()}
    short = {name: value[:_SHORT_TEXT] if isinstance(value, str) else value for name, value in wire.items()}
    return _with_event(short, event)


def _with_event(wire: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    return {**wire, "event": event, "eventShortened": True}


def settled(pending: Mark, *, phase: MarkPhase, forced: bool, time: str, reason: str) -> Mark:
    """The mark that replaces a pending one."""
    return replace(pending, phase=phase, forced=forced, time=time, reason=reason)
