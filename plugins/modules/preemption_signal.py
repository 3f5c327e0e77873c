#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Request a preemption and wait for its outcome."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_signal
short_description: Request a preemption of tagged virtual machines
version_added: 0.1.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Sends a preemption request to the workflow, and starts the workflow if it is not running.
  - By default, the module waits for the outcome, which lists every VM and what happened to it.
  - The same request can safely be sent again. It is identified by O(request_id), or by the source and id of the event.
  - In check mode with O(vcenter_url), the module creates a plan from vCenter and a policy, and shows which VMs would be
    stopped; see M(vsphere.preemption.preemption_plan).
extends_documentation_fragment:
  - vsphere.preemption.request
  - vsphere.preemption.request.limits
  - vsphere.preemption.request.scope
  - vsphere.preemption.request.policy
  - vsphere.preemption.vcenter
  - vsphere.preemption.temporal
  - vsphere.preemption.temporal.task_queue
  - vsphere.preemption.attributes
  - vsphere.preemption.attributes.action_group
attributes:
  check_mode:
    details: Temporal is not contacted. RV(request) shows the request that would be sent, and RV(plan) its effect.
  diff_mode:
    support: partial
    details: In check mode with O(vcenter_url) only.
options:
  dry_run:
    description:
      - Create a plan without stopping any VM. The outcome is C(skipped) with the reason C(dry_run), and contains the
        plan.
    type: bool
    default: false
  reason:
    description: Reason for the request, such as C(drill), for the record.
    type: str
  reply_to:
    description:
      - Address to send the reply event to. The worker must allow the address.
      - The user, password and query of the address are secrets and are never shown.
    type: str
    default: ""
  workflow_id:
    description: Id of the workflow.
    type: str
    default: preempctl-run
  request_id:
    description:
      - Id of the request. A request with the same id is not carried out twice; the second request gets the outcome of
        the first.
      - Without it, the event identifies the request.
    type: str
  wait:
    description: Whether to wait for the outcome, which requires a worker. Without waiting, the request is only stored.
    type: bool
    default: true
  timeout:
    description: Maximum time to wait for the outcome, in seconds.
    type: int
    default: 300
notes:
  - The worker applies its own policy. O(policy), O(policy_path) and the vCenter options are only used in check mode.
seealso:
  - module: vsphere.preemption.preemption_plan
  - module: vsphere.preemption.preemption_query
  - module: vsphere.preemption.preemption_cancel
"""

EXAMPLES = r"""
- name: Free capacity immediately
  vsphere.preemption.preemption_signal:
    temporal_address: temporal.example.com:7233
    tag: preemptible
    criticality: HIGH
    request_id: make-room-for-release-42
  register: preemption

- name: Free 64 GiB of memory in one cluster by stopping up to five VMs
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

- name: Send the request without waiting for the outcome
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
  description: Id of the request; the id of the event if O(request_id) is not set.
  returned: success, and when the run has failed
  type: str
  sample: make-room-for-release-42
request:
  description: The request that was sent, or would be sent. The user, password and query are removed from C(replyTo).
  returned: success, and when the run has failed
  type: dict
outcome:
  description:
    - The outcome of the request and of each VM. C(outcome) is V(done), V(partial), V(failed), V(skipped), V(duplicate)
      or V(rejected); C(reason) is the reason.
  returned: when the module waits for the outcome
  type: dict
  sample:
    outcome: done
    reason: ""
    victims: [{name: web-1, outcome: stopped, method: hard, vm: {Type: VirtualMachine, Value: vm-63}}]
complete:
  description:
    - Whether C(outcome.outcome) is V(done), which means that every victim that still had to be stopped was stopped, or
      that there was none.
    - Playbooks should branch on this boolean. Ansible masks the secrets of a task wherever they occur in texts and
      numbers of its result, including outcomes and reasons.
  returned: when the module waits for the outcome
  type: bool
  version_added: 0.2.1
plan:
  description: What would happen now, in the format of M(vsphere.preemption.preemption_plan).
  returned: in check mode, if O(vcenter_url) is set
  type: dict
last_state:
  description: State of the workflow when the timeout expired.
  returned: when there was no outcome before the timeout
  type: dict
error_code:
  description:
    - Stable error code. V(run_failed) if no VM could be stopped or the run was aborted; V(invalid_request),
      V(no_worker), V(outcome_timeout), V(temporal_unreachable) and others.
  returned: failure
  type: str
  sample: run_failed
retryable:
  description: Whether retrying the task later can succeed.
  returned: failure
  type: bool
"""

from typing import TYPE_CHECKING, Any

from ..module_utils._modules.plan import plan_diff, planned, would_stop
from ..module_utils._modules.request import EXCLUSIVE, POLICY_EXCLUSIVE, policy_options, request_of, request_options
from ..module_utils._modules.runner import run
from ..module_utils._modules.temporal import TASK_QUEUE, temporal_options, with_client
from ..module_utils._modules.vcenter import vcenter_options
from ..module_utils.vsphere_preemption.core.contract import DEFAULT_WORKFLOW_ID
from ..module_utils.vsphere_preemption.core.errors import RunFailed
from ..module_utils.vsphere_preemption.core.records.outcome import RunStatus
from ..module_utils.vsphere_preemption.core.redaction import without_secrets
from ..module_utils.vsphere_preemption.temporal import dispatcher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from temporalio.client import Client

    from ..module_utils.vsphere_preemption.core.requests.request import PreemptionRequest

OPTIONS = {
    **request_options(),
    **policy_options(),
    **vcenter_options(),
    "dry_run": {"type": "bool", "default": False},
    "reason": {"type": "str"},
    "reply_to": {"type": "str", "default": "", "no_log": True},
    "workflow_id": {"type": "str", "default": DEFAULT_WORKFLOW_ID},
    "task_queue": TASK_QUEUE,
    "request_id": {"type": "str"},
    "wait": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 300},
}


def send(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
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
        return {**result, **_check(params, request)}
    if not params["wait"]:
        left = _leave(params, request)
        return {**result, **_ids(left.preemption_id, left.execution_run_id)}
    answer = _ask(params, request)
    stopped = any(victim["outcome"] == "stopped" for victim in answer.record.get("victims", []))
    result["changed"] = stopped and not answer.repeated
    result |= {"complete": answer.record["outcome"] == RunStatus.DONE, "outcome": without_secrets(answer.record)}
    result |= _ids(answer.preemption_id, answer.execution_run_id)
    if answer.record["outcome"] in ("failed", "rejected"):
        return {**result, **RunFailed(answer.record).as_result()}
    return result


def _ids(preemption_id: str, execution_run_id: str) -> dict[str, str]:
    """Both ids, and the name that the second one had in 0.2.0."""
    return {"preemption_id": preemption_id, "execution_run_id": execution_run_id, "run_id": execution_run_id}


def _check(params: Mapping[str, Any], request: PreemptionRequest) -> dict[str, Any]:
    """What the request would do, as far as it can be determined without sending it."""
    if not params["vcenter_url"]:
        return {}
    plan = planned(params, request)
    # Without waiting, the result reports that the request was stored, so check mode reports that it would be.
    changed = would_stop(plan) or not params["wait"]
    return {"changed": changed, "plan": plan, "diff": plan_diff(plan)}


def _leave(params: Mapping[str, Any], request: PreemptionRequest) -> dispatcher.Accepted:
    async def call(client: Client) -> dispatcher.Accepted:
        return await dispatcher.signal_request(
            client, request, workflow_id=params["workflow_id"], task_queue=params["task_queue"]
        )

    return with_client(params, call)


def _ask(params: Mapping[str, Any], request: PreemptionRequest) -> dispatcher.RequestOutcome:
    async def call(client: Client) -> dispatcher.RequestOutcome:
        return await dispatcher.preempt_and_wait(
            client,
            request,
            workflow_id=params["workflow_id"],
            task_queue=params["task_queue"],
            request_id=request.request_id,
            timeout_seconds=params["timeout"],
        )

    return with_client(params, call, timeout_seconds=params["timeout"])


def main() -> None:
    spec, either = {**temporal_options(), **OPTIONS}, EXCLUSIVE + POLICY_EXCLUSIVE
    run(lambda module: send(module.params, check_mode=module.check_mode), spec, mutually_exclusive=either)


if __name__ == "__main__":
    main()
