# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`runs` and `explain`: the records that the workflow keeps of its latest runs."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from vsphere_preemption.core.errors import WorkflowNotFound
from vsphere_preemption.core.records.explanation import explain
from vsphere_preemption.temporal import dispatcher

from . import exit_codes
from .connections import not_empty, with_client
from .output import Output
from .record_lines import run_table, victim_lines
from .terminal import moment, safe

if TYPE_CHECKING:
    from temporalio.client import Client


def runs(options: Namespace, output: Output) -> int:
    """Show all recorded runs, or one of them. Raises WorkflowNotFound if no run matches."""
    records = _records(options, output)
    if not options.run:
        output.answer({"runs": records}, run_table(records))
        return exit_codes.OK
    wanted = [record for record in records if is_meant(record, options.run)]
    if not wanted:
        raise WorkflowNotFound(
            f"Cannot show run {options.run}",
            why="no recorded run has this preemption ID or request ID",
            next_step="Run 'preemptctl runs' to list the recorded runs.",
        )
    output.answer({"runs": wanted}, [line for record in wanted for line in victim_lines(record)])
    return exit_codes.OK


def explain_vm(options: Namespace, output: Output) -> int:
    """Show what each run did with a VM, and why; the newest first."""
    vm = not_empty("vm", options.vm)
    found = explain(_records(options, output), vm)
    lines = [safe(f"{moment(entry['finished'])}  {entry['text']}") for entry in found]
    output.answer({"vm": vm, "explanation": found}, lines or ["No runs recorded."])
    return exit_codes.OK


def is_meant(record: dispatcher.Record, name: str) -> bool:
    """Whether the name is the preemption ID, the last part of it, or the request ID."""
    return name in (record["runID"], record["runID"].rpartition("/")[2], record["requestID"])


def _records(options: Namespace, output: Output) -> list[dispatcher.Record]:
    async def ask(client: Client) -> list[dispatcher.Record]:
        return await dispatcher.read_runs(client, options.workflow_id, options.execution_run_id or None)

    return with_client(options, output, ask)
