# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`watch`: follow a run until it has ended.

On a terminal, a table is redrawn; otherwise each change is printed as a line, or with --json as an object. If Temporal
or the worker becomes unavailable after the first update, this is shown and the command continues.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from vsphere_preemption.core.errors import (
    InvalidSetting,
    NoWorker,
    RunFailed,
    TemporalUnreachable,
    WorkflowNotFound,
)
from vsphere_preemption.core.planning.decision import plan_as_result
from vsphere_preemption.core.planning.plan import Plan
from vsphere_preemption.temporal import dispatcher
from vsphere_preemption.temporal.dispatcher import ActiveRun

from . import exit_codes
from .connections import FOREVER, with_client
from .output import Output
from .runs import is_meant, victim_lines
from .terminal import cut, safe, table

if TYPE_CHECKING:
    from temporalio.client import Client


ENDED = "ended"

SHORTEST_INTERVAL = 0.1
STARTING = "starting"


@dataclass(frozen=True)
class RunView:
    """The state of a run.

    preemption_id: empty if there is none. record: set when it has ended. note: why it is stale.
    """

    preemption_id: str = ""
    request_id: str = ""
    phase: str = ""
    criticality: str = ""
    plan: Mapping[str, Any] | None = None
    record: Mapping[str, Any] | None = None
    note: str = field(default="", compare=False)

    @classmethod
    def of_run(cls, run: ActiveRun) -> RunView:
        """The state of an active run."""
        plan = plan_as_result(Plan.from_wire(run.plan)) if run.plan else None
        return cls(run.preemption_id, run.request_id, run.phase, run.criticality, plan)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> RunView:
        """The state of a run that has ended."""
        criticality = record.get("urgency", record["criticality"])
        return cls(record["runID"], record["requestID"], ENDED, criticality, record=record)

    @property
    def headline(self) -> str:
        """The run in a single line."""
        if not self.preemption_id:
            return "No active run; waiting for one."
        named = f"Run {self.preemption_id}, request {self.request_id or '?'}"
        urgency = f", {self.criticality}" if self.criticality else ""
        victims = f", {len(self.plan['victims'])} VMs" if self.plan else ""
        return safe(f"{named}{urgency}: {self.phase.replace('_', ' ')}{victims}")

    def as_document(self) -> dict[str, Any]:
        """The state as a document for JSON output."""
        return {
            "preemption_id": self.preemption_id,
            "run_id": self.preemption_id,
            "request_id": self.request_id,
            "phase": self.phase,
            "criticality": self.criticality,
            "plan": self.plan,
            "outcome": self.record,
        }


def lines_of(view: RunView) -> list[str]:
    """The whole state as lines of text."""
    if view.record:
        return [view.headline, *victim_lines(view.record)]
    rows = [
        (v["rank"], v["vm"], v["name"], v["priority"], v["memory_mib"]) for v in (view.plan or {}).get("victims", ())
    ]
    body = table(("RANK", "VM", "NAME", "PRIORITY", "MIB"), rows) if rows else []
    return [view.headline, *body, *([safe(view.note)] if view.note else [])]


def fitted(lines: list[str], columns: int, rows: int) -> list[str]:
    """The lines that fit on the terminal without scrolling; the last one states how many are hidden."""
    room = max(2, rows - 1)
    if len(lines) > room:
        hidden = len(lines) - room + 1
        lines = [*lines[: room - 1], f"and {hidden} more lines"]
    return [cut(line, max(1, columns)) for line in lines]


def redrawn(lines: list[str], drawn: int) -> str:
    """The lines, preceded by control sequences that erase the previous ones. drawn: the number of previous lines."""
    back = f"\x1b[{drawn}F" if drawn else ""
    return f"{back}\x1b[J" + "".join(f"{line}\n" for line in lines)


def watch(options: Namespace, output: Output) -> int:
    """Follow the named run, the active one, or the next one. Raises RunFailed if that is its outcome."""
    if options.interval < SHORTEST_INTERVAL:
        raise InvalidSetting(
            "Cannot use the flag --interval",
            why=f"it is less than {SHORTEST_INTERVAL:g} seconds",
            next_step="Set it to 1s, for example.",
        )
    shown = _Live() if sys.stdout.isatty() and not output.json else _Lines(output)

    async def follow(client: Client) -> Mapping[str, Any]:
        return await _Follower(client, options.workflow_id, options.run or "").follow(shown, options.interval)

    record = with_client(options, output, follow, timeout_seconds=FOREVER)
    if record["outcome"] in ("failed", "rejected"):
        raise RunFailed(dict(record))
    return exit_codes.OK


class _Lines:
    """Prints a line for each change, and the full outcome."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._last: tuple[RunView, str] | None = None

    def show(self, view: RunView) -> None:
        if self._last == (view, view.note):
            return
        self._last = (view, view.note)
        note = f" ({view.note})" if view.note else ""
        lines = lines_of(view) if view.record else [view.headline + note]
        self._output.answer(view.as_document(), lines)


class _Live:
    """Draws a table and redraws it in place."""

    def __init__(self) -> None:
        self._drawn = 0

    def show(self, view: RunView) -> None:
        size = shutil.get_terminal_size()
        lines = lines_of(view) if view.record else fitted(lines_of(view), size.columns, size.lines)
        sys.stdout.write(redrawn(lines, self._drawn))
        sys.stdout.flush()
        self._drawn = len(lines)


class _Follower:
    """Follows a run by its ID, the last part of the ID, or its request ID; without a name, the first run it finds."""

    def __init__(self, client: Client, workflow_id: str, name: str) -> None:
        self._client = client
        self._workflow_id = workflow_id
        self._name = name
        self._seen = RunView()
        self._ended_before: frozenset[str] | None = None

    async def follow(self, shown: _Lines | _Live, interval: float) -> Mapping[str, Any]:
        """The record of the run, when it has ended."""
        known = False
        while True:
            try:
                self._seen = await self._look()
                known = True
            except (NoWorker, TemporalUnreachable) as error:
                if not known:
                    raise
                self._seen = replace(self._seen, note=error.why)
            shown.show(self._seen)
            if self._seen.record:
                return self._seen.record
            await asyncio.sleep(interval)

    async def _look(self) -> RunView:
        record = await (self._record() if self._name or self._seen.preemption_id else self._ended_since())
        if record:
            return RunView.of_record(record)
        run = await self._at_work() or await self._alone()
        if run is None:
            return RunView()
        if run.phase == ENDED or (
            run.phase != STARTING and not await dispatcher.is_running(self._client, run.preemption_id)
        ):
            return RunView.of_record(await dispatcher.read_outcome(self._client, run.preemption_id))
        return RunView.of_run(run)

    async def _at_work(self) -> dispatcher.ActiveRun | None:
        """The active run of the workflow, if it is the one to follow."""
        try:
            run = await dispatcher.active_run(self._client, self._workflow_id)
        except WorkflowNotFound:
            return None
        followed = self._seen.preemption_id
        return run if run and (run.preemption_id == followed or (not followed and self._is_named(run))) else None

    def _is_named(self, run: dispatcher.ActiveRun) -> bool:
        return not self._name or is_meant({"runID": run.preemption_id, "requestID": run.request_id}, self._name)

    async def _alone(self) -> dispatcher.ActiveRun | None:
        """The followed run, if its workflow no longer reports it. The workflow may have ended before the run."""
        if self._seen.preemption_id:
            run = await dispatcher.read_run(self._client, self._seen.preemption_id)
            return replace(run, request_id=self._seen.request_id)
        if self._name:
            raise WorkflowNotFound(
                f"Cannot watch run {self._name}",
                why="it is neither active nor recorded",
                next_step="Run 'preemptctl runs' to list the recorded runs.",
            )
        return None

    async def _record(self) -> Mapping[str, Any] | None:
        wanted = self._seen.preemption_id or self._name
        return next((record for record in reversed(await self._records()) if is_meant(record, wanted)), None)

    async def _ended_since(self) -> Mapping[str, Any] | None:
        """The first run that started and ended between two updates."""
        runs = {record["runID"]: record for record in await self._records() if record["runID"]}
        if self._ended_before is None:
            self._ended_before = frozenset(runs)
        return next((record for preemption_id, record in runs.items() if preemption_id not in self._ended_before), None)

    async def _records(self) -> Sequence[Mapping[str, Any]]:
        """The recorded runs, the oldest first."""
        try:
            return await dispatcher.read_runs(self._client, self._workflow_id)
        except WorkflowNotFound:
            return ()
