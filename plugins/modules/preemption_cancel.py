#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancel a preemption workflow gracefully."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_cancel
short_description: Cancel a preemption workflow gracefully
version_added: 0.1.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Requests the cancellation of a preemption workflow. An active run stops no further VMs; VMs already being stopped
    are completed and recorded. Pending requests get the outcome C(skipped).
  - The next request starts the workflow again.
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
    description: Temporal's run id of the workflow execution. Defaults to the open one.
    type: str
    aliases: [run_id]
  wait:
    description: Whether to wait until the workflow has ended. Waiting requires a worker.
    type: bool
    default: true
  timeout:
    description: Maximum time to wait for the end of the workflow, in seconds.
    type: int
    default: 300
seealso:
  - module: vsphere.preemption.preemption_signal
  - module: vsphere.preemption.preemption_query
"""

EXAMPLES = r"""
- name: Cancel the preemption workflow
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
    - Last state of the workflow; see M(vsphere.preemption.preemption_query). V(none) if it could not be read.
  returned: success
  type: dict
last_state:
  description: State of the workflow when the timeout expired, if it could be read.
  returned: when the workflow has not ended before the timeout
  type: dict
error_code:
  description: Stable error code, for example C(outcome_timeout) or C(temporal_unreachable).
  returned: failure
  type: str
  sample: outcome_timeout
"""

from typing import TYPE_CHECKING, Any

from ..module_utils._modules.runner import run
from ..module_utils._modules.temporal import temporal_options, with_client
from ..module_utils.vsphere_preemption.core.contract import DEFAULT_WORKFLOW_ID
from ..module_utils.vsphere_preemption.core.redaction import without_secrets
from ..module_utils.vsphere_preemption.temporal import dispatcher

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

    async def call(client: Client) -> dispatcher.Cancelled:
        if check_mode:
            return await dispatcher.preview_cancel(client, workflow_id, execution_run_id)
        return await dispatcher.cancel_workflow(
            client, workflow_id, execution_run_id, wait=params["wait"], timeout_seconds=params["timeout"]
        )

    done = with_client(params, call, timeout_seconds=params["timeout"])
    return {"changed": done.was_running, "workflow_id": workflow_id, "state": without_secrets(done.state)}


def main() -> None:
    run(lambda module: cancel(module.params, check_mode=module.check_mode), {**temporal_options(), **OPTIONS})


if __name__ == "__main__":
    main()
