#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask for a preemption, and wait for its outcome."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_signal
short_description: Ask for a preemption of tagged virtual machines
version_added: 0.1.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Sends a preemption request to the workflow, and starts the workflow if it does not run.
  - By default it waits for the outcome, which names every VM and what became of it.
  - The same request may be sent again without harm. O(request_id), or source and id of the event, name it.
  - In check mode with O(vcenter_url), it makes the plan from vCenter and a policy, and shows which VMs would be
    stopped; see M(vsphere.preemption.preemption_plan).
extends_documentation_fragment:
  - vsphere.preemption.request
  - vsphere.preemption.request.limits
  - vsphere.preemption.request.scope
  - vsphere.preemption.request.policy
  - vsphere.preemption.vcenter
  - vsphere.preemption.temporal
  - vsphere.preemption.attributes
  - vsphere.preemption.attributes.action_group
attributes:
  check_mode:
    support: full
    details: Nothing is sent, not even a call to Temporal. RV(request) shows what would be, and RV(plan) what it does.
  diff_mode:
    support: partial
    details: In check mode with O(vcenter_url) only.
options:
  dry_run:
    description:
      - The run makes its plan and stops nothing. The outcome is C(skipped) with the reason C(dry_run), and holds the
        plan.
    type: bool
    default: false
  reason:
    description: Why, such as C(drill); for the record.
    type: str
  reply_to:
    description:
      - Address for the reply event, if one is wanted. The worker has to allow it.
      - User, password and query of the address are secrets, and never shown.
    type: str
    default: ""
  workflow_id:
    description: Id of the workflow.
    type: str
    default: preempctl-run
  task_queue:
    description:
      - Task queue that the worker polls.
      - Read from the environment variable E(TEMPORAL_TASKQUEUE) if it is not given.
    type: str
    default: vsphere-preemption
  request_id:
    description:
      - Name of this request. A request with the same name is not carried out twice; the second one gets the outcome of
        the first.
      - Without it the event names the request.
    type: str
  wait:
    description: Whether to wait for the outcome. That needs a worker; without waiting the request is only stored.
    type: bool
    default: true
  timeout:
    description: Seconds to wait for the outcome.
    type: int
    default: 300
notes:
  - The worker goes by its own policy. O(policy), O(policy_path) and the options for vCenter are for check mode alone.
seealso:
  - module: vsphere.preemption.preemption_plan
  - module: vsphere.preemption.preemption_query
  - module: vsphere.preemption.preemption_cancel
"""

EXAMPLES = r"""
- name: Make room at once
  vsphere.preemption.preemption_signal:
    temporal_address: temporal.example.com:7233
    tag: preemptible
    criticality: HIGH
    request_id: make-room-for-release-42
  register: preemption

- name: Stop what frees 64 GiB in one cluster, at most five VMs
  vsphere.preemption.preemption_signal:
    tag: preemptible
    criticality: MEDIUM
    scope:
      - cluster: compute-1
    target:
      memory_mib: 65536
    max_vms: 5

- name: Restore exactly the VMs that the first task stopped
  vsphere.preemption.preemption_restore:
    tag: preemptible
    preemption_id: "{{ preemption.preemption_id }}"
    force: true

- name: Leave the request and go on
  vsphere.preemption.preemption_signal:
    tag: preemptible
    criticality: MEDIUM
    event_source: https://ci.example.com
    event_type: com.example.capacity.low
    event_data:
      cluster: compute-1
    wait: false
"""

RETURN = r"""
workflow_id:
  description: Id of the workflow.
  returned: success, and when the run has failed
  type: str
  sample: preempctl-run
preemption_id:
  description:
    - Id of the run that carried the request out. It names this preemption in M(vsphere.preemption.preemption_restore)
      and M(vsphere.preemption.preemption_approve).
    - Empty if no run was made for the request, as for one that was skipped, and in check mode. Both modules refuse an
      empty id.
    - With O(wait=false) the id that the run gets, if one is made.
  returned: success, and when the run has failed
  type: str
  sample: preempctl-run/0f343b0931126a20f133d67c2b018a3b
  version_added: 0.2.1
execution_run_id:
  description: Temporal's run id of the workflow that took the request. It names no preemption. Empty in check mode.
  returned: success, and when the run has failed
  type: str
  sample: 0191f8a0-4f9c-7cc0-8f3c-6f1f0a9d7b11
  version_added: 0.2.1
run_id:
  description:
    - Deprecated, use RV(execution_run_id), which has the same value, or RV(preemption_id), which names the preemption.
    - M(vsphere.preemption.preemption_restore) and M(vsphere.preemption.preemption_approve) fail if they get it.
  returned: success, and when the run has failed
  type: str
  sample: 0191f8a0-4f9c-7cc0-8f3c-6f1f0a9d7b11
request_id:
  description: What names the request; the id of the event where no O(request_id) was given.
  returned: success, and when the run has failed
  type: str
  sample: make-room-for-release-42
request:
  description: The request that was sent, or would be sent. From C(replyTo) user, password and query are removed.
  returned: success, and when the run has failed
  type: dict
outcome:
  description:
    - What became of the request, with each VM. C(outcome) is V(done), V(partial), V(failed), V(skipped), V(duplicate)
      or V(rejected); C(reason) says why.
  returned: when it was waited for
  type: dict
  sample:
    outcome: done
    reason: ""
    victims: [{name: web-1, outcome: stopped, method: hard, vm: {Type: VirtualMachine, Value: vm-63}}]
complete:
  description:
    - Whether C(outcome.outcome) is V(done), so that every victim that was still there to be stopped was stopped, also
      if there was none.
    - A playbook should decide by this boolean. Ansible masks the secrets of a task wherever they occur in texts and
      numbers of its result, in outcomes and reasons too.
  returned: when it was waited for
  type: bool
  version_added: 0.2.1
plan:
  description: What would happen now; the values are those of M(vsphere.preemption.preemption_plan).
  returned: in check mode, if O(vcenter_url) is known
  type: dict
last_state:
  description: State of the workflow when the time was over.
  returned: when the outcome was not known in time
  type: dict
error_code:
  description:
    - Stable name of the failure. V(run_failed) if no VM could be stopped, or the run broke off; V(invalid_request),
      V(no_worker), V(outcome_timeout), V(temporal_unreachable) and others.
  returned: failure
  type: str
  sample: run_failed
retryable:
  description: Whether the same task can help later.
  returned: failure
  type: bool
"""

from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule, env_fallback
from ansible_collections.vsphere.preemption.plugins.module_utils._options import temporal_options, with_client
from ansible_collections.vsphere.preemption.plugins.module_utils._plan_diff import plan_diff
from ansible_collections.vsphere.preemption.plugins.module_utils._planning import planned, would_stop
from ansible_collections.vsphere.preemption.plugins.module_utils._redaction import mask_reply_to, without_secrets
from ansible_collections.vsphere.preemption.plugins.module_utils._request import (
    EXCLUSIVE,
    POLICY_EXCLUSIVE,
    policy_options,
    request_of,
    request_options,
)
from ansible_collections.vsphere.preemption.plugins.module_utils._vcenter import vcenter_options
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.contract import (
    DEFAULT_TASK_QUEUE,
    DEFAULT_WORKFLOW_ID,
)
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.errors import (
    PreemptionError,
    RunFailed,
)
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.outcome import RunEnd
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.temporal import asking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.request import (
        PreemptionRequest,
    )
    from temporalio.client import Client

OPTIONS = {
    **request_options(),
    **policy_options(),
    **vcenter_options(),
    "dry_run": {"type": "bool", "default": False},
    "reason": {"type": "str"},
    "reply_to": {"type": "str", "default": "", "no_log": True},
    "workflow_id": {"type": "str", "default": DEFAULT_WORKFLOW_ID},
    "task_queue": {
        "type": "str",
        "default": DEFAULT_TASK_QUEUE,
        "fallback": (env_fallback, ["TEMPORAL_TASKQUEUE"]),
    },
    "request_id": {"type": "str"},
    "wait": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 300},
}


def send(params: Mapping[str, Any], *, check_mode: bool, diff: bool = False) -> dict[str, Any]:
    """The result of the module, also when the outcome is a failure."""
    request = request_of(params)
    result = {
        "changed": True,
        "workflow_id": params["workflow_id"],
        **_ids("", ""),
        "request_id": request.request_id or request.event.id,
        "request": without_secrets(request.as_wire()),
    }
    if check_mode:
        return {**result, **_check(params, request, diff=diff)}
    if not params["wait"]:
        left = _leave(params, request)
        return {**result, **_ids(left.preemption_id, left.execution_run_id)}
    answer = _ask(params, request)
    stopped = any(victim["outcome"] == "stopped" for victim in answer.record.get("victims", []))
    result["changed"] = stopped and not answer.repeated
    result |= {"complete": answer.record["outcome"] == RunEnd.DONE, "outcome": without_secrets(answer.record)}
    result |= _ids(answer.preemption_id, answer.execution_run_id)
    if answer.record["outcome"] in ("failed", "rejected"):
        return {**result, **RunFailed(answer.record).as_result()}
    return result


def _ids(preemption_id: str, execution_run_id: str) -> dict[str, str]:
    """Both ids, and the name that the second one had in 0.2.0."""
    return {"preemption_id": preemption_id, "execution_run_id": execution_run_id, "run_id": execution_run_id}


def _check(params: Mapping[str, Any], request: PreemptionRequest, *, diff: bool) -> dict[str, Any]:
    """What the request would do, as far as it can be told without sending it."""
    if not params["vcenter_url"]:
        return {}
    plan = planned(params, request)
    # Who does not wait is told that the request was stored, and that it would be.
    changed = would_stop(plan) or not params["wait"]
    return {"changed": changed, "plan": plan, **({"diff": plan_diff(plan)} if diff else {})}


def _leave(params: Mapping[str, Any], request: PreemptionRequest) -> asking.Accepted:
    async def call(client: Client) -> asking.Accepted:
        return await asking.signal_request(
            client, request, workflow_id=params["workflow_id"], task_queue=params["task_queue"]
        )

    return with_client(params, call)


def _ask(params: Mapping[str, Any], request: PreemptionRequest) -> asking.Answer:
    async def call(client: Client) -> asking.Answer:
        return await asking.preempt_and_wait(
            client,
            request,
            workflow_id=params["workflow_id"],
            task_queue=params["task_queue"],
            request_id=request.request_id,
            timeout_seconds=params["timeout"],
        )

    return with_client(params, call, timeout_seconds=params["timeout"])


def main() -> None:
    module = AnsibleModule(
        argument_spec={**temporal_options(), **OPTIONS},
        mutually_exclusive=EXCLUSIVE + POLICY_EXCLUSIVE,
        supports_check_mode=True,
    )
    mask_reply_to(module)
    try:
        result = send(module.params, check_mode=module.check_mode, diff=module._diff)
    except PreemptionError as error:
        result = without_secrets(error.as_result())
    leave = module.fail_json if "error_code" in result else module.exit_json
    leave(**result)


if __name__ == "__main__":
    main()
