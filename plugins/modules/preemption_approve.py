#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approve or reject the plan of a run that waits for it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_approve
short_description: Approve or reject a preemption that waits for it
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Under a policy with C(mode=approve), a run makes its plan and waits until somebody agrees. This module shows the
    plan and decides.
  - A decision is given once. Giving the same again changes nothing; a contrary one fails.
  - After an approval the run plans anew, and stops only VMs that were in the plan before.
extends_documentation_fragment:
  - vsphere.preemption.temporal
  - vsphere.preemption.attributes
  - vsphere.preemption.attributes.action_group
attributes:
  check_mode:
    support: full
    details: Shows the plan, and decides nothing.
  diff_mode:
    support: none
options:
  workflow_id:
    description: Id of the workflow.
    type: str
    default: preempctl-run
  preemption_id:
    description:
      - Id of the preemption, which is the id of its run, a workflow of its own. Results of
        M(vsphere.preemption.preemption_signal) and M(vsphere.preemption.preemption_query) have it.
      - The task fails if no run has the id. A run id of Temporal (C(execution_run_id)) is not a preemption id.
      - The run that is at work, if not given. It must not be empty.
    type: str
    aliases: [run_id]
  decision:
    description: What is decided.
    type: str
    choices: [approve, reject]
    required: true
  by:
    description: Who decides. The account that runs the module, if not given.
    type: str
  note:
    description: Why, for the record of the run.
    type: str
    default: ""
  wait:
    description: Whether to wait for a run that waits for approval, where there is none yet.
    type: bool
    default: false
  timeout:
    description: Seconds to wait, with O(wait=true).
    type: int
    default: 300
notes:
  - A worker has to run, because it is the worker who answers.
seealso:
  - module: vsphere.preemption.preemption_query
  - module: vsphere.preemption.preemption_plan
"""

EXAMPLES = r"""
- name: See what waits for approval
  vsphere.preemption.preemption_approve:
    temporal_address: temporal.example.com:7233
    decision: approve
  check_mode: true
  register: proposed

- name: Agree with exactly this plan
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
  description: What names the request. Empty if O(preemption_id) is given.
  returned: success
  type: str
  sample: make-room-for-release-42
plan:
  description: What is decided about, as in RV(vsphere.preemption.preemption_plan#module:victims) and the values beside.
  returned: success
  type: dict
  contains:
    victims:
      description: The VMs that would be stopped, in this order.
      returned: always
      type: list
      elements: dict
    left_out:
      description: The other VMs with the tag, and why they are left alone.
      returned: always
      type: list
      elements: dict
    left_out_count:
      description: How many are left out for each reason.
      returned: always
      type: dict
    freed:
      description: What the victims free together.
      returned: always
      type: dict
    target:
      description: What was to be freed. V(none) without a target.
      returned: always
      type: dict
    shortfall:
      description: Whether that is less than the target.
      returned: always
      type: bool
decision:
  description: The decision that holds, with C(decision), C(by) and C(note). In check mode the one that would be given.
  returned: success
  type: dict
  sample: {decision: approve, by: ops, note: as agreed}
error_code:
  description:
    - Stable name of the failure; C(not_waiting_for_approval) if there is nothing to decide, C(workflow_not_found) if
      nothing has the O(preemption_id).
  returned: failure
  type: str
  sample: not_waiting_for_approval
"""

from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vsphere.preemption.plugins.module_utils._options import (
    account,
    temporal_options,
    with_client,
)
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.contract import (
    DEFAULT_WORKFLOW_ID,
)
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.errors import PreemptionError
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.plan import Plan
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.plan_shown import (
    plan_as_result,
)
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.temporal import deciding

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
    verdict = deciding.Verdict(params["decision"] == "approve", params["by"] or account(), params["note"])
    seconds = float(params["timeout"]) if params["wait"] else 0.0

    async def call(client: Client) -> tuple[deciding.Awaited, deciding.Verdict, bool]:
        awaited = await deciding.find_awaited(
            client, params["workflow_id"], params["preemption_id"], wait_seconds=seconds
        )
        if check_mode:
            return awaited, awaited.verdict or verdict, deciding.would_change(awaited, verdict)
        return awaited, *await deciding.decide(client, awaited, verdict)

    awaited, holds, changed = with_client(params, call, timeout_seconds=seconds)
    run = awaited.run
    return {
        "changed": changed,
        "preemption_id": run.preemption_id,
        "run_id": run.preemption_id,
        "request_id": run.request_id,
        "plan": plan_as_result(Plan.from_wire(run.plan) if run.plan else Plan()),
        "decision": {"decision": holds.decision, "by": holds.by, "note": holds.note},
    }


def main() -> None:
    module = AnsibleModule(argument_spec={**temporal_options(), **OPTIONS}, supports_check_mode=True)
    try:
        result = decide(module.params, check_mode=module.check_mode)
    except PreemptionError as error:
        module.fail_json(**error.as_result())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
