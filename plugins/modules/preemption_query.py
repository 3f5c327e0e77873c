#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Query the results of a preemption workflow. It changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_query
short_description: Query the results of a preemption workflow
version_added: 0.1.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Queries an open or closed preemption workflow for its last result, its last runs with every VM, its last requests,
    and the active run.
  - Explains why a VM was, or was not, preempted.
  - A worker must be running, because it answers the query.
extends_documentation_fragment:
  - vsphere.preemption.temporal
  - vsphere.preemption.attributes
  - vsphere.preemption.attributes.action_group
attributes:
  diff_mode:
    support: none
options:
  workflow_id:
    description: Id of the workflow.
    type: str
    default: preempctl-run
  execution_run_id:
    description: Temporal's run id of the workflow execution. Defaults to the latest one.
    type: str
    aliases: [run_id]
  vm:
    description: The VM to explain in RV(explanation), by name or MoRef.
    type: str
seealso:
  - module: vsphere.preemption.preemption_signal
  - module: vsphere.preemption.preemption_cancel
"""

EXAMPLES = r"""
- name: Query the last runs
  vsphere.preemption.preemption_query:
    temporal_address: temporal.example.com:7233
  register: preemption

- name: Show the VMs that the last run stopped
  ansible.builtin.debug:
    msg: "{{ preemption.runs[-1].victims | selectattr('stopped') | map(attribute='name') }}"
  when: preemption.runs | length > 0

- name: Find out why a VM is powered off or still running
  vsphere.preemption.preemption_query:
    vm: web-1
  register: preemption

- name: Show the most recent explanation
  ansible.builtin.debug:
    msg: "{{ preemption.explanation[0].text | default('No run is on record.') }}"
"""

RETURN = r"""
state:
  description:
    - Result of the last run that was carried out, in the format of the prototype.
    - The user, password and query are removed from C(replyTo), here and elsewhere.
  returned: success
  type: dict
  sample:
    workflowID: preempctl-run
    workflowRunID: 0191f8a0-4f9c-7cc0-8f3c-6f1f0a9d7b11
    workflowName: PreemptVMsWorkflow
    lastPreemptionTime: "2026-11-24T09:29:51.204Z"
    virtualMachines: [{Type: VirtualMachine, Value: vm-63}]
    tag: preemptible
    criticality: HIGH
    event: {specversion: "1.0", id: "4711", source: "https://vcenter.example.com/sdk", type: AlarmStatusChangedEvent}
    replyTo: ""
runs:
  description: Records of the last 20 runs, newest last. C(runID) is the preemption id.
  returned: success
  type: list
  elements: dict
requests:
  description: The last requests, without VMs, newest last.
  returned: success
  type: list
  elements: dict
counts:
  description: Number of requests by outcome.
  returned: success
  type: dict
  sample: {done: 3, skipped: 1}
waiting:
  description: Number of pending requests.
  returned: success
  type: int
  sample: 0
at_work:
  description: The active run. V(none) if there is none.
  returned: success
  type: dict
  contains:
    preemption_id:
      description: Id of the preemption, which is the id of its run, a workflow of its own.
      returned: always
      type: str
      version_added: 0.2.1
    run_id:
      description: The same as C(preemption_id), under its name in release 0.2.0.
      returned: always
      type: str
    request_id:
      description: Id of the request.
      returned: always
      type: str
    phase:
      description:
        - Current phase of the run. V(starting), V(planning), V(waiting_for_approval), V(notice), V(lead_time),
          V(stopping), V(announcing) or V(ended).
      returned: always
      type: str
    criticality:
      description: The criticality currently in effect. Empty while the run is starting.
      returned: always
      type: str
    plan:
      description:
        - The victims, the VMs left out, and the freed capacity, in the format of M(vsphere.preemption.preemption_plan).
        - V(none) before there is a plan.
      returned: always
      type: dict
explanation:
  description: What each recorded run did with O(vm), newest first. If several VMs have this name, each has an entry.
  returned: if O(vm) is set
  type: list
  elements: dict
  contains:
    preemption_id:
      description: Id of the preemption.
      returned: always
      type: str
      version_added: 0.2.1
    run_id:
      description: The same as C(preemption_id), under the name it had in 0.2.0.
      returned: always
      type: str
    request_id:
      description: Id of the request.
      returned: always
      type: str
    finished:
      description: When the run ended, in UTC.
      returned: always
      type: str
    outcome:
      description: Outcome of the run.
      returned: always
      type: str
    policy:
      description: Name of the policy. Empty if none was selected.
      returned: always
      type: str
    vm:
      description: MoRef of the VM. Empty if the run did not see it.
      returned: always
      type: str
    what:
      description: V(stopped), V(spared), V(failed), V(left_out) or V(not_seen).
      returned: always
      type: str
    reason:
      description: Reason code. Empty if there is nothing to explain.
      returned: always
      type: str
    method:
      description: How the VM was to be stopped. Empty if it was not selected.
      returned: always
      type: str
    text:
      description: The explanation in one sentence.
      returned: always
      type: str
      sample: "The run for request r1 did not select the VM: a tag protects it."
error_code:
  description: Stable error code, for example C(workflow_not_found), C(no_worker) or C(temporal_unreachable).
  returned: failure
  type: str
  sample: workflow_not_found
failure:
  description:
    - RV(error_code) again, as the only key of a dictionary; its value is V(true).
    - Playbooks should branch on this key. Ansible masks the secrets of a task wherever they occur in texts and numbers
      of its result, including RV(error_code), but not in keys.
  returned: failure
  type: dict
  sample: {workflow_not_found: true}
  version_added: 0.2.1
"""

from typing import TYPE_CHECKING, Any

from ..module_utils._modules.runner import run
from ..module_utils._modules.temporal import temporal_options, with_client
from ..module_utils.vsphere_preemption.core.contract import DEFAULT_WORKFLOW_ID
from ..module_utils.vsphere_preemption.core.planning.decision import plan_as_result
from ..module_utils.vsphere_preemption.core.planning.plan import Plan
from ..module_utils.vsphere_preemption.core.records.explanation import explain
from ..module_utils.vsphere_preemption.core.redaction import without_secrets
from ..module_utils.vsphere_preemption.temporal import dispatcher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from temporalio.client import Client

OPTIONS = {
    "workflow_id": {"type": "str", "default": DEFAULT_WORKFLOW_ID},
    "execution_run_id": {"type": "str", "aliases": ["run_id"]},
    "vm": {"type": "str"},
}


def query(params: Mapping[str, Any]) -> dict[str, Any]:
    """The result of the module."""

    async def ask(client: Client) -> dict[str, Any]:
        workflow = (client, params["workflow_id"], params["execution_run_id"])
        requests = await dispatcher.read_requests(*workflow)
        return {
            "state": await dispatcher.read_state(*workflow),
            "runs": await dispatcher.read_runs(*workflow),
            "requests": requests["recent"],
            "counts": requests["counts"],
            "waiting": requests["waiting"],
            "at_work": _at_work(await dispatcher.active_run(*workflow)),
        }

    found = without_secrets(with_client(params, ask))
    explained = {"explanation": explain(found["runs"], params["vm"])} if params["vm"] else {}
    return {"changed": False, **found, **explained}


def _at_work(run: dispatcher.ActiveRun | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "preemption_id": run.preemption_id,
        "run_id": run.preemption_id,
        "request_id": run.request_id,
        "phase": run.phase,
        "criticality": run.criticality,
        "plan": plan_as_result(Plan.from_wire(run.plan)) if run.plan else None,
    }


def main() -> None:
    run(lambda module: query(module.params), {**temporal_options(), **OPTIONS})


if __name__ == "__main__":
    main()
