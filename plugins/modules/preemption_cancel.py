#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""End a preemption workflow in good order."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_cancel
short_description: End a preemption workflow in good order
version_added: 0.1.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Asks a preemption workflow to end. A run that is under way stops no further VM; what it has begun is seen through
    and recorded. Requests that wait get the outcome C(skipped).
  - The next request starts the workflow again.
extends_documentation_fragment:
  - vsphere.preemption.temporal
  - vsphere.preemption.attributes
  - vsphere.preemption.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  workflow_id:
    description: Id of the workflow.
    type: str
    default: preempctl-run
  execution_run_id:
    description: Temporal's run id of the workflow execution. The one that is open, if not given.
    type: str
    aliases: [run_id]
  wait:
    description: Whether to wait until the workflow has ended. That needs a worker.
    type: bool
    default: true
  timeout:
    description: Seconds to wait for the end.
    type: int
    default: 300
seealso:
  - module: vsphere.preemption.preemption_signal
  - module: vsphere.preemption.preemption_query
"""

EXAMPLES = r"""
- name: Preempt nothing any more
  vsphere.preemption.preemption_cancel:
    temporal_address: temporal.example.com:7233
    timeout: 600
"""

RETURN = r"""
workflow_id:
  description: Id of the workflow.
  returned: success
  type: str
  sample: preempctl-run
state:
  description:
    - Last state of the workflow, see M(vsphere.preemption.preemption_query). V(none) if nobody could tell it.
  returned: success
  type: dict
last_state:
  description: State of the workflow when the time was over, if it could be had.
  returned: when it has not ended in time
  type: dict
error_code:
  description: Stable name of the failure, for example C(outcome_timeout) or C(temporal_unreachable).
  returned: failure
  type: str
  sample: outcome_timeout
"""

from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vsphere.preemption.plugins.module_utils._options import temporal_options, with_client
from ansible_collections.vsphere.preemption.plugins.module_utils._redaction import without_secrets
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.contract import (
    DEFAULT_WORKFLOW_ID,
)
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.errors import PreemptionError
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.temporal import asking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from temporalio.client import Client

OPTIONS = {
    "workflow_id": {"type": "str", "default": DEFAULT_WORKFLOW_ID},
    "execution_run_id": {"type": "str", "aliases": ["run_id"]},
    "wait": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 300},
}


def cancel(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The result of the module."""
    workflow_id, execution_run_id = params["workflow_id"], params["execution_run_id"]

    async def call(client: Client) -> asking.Cancelled:
        if check_mode:
            return await asking.what_cancel_would_find(client, workflow_id, execution_run_id)
        return await asking.cancel_workflow(
            client, workflow_id, execution_run_id, wait=params["wait"], timeout_seconds=params["timeout"]
        )

    done = with_client(params, call, timeout_seconds=params["timeout"])
    return {"changed": done.was_running, "workflow_id": workflow_id, "state": without_secrets(done.state)}


def main() -> None:
    module = AnsibleModule(argument_spec={**temporal_options(), **OPTIONS}, supports_check_mode=True)
    try:
        result = cancel(module.params, check_mode=module.check_mode)
    except PreemptionError as error:
        module.fail_json(**without_secrets(error.as_result()))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
