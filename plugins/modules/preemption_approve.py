#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approve or reject the plan of a run that is waiting for approval."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_approve
short_description: Approve or reject a pending preemption
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Under a policy with C(mode=approve), a run creates its plan and waits for approval. This module shows the plan and
    approves or rejects it.
  - A run is decided once. Repeating the same decision changes nothing; a different decision fails.
  - After an approval, the run plans again and stops only VMs that were in the approved plan.
extends_documentation_fragment:
  - vsphere.preemption.temporal
  - vsphere.preemption.attributes
  - vsphere.preemption.attributes.action_group
attributes:
  check_mode:
    details: Shows the plan without deciding.
  diff_mode:
    support: none
options:
  workflow_id:
    description: Id of the workflow.
    type: str
    default: preempctl-run
  preemption_id:
    description:
      - Id of the preemption, which is the id of its run, a workflow of its own. It is part of the results of
        M(vsphere.preemption.preemption_signal) and M(vsphere.preemption.preemption_query).
      - The task fails if no run has the id. A run id of Temporal (C(execution_run_id)) is not a preemption id.
      - Defaults to the active run. It must not be empty.
    type: str
    aliases: [run_id]
  decision:
    description: Whether to approve or reject the plan.
    type: str
    choices: [approve, reject]
    required: true
  by:
    description: The user who decides. Defaults to the account that runs the module.
    type: str
  note:
    description: Reason for the decision, for the record of the run.
    type: str
    default: ""
  wait:
    description: Whether to wait until a run needs approval if none does yet.
    type: bool
    default: false
  timeout:
    description: Maximum time to wait with O(wait=true), in seconds.
    type: int
    default: 300
notes:
  - A worker must be running, because it answers the query.
seealso:
  - module: vsphere.preemption.preemption_query
  - module: vsphere.preemption.preemption_plan
"""

EXAMPLES = r"""
- name: Show the plan that is pending approval
  vsphere.preemption.preemption_approve:
    temporal_address: temporal.example.com:7233
    decision: approve
  check_mode: true
  register: proposed

- name: Approve exactly this plan
  vsphere.preemption.preemption_approve:
    temporal_address: temporal.example.com:7233
    preemption_id: "{{ proposed.preemption_id }}"
    decision: approve
    by: ops
    note: as agreed in the change meeting
  when: proposed.plan.victims | length < 5
"""

RETURN = r"""
preemption_id:
  description: Id of the preemption.
  returned: success
  type: str
  sample: preempctl-run/0f343b0931126a20f133d67c2b018a3b
  version_added: 0.2.1
run_id:
  description: The same as RV(preemption_id), under the name it had in 0.2.0.
  returned: success
  type: str
  sample: preempctl-run/0f343b0931126a20f133d67c2b018a3b
request_id:
  description: Id of the request. Empty if O(preemption_id) is set.
  returned: success
  type: str
  sample: make-room-for-release-42
plan:
  description: The plan to decide on, in the format of RV(vsphere.preemption.preemption_plan#module:victims) and the
    return values next to it.
  returned: success
  type: dict
  contains:
    victims:
      description: The VMs that would be stopped, in this order.
      returned: always
      type: list
      elements: dict
    left_out:
      description: The other VMs with the tag, and why they are not selected.
      returned: always
      type: list
      elements: dict
    left_out_count:
      description: Number of VMs left out, by reason.
      returned: always
      type: dict
    freed:
      description: Total capacity that the victims free.
      returned: always
      type: dict
    target:
      description: Capacity to free. V(none) without a target.
      returned: always
      type: dict
    shortfall:
      description: Whether the victims free less than the target.
      returned: always
      type: bool
decision:
  description: The decision in effect, with C(decision), C(by) and C(note). In check mode, the decision that would be
    recorded.
  returned: success
  type: dict
  sample: {decision: approve, by: ops, note: as agreed}
error_code:
  description:
    - Stable error code; C(not_waiting_for_approval) if no run is waiting for approval, C(workflow_not_found) if nothing
      has the O(preemption_id).
  returned: failure
  type: str
  sample: not_waiting_for_approval
"""

from typing import TYPE_CHECKING, Any

from ..module_utils._modules.runner import run
from ..module_utils._modules.temporal import temporal_options, with_client
from ..module_utils.vsphere_preemption.core.contract import DEFAULT_WORKFLOW_ID
from ..module_utils.vsphere_preemption.core.planning.decision import plan_as_result
from ..module_utils.vsphere_preemption.core.planning.plan import Plan
from ..module_utils.vsphere_preemption.core.records.outcome import ApprovalDecision
from ..module_utils.vsphere_preemption.temporal import approvals
from ..module_utils.vsphere_preemption.temporal.blocking import account

if TYPE_CHECKING:
    from collections.abc import Mapping

    from temporalio.client import Client

OPTIONS = {
    "workflow_id": {"type": "str", "default": DEFAULT_WORKFLOW_ID},
    "preemption_id": {"type": "str", "aliases": ["run_id"]},
    "decision": {"type": "str", "choices": ["approve", "reject"], "required": True},
    "by": {"type": "str"},
    "note": {"type": "str", "default": ""},
    "wait": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 300},
}


def decide(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The result of the module."""
    decision = ApprovalDecision(params["decision"] == "approve", params["by"] or account(), params["note"])
    seconds = float(params["timeout"]) if params["wait"] else 0.0

    async def call(client: Client) -> tuple[approvals.PendingApproval, ApprovalDecision, bool]:
        pending = await approvals.find_pending_approval(
            client, params["workflow_id"], params["preemption_id"], wait_seconds=seconds
        )
        if check_mode:
            return pending, pending.decision or decision, approvals.would_change(pending, decision)
        return pending, *await approvals.decide(client, pending, decision)

    pending, holds, changed = with_client(params, call, timeout_seconds=seconds)
    run = pending.run
    return {
        "changed": changed,
        "preemption_id": run.preemption_id,
        "run_id": run.preemption_id,
        "request_id": run.request_id,
        "plan": plan_as_result(Plan.from_wire(run.plan) if run.plan else Plan()),
        "decision": {"decision": holds.word, "by": holds.by, "note": holds.note},
    }


def main() -> None:
    run(lambda module: decide(module.params, check_mode=module.check_mode), {**temporal_options(), **OPTIONS})


if __name__ == "__main__":
    main()
