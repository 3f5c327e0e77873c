#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill switch: pause or resume preemption."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_pause
short_description: Pause or resume preemption
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - While preemption is paused, no worker of the task queue starts to stop a VM. Requests end with the outcome
    C(skipped) and the reason C(paused).
  - Temporal itself stores the kill switch, so it survives all restarts, and it can be set while no worker is running.
  - An active run stops no further VMs once it detects the pause. VMs already being stopped are completed.
extends_documentation_fragment:
  - vsphere.preemption.temporal
  - vsphere.preemption.temporal.task_queue
  - vsphere.preemption.attributes
  - vsphere.preemption.attributes.action_group
options:
  state:
    description: V(paused) pauses preemption. V(active) resumes it.
    type: str
    choices: [paused, active]
    default: paused
  reason:
    description: Reason for the pause, shown to users who find preemption paused.
    type: str
    default: ""
  duration:
    description:
      - Resume automatically after this many seconds. Without it, preemption stays paused until someone resumes it.
      - Only for O(state=paused).
    type: int
  by:
    description: The user who pauses or resumes preemption. Defaults to the account that runs the module.
    type: str
notes:
  - If preemption is already paused, nothing changes, including O(reason) and O(duration). To change them, resume
    preemption first.
seealso:
  - module: vsphere.preemption.preemption_signal
  - module: vsphere.preemption.preemption_cancel
"""

EXAMPLES = r"""
- name: Pause preemption during the migration
  vsphere.preemption.preemption_pause:
    temporal_address: temporal.example.com:7233
    reason: migration of compute-1
    duration: 7200

- name: Resume preemption
  vsphere.preemption.preemption_pause:
    temporal_address: temporal.example.com:7233
    state: active
"""

RETURN = r"""
switch:
  description: State of the kill switch; in check mode, the state it would have.
  returned: success
  type: dict
  contains:
    paused:
      description: Whether preemption is paused.
      returned: always
      type: bool
    reason:
      description: Reason for the pause.
      returned: always
      type: str
    by:
      description: The user who paused preemption.
      returned: always
      type: str
    since:
      description: Start of the pause, in UTC. Empty while preemption is active, and in check mode if it is not known.
      returned: always
      type: str
    until:
      description: When preemption resumes automatically, in UTC. Empty if it does not.
      returned: always
      type: str
  sample: {paused: true, reason: migration, by: ops, since: "2026-11-24T09:29:51Z", until: ""}
error_code:
  description: Stable error code, for example C(temporal_unreachable) or C(invalid_setting).
  returned: failure
  type: str
  sample: temporal_unreachable
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..module_utils._modules.runner import run
from ..module_utils._modules.temporal import TASK_QUEUE, temporal_options, with_client
from ..module_utils.vsphere_preemption.core.errors import InvalidSetting
from ..module_utils.vsphere_preemption.temporal import kill_switch
from ..module_utils.vsphere_preemption.temporal.blocking import account

if TYPE_CHECKING:
    from collections.abc import Mapping

    from temporalio.client import Client

OPTIONS = {
    "state": {"type": "str", "choices": ["paused", "active"], "default": "paused"},
    "reason": {"type": "str", "default": ""},
    "duration": {"type": "int"},
    "by": {"type": "str"},
    "task_queue": TASK_QUEUE,
}


def throw(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The result of the module, including the diff."""
    _check_duration(params["duration"])
    by = params["by"] or account()

    async def call(client: Client) -> tuple[kill_switch.KillSwitch, kill_switch.KillSwitch, bool]:
        before = await kill_switch.read_kill_switch(client, params["task_queue"])
        if check_mode:
            after = _would_be(before, params, by)
            return before, after, after != before
        return before, *await _throw(client, params, by)

    before, after, changed = with_client(params, call)
    diff = {"before": kill_switch.as_result(before), "after": kill_switch.as_result(after)}
    return {"changed": changed, "switch": kill_switch.as_result(after), "diff": diff}


async def _throw(client: Client, params: Mapping[str, Any], by: str) -> tuple[kill_switch.KillSwitch, bool]:
    queue = params["task_queue"]
    if params["state"] == "active":
        return await kill_switch.resume(client, queue, by=by)
    return await kill_switch.pause(client, queue, reason=params["reason"], by=by, seconds=params["duration"])


def _would_be(before: kill_switch.KillSwitch, params: Mapping[str, Any], by: str) -> kill_switch.KillSwitch:
    if params["state"] == "active":
        return kill_switch.KillSwitch()
    if before.paused:
        return before
    until = kill_switch.end_after(params["duration"])
    return replace(before, paused=True, reason=params["reason"], by=by, until=until)


def _check_duration(seconds: int | None) -> None:
    if seconds is not None and seconds <= 0:
        raise InvalidSetting(
            "Cannot pause preemption",
            why=f"the duration is {seconds} seconds",
            next_step="Set it to 1 or more, or omit it.",
        )


def main() -> None:
    run(lambda module: throw(module.params, check_mode=module.check_mode), {**temporal_options(), **OPTIONS})


if __name__ == "__main__":
    main()
