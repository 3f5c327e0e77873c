# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`workflow run | status | cancel`: the commands of the prototype, with the same flags and wire format."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from vsphere_preemption.core import times
from vsphere_preemption.core.contract import WORKFLOW_TYPE
from vsphere_preemption.core.errors import RunFailed, WorkflowNotFound
from vsphere_preemption.core.records.state import compact_json
from vsphere_preemption.core.redaction import redacted_address
from vsphere_preemption.core.requests.request import PreemptionRequest
from vsphere_preemption.temporal import dispatcher

from . import exit_codes
from .connections import not_empty, task_queue, with_client
from .output import Output
from .request_flags import request_of
from .runs import victim_lines
from .terminal import moment, pairs, safe

if TYPE_CHECKING:
    from temporalio.client import Client


def run(options: Namespace, output: Output) -> int:
    """Send the request; with --wait, also wait for its outcome."""
    request, workflow_id = request_of(options), not_empty("workflow-id", options.workflow_id)
    if options.wait:
        return _ask(options, output, request)
    limit = timedelta(seconds=options.execution_timeout) if options.execution_timeout else None

    async def leave(client: Client) -> dispatcher.Accepted:
        return await dispatcher.signal_request(
            client, request, workflow_id=workflow_id, task_queue=task_queue(options), execution_timeout=limit
        )

    accepted = with_client(options, output, leave)
    ids = _ids(request, accepted.preemption_id, accepted.execution_run_id)
    said = f"Workflow {safe(workflow_id)} (execution run ID {accepted.execution_run_id}) accepted request"
    lines = [
        f"{said} {safe(ids['requestID'])}.",
        f"If it leads to a run, the preemption ID is {safe(accepted.preemption_id)}.",
    ]
    output.answer(_logged(options, "the workflow accepted the request", request=request.as_wire(), **ids), lines)
    return exit_codes.OK


def status(options: Namespace, output: Output) -> int:
    """Show the state of the workflow, from the query `current_state`."""

    async def ask(client: Client) -> dispatcher.Record:
        return await dispatcher.read_state(client, options.workflow_id, options.execution_run_id or None)

    state = with_client(options, output, ask)
    state = {**state, "replyTo": redacted_address(str(state.get("replyTo", "")))}
    output.answer(_logged(options, "the state of the workflow", status=compact_json(state), state=state), _shown(state))
    return exit_codes.OK


def cancel(options: Namespace, output: Output) -> int:
    """Cancel the workflow; with --wait, wait until it is closed. Raises WorkflowNotFound if it is not running."""
    workflow_id = not_empty("workflow-id", options.workflow_id)

    async def end(client: Client) -> dispatcher.Cancelled:
        return await dispatcher.cancel_workflow(
            client,
            workflow_id,
            options.execution_run_id or None,
            wait=bool(options.wait),
            timeout_seconds=options.timeout,
        )

    done = with_client(options, output, end, timeout_seconds=options.timeout)
    if not done.was_running:
        raise WorkflowNotFound(
            f"Cannot cancel workflow {workflow_id}",
            why="it is not running",
            next_step="Check the ids and the namespace. The workflow may already have ended.",
        )
    said = "was cancelled" if options.wait else "received the cancellation request"
    output.answer(_logged(options, f"the workflow {said}"), [f"Workflow {safe(workflow_id)} {said}."])
    return exit_codes.OK


def _ask(options: Namespace, output: Output, request: PreemptionRequest) -> int:
    async def ask(client: Client) -> dispatcher.RequestOutcome:
        return await dispatcher.preempt_and_wait(
            client,
            request,
            workflow_id=options.workflow_id,
            task_queue=task_queue(options),
            request_id=request.request_id,
            timeout_seconds=options.timeout,
        )

    answer = with_client(options, output, ask, timeout_seconds=options.timeout)
    ids = _ids(request, answer.preemption_id, answer.execution_run_id)
    document = _logged(options, "the request has an outcome", repeated=answer.repeated, outcome=answer.record, **ids)
    output.answer(document, victim_lines(answer.record))
    if answer.record["outcome"] in ("failed", "rejected"):
        raise RunFailed(answer.record)
    return exit_codes.OK


def _ids(request: PreemptionRequest, preemption_id: str, execution_run_id: str) -> dict[str, str]:
    """What names the request, its preemption, and the workflow execution, which the prototype calls workflowRunID."""
    names = {"requestID": request.request_id or request.event.id, "workflowRunID": execution_run_id}
    return {**names, "preemption_id": preemption_id, "execution_run_id": execution_run_id}


def _logged(options: Namespace, message: str, **facts: Any) -> dict[str, Any]:
    """The fields of the prototype's JSON log line, and additional ones."""
    return {
        "level": "info",
        "ts": times.to_wire(datetime.now(UTC)),
        "msg": message,
        "queue": task_queue(options),
        "workflow": WORKFLOW_TYPE,
        "workflowID": options.workflow_id,
        **({"runID": options.execution_run_id} if "execution_run_id" in options else {}),
        **facts,
    }


def _shown(state: dispatcher.Record) -> list[str]:
    machines = [machine["Value"] for machine in state["virtualMachines"] or ()]
    event = state["event"]
    return pairs(
        {
            "workflow": state["workflowID"],
            "execution run ID": state["workflowRunID"],
            "last preemption": moment(state["lastPreemptionTime"]) or "never",
            "tag": state["tag"],
            "criticality": state["criticality"],
            "event": " ".join(filter(None, (event["type"], event["id"]))),
            "reply to": state["replyTo"],
            "VMs": f"{len(machines)}: {', '.join(machines)}" if machines else "none",
        }
    )
