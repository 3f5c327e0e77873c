#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore preempted VMs and wait for the outcome."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_restore
short_description: Power on virtual machines that were preempted
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Requests the worker to restore VMs in batches, the most recently preempted VM first, as long as there is capacity.
  - Only VMs that are off because of a preemption are powered on. A VM that was powered on and off again since, or that
    was stopped by another user, is left as it is.
  - If there is nothing to restore, running the module again changes nothing. While the same restore is active, the
    module waits for it.
extends_documentation_fragment:
  - vsphere.preemption.temporal
  - vsphere.preemption.request.scope
  - vsphere.preemption.attributes
  - vsphere.preemption.attributes.action_group
attributes:
  check_mode:
    support: full
    details: The worker plans the restore but changes nothing in vCenter. This requires a worker as well.
  diff_mode:
    support: full
options:
  tag:
    description: Name of the tag that makes a VM preemptible, C(category/name) or its URN.
    type: str
    required: true
  workflow_id:
    description: Id of the workflow that preempted the VMs. Each workflow has at most one restore at a time.
    type: str
    default: preempctl-run
  preemption_id:
    description:
      - Only restore VMs that this preemption stopped. RV(vsphere.preemption.preemption_signal#module:preemption_id) has
        its id; records of runs, events and marks contain it as C(runID).
      - The task fails if nothing has the id, neither a workflow execution in Temporal nor the mark of a VM. A run id of
        Temporal (C(execution_run_id)) is not a preemption id.
      - By default, VMs of all preemptions are restored. An empty string is refused.
      - With O(wait=false), an id that Temporal no longer has is looked up in the marks before the restore is started.
        This needs a worker.
    type: str
    aliases: [run_id]
  vms:
    description:
      - Only restore these VMs, by name or MoRef.
      - An empty list is refused; omit the option to restore all VMs.
    type: list
    elements: str
  reason:
    description: Reason for the restore, for example V(drill). It is recorded in the marks of the VMs and in the event.
    type: str
    default: ""
  force:
    description: Also restore VMs that were preempted within the hold time of the policy.
    type: bool
    default: false
  reply_to:
    description:
      - Address to send the event C(VmRestoredEvent) to. The worker must allow the address.
      - The user, password and query of the address are secrets and are never shown.
    type: str
    default: ""
  task_queue:
    description:
      - Task queue that the worker polls.
      - If not set, the environment variable E(TEMPORAL_TASKQUEUE) is used.
    type: str
    default: vsphere-preemption
  wait:
    description: Whether to wait for the outcome. In check mode, the module always waits.
    type: bool
    default: true
  timeout:
    description: Maximum time to wait for the outcome, in seconds.
    type: int
    default: 600
notes:
  - While preemption is paused, VMs can still be restored on request.
seealso:
  - module: vsphere.preemption.preemption_signal
  - module: vsphere.preemption.preemption_query
"""

EXAMPLES = r"""
- name: Restore all preempted VMs for which there is capacity
  vsphere.preemption.preemption_restore:
    temporal_address: temporal.example.com:7233
    tag: preemptible
    reason: maintenance is over

- name: Restore what one preemption stopped
  vsphere.preemption.preemption_restore:
    tag: preemptible
    preemption_id: "{{ preemption.preemption_id }}"

- name: End a drill
  vsphere.preemption.preemption_restore:
    tag: preemptible
    vms: [batch-17]
    reason: drill
    force: true
"""

RETURN = r"""
workflow_id:
  description: Id of the workflow that preempted the VMs.
  returned: success, and when the restore has failed
  type: str
  sample: preempctl-run
restore:
  description:
    - The outcome of the restore and of each VM. C(outcome) is V(done), V(partial), V(skipped) or V(failed);
      C(reasonCode) is the reason. C(kept) lists the other VMs with the tag, and why they were not restored.
  returned: when the module waits for the outcome
  type: dict
  sample:
    outcome: done
    reasonCode: ""
    machines: [{name: web-1, outcome: restored, reason: "", vm: {Type: VirtualMachine, Value: vm-63}}]
    kept: {byReason: {changed_since: 1}, vms: [{name: web-2, reason: changed_since}]}
complete:
  description:
    - Whether C(restore.outcome) is V(done), which means that every VM of the plan was restored, or that there was none.
    - Playbooks should branch on this boolean. Ansible masks the secrets of a task wherever they occur in texts and
      numbers of its result, including outcomes and reasons.
  returned: when the module waits for the outcome
  type: bool
  version_added: 0.2.1
last_state:
  description: Progress of the restore when the timeout expired.
  returned: when there was no outcome before the timeout
  type: dict
error_code:
  description:
    - Stable error code. V(restore_failed) if no VM could be restored, V(restore_in_progress) if another restore of the
      workflow is active, V(workflow_not_found) if nothing has the O(preemption_id); V(invalid_request), V(no_worker),
      V(outcome_timeout) and others.
  returned: failure
  type: str
  sample: restore_in_progress
retryable:
  description: Whether retrying the task later can succeed.
  returned: failure
  type: bool
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import env_fallback
from ansible_collections.vsphere.preemption.plugins.module_utils._modules.request import restore_limits_of
from ansible_collections.vsphere.preemption.plugins.module_utils._modules.runner import run
from ansible_collections.vsphere.preemption.plugins.module_utils._modules.temporal import temporal_options, with_client
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.contract import (
    DEFAULT_TASK_QUEUE,
    DEFAULT_WORKFLOW_ID,
)
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.errors import RestoreFailed
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.names import printable
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.policy.model import PlaceKind
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.redaction import (
    without_secrets,
)
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.restore.record import (
    RestoreStatus,
    VmRestoreStatus,
)
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.temporal import restores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from temporalio.client import Client


ON = (VmRestoreStatus.RESTORED, VmRestoreStatus.PLANNED)


def would_change(record: Mapping[str, Any]) -> bool:
    """Whether a VM was powered on, or would be."""
    return any(machine["outcome"] in ON for machine in record["machines"])


def restore_diff(record: Mapping[str, Any]) -> dict[str, str]:
    """The VMs of the plan before and after, in the order in which they are restored."""
    lines = [(_name(machine), machine) for machine in record["machines"]]
    return {
        "before_header": "preempted VMs now",
        "after_header": "VMs after the restore",
        "before": "".join(f"{name}: off\n" for name, _machine in lines),
        "after": "".join(f"{name}: {_state(machine)}\n" for name, machine in lines),
    }


def _state(machine: Mapping[str, Any]) -> str:
    return "on" if machine["outcome"] in ON else f"off ({machine['reason']})"


def _name(machine: Mapping[str, Any]) -> str:
    return f"{printable(machine['name'])} ({machine['vm']['Value']})"


PLACES = [kind.value for kind in PlaceKind]
OPTIONS = {
    "tag": {"type": "str", "required": True},
    "workflow_id": {"type": "str", "default": DEFAULT_WORKFLOW_ID},
    "preemption_id": {"type": "str", "aliases": ["run_id"]},
    "vms": {"type": "list", "elements": "str"},
    "scope": {
        "type": "list",
        "elements": "dict",
        "options": {place: {"type": "str"} for place in PLACES},
        "mutually_exclusive": [PLACES],
        "required_one_of": [PLACES],
    },
    "reason": {"type": "str", "default": ""},
    "force": {"type": "bool", "default": False},
    "reply_to": {"type": "str", "default": "", "no_log": True},
    "task_queue": {
        "type": "str",
        "default": DEFAULT_TASK_QUEUE,
        "fallback": (env_fallback, ["TEMPORAL_TASKQUEUE"]),
    },
    "wait": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 600},
}


def request_of(params: Mapping[str, Any], *, dry_run: bool) -> restores.RestoreRequest:
    """The restore that the options describe. Raises InvalidRequest if they are not valid."""
    narrowing = restore_limits_of(params)
    return restores.checked_request(
        workflow_id=params["workflow_id"],
        tag=params["tag"],
        reason=narrowing.reason,
        only=narrowing.only,
        preemption_id=params["preemption_id"],
        places=narrowing.scope,
        force=params["force"],
        dry_run=dry_run,
        reply_to=params["reply_to"],
    )


def restore(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The result of the module, also when the outcome is a failure."""
    request = request_of(params, dry_run=check_mode)
    seconds = float(params["timeout"])

    async def leave(client: Client) -> restores.Started:
        return await restores.leave_restore(client, request, task_queue=params["task_queue"], timeout_seconds=seconds)

    async def ask(client: Client) -> restores.Record:
        return await restores.restore_and_wait(
            client, request, task_queue=params["task_queue"], timeout_seconds=seconds
        )

    result: dict[str, Any] = {"changed": True, "workflow_id": params["workflow_id"]}
    if not params["wait"] and not check_mode:
        return {**result, "changed": not with_client(params, leave, timeout_seconds=seconds).joined}
    record = with_client(params, ask, timeout_seconds=seconds)
    done = record["outcome"] == RestoreStatus.DONE
    result |= {"changed": would_change(record), "complete": done, "restore": without_secrets(record)}
    result["diff"] = restore_diff(record)
    if record["outcome"] == "failed":
        return {**result, **RestoreFailed(record).as_result()}
    return result


def main() -> None:
    run(lambda module: restore(module.params, check_mode=module.check_mode), {**temporal_options(), **OPTIONS})


if __name__ == "__main__":
    main()
