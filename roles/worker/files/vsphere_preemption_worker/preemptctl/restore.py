# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`restore`: restore preempted VMs."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from vsphere_preemption.core.errors import RestoreFailed
from vsphere_preemption.core.requests.limits import read_narrowing
from vsphere_preemption.temporal import restores

from . import exit_codes
from .connections import task_queue, with_client
from .output import Output
from .request_flags import refuse_empty_flags, scope_of
from .runs import restore_lines
from .terminal import safe

if TYPE_CHECKING:
    from temporalio.client import Client


def restore(options: Namespace, output: Output) -> int:
    """Request a restore and wait for its record. Raises RestoreFailed if the restore has failed."""
    request = restore_of(options)

    async def leave(client: Client) -> restores.Started:
        return await restores.leave_restore(
            client, request, task_queue=task_queue(options), timeout_seconds=options.timeout
        )

    async def ask(client: Client) -> restores.Record:
        return await restores.restore_and_wait(
            client, request, task_queue=task_queue(options), timeout_seconds=options.timeout
        )

    if options.no_wait:
        started = with_client(options, output, leave, timeout_seconds=options.timeout)
        said = "was already running" if started.joined else "has started"
        ids = {"workflowID": started.workflow_id, "workflowRunID": started.execution_run_id}
        document = {**ids, "execution_run_id": started.execution_run_id, "joined": started.joined}
        output.answer(document, [f"Restore {safe(started.workflow_id)} {said}."])
        return exit_codes.OK
    record = with_client(options, output, ask, timeout_seconds=options.timeout)
    output.answer({"restore": record}, restore_lines(record))
    if record["outcome"] == "failed":
        raise RestoreFailed(record)
    return exit_codes.OK


def restore_of(options: Namespace) -> restores.RestoreRequest:
    """The restore request, from the flags. Raises InvalidRequest, or GivenButEmpty for an empty flag."""
    refuse_empty_flags(options)
    wire = {"scope": scope_of(options), "only": options.vm, "reason": options.reason}
    narrowing = read_narrowing({name: value for name, value in wire.items() if value})
    return restores.checked_request(
        workflow_id=options.workflow_id,
        tag=options.tag,
        reason=narrowing.reason,
        only=narrowing.only,
        preemption_id=options.preemption_id,
        places=narrowing.scope,
        force=bool(options.force),
        dry_run=bool(options.dry_run),
        reply_to=options.reply_to,
    )
