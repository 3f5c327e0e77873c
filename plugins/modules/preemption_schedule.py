#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preempt or restore VMs on a schedule."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_schedule
short_description: Preempt or restore virtual machines on a schedule
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Creates, changes, pauses, resumes or deletes a schedule in Temporal. At each scheduled time, it requests a
    preemption or a restore from the worker, in the same way as M(vsphere.preemption.preemption_signal) and
    M(vsphere.preemption.preemption_restore), without waiting for the outcome.
  - Temporal stores the schedule and tracks the time, so only Temporal and a worker need to be running. Each scheduled
    time is processed once, even if it is caught up on or repeated.
  - Use two schedules for a nightly shutdown, one that stops VMs and one that restores them. Both must have the same
    O(workflow_id).
  - Without O(action), O(tag), O(cron) and O(calendar), the module only pauses or resumes an existing schedule.
  - The module fails if a schedule with the same name starts anything else.
extends_documentation_fragment:
  - vsphere.preemption.request.limits
  - vsphere.preemption.request.scope
  - vsphere.preemption.temporal
  - vsphere.preemption.temporal.task_queue
  - vsphere.preemption.attributes
  - vsphere.preemption.attributes.action_group
options:
  name:
    description: Name of the schedule, which is its id in Temporal. It is part of the ids of events.
    type: str
    required: true
  state:
    description:
      - V(present) creates the schedule or changes it to match the options, and resumes it if it is paused. V(paused)
        does the same but leaves the schedule paused. V(absent) deletes it; if the namespace does not exist, there is
        nothing to delete.
    type: str
    choices: [present, paused, absent]
    default: present
  note:
    description:
      - A note in plain text, for example why the schedule is paused.
      - If not set, an existing note is kept until the schedule is paused or resumed.
    type: str
  action:
    description: V(preempt) stops VMs. V(restore) restores the VMs that O(workflow_id) stopped.
    type: str
    choices: [preempt, restore]
  cron:
    description:
      - Scheduled times as cron expressions with five fields, for example V(0 22 * * mon-fri). Names of months and days,
        ranges, lists and steps are supported. If both a day of the month and a day of the week are specified, at least
        one of them must match.
      - The times of O(cron) and O(calendar) are combined.
    type: list
    elements: str
  calendar:
    description: Scheduled times as calendar entries. All parts of an entry must match. Each part is a cron field.
    type: list
    elements: dict
    suboptions:
      minute:
        description: The minute. Defaults to V(0).
        type: str
      hour:
        description: The hour. Defaults to V(0).
        type: str
      day_of_month:
        description: The day of the month. Defaults to every day.
        type: str
      month:
        description: The month. Defaults to every month.
        type: str
      day_of_week:
        description: The day of the week. Defaults to every day.
        type: str
  timezone:
    description:
      - Time zone of O(cron) and O(calendar), by its IANA name such as V(Europe/Berlin).
      - A time that is skipped when daylight saving time begins is skipped, and a time that occurs twice when it ends is
        processed twice.
    type: str
    default: UTC
  jitter:
    description: Maximum random delay of each scheduled time, in seconds.
    type: int
    default: 0
  catch_up:
    description:
      - Maximum delay after an outage of Temporal, and maximum time that a request waits for a worker, in seconds.
        After that, the scheduled time is skipped. At least 60.
    type: int
    default: 600
  tag:
    description: Name of the tag that makes a VM preemptible, C(category/name) or its URN.
    type: str
  criticality:
    description: How urgent the request is, as in M(vsphere.preemption.preemption_signal). Defaults to V(LOW).
    type: str
    choices: [LOW, MEDIUM, HIGH]
  force:
    description: Also restore VMs that were preempted within the hold time of the policy. Only for O(action=restore).
    type: bool
  reason:
    description: Reason for the request, for the record. Defaults to C(schedule) and the name of the schedule.
    type: str
  reply_to:
    description:
      - Address to send events about the outcome to. The worker must allow the address.
      - The user, password and query of the address are secrets and are never shown.
    type: str
    default: ""
  workflow_id:
    description:
      - Id of the workflow that handles the request. M(vsphere.preemption.preemption_query) shows the outcomes under it.
      - It differs from the default for manual requests, so that manual and scheduled requests do not count as
        repetitions of each other.
    type: str
    default: preemption-scheduled
notes:
  - O(max_vms), O(target) and O(criticality) are for O(action=preempt) only.
  - At each scheduled time, the worker applies its own policy. A request outside the time windows of the policy, or
    while preemption is paused, is skipped.
seealso:
  - module: vsphere.preemption.preemption_signal
  - module: vsphere.preemption.preemption_restore
  - module: vsphere.preemption.preemption_query
"""

EXAMPLES = r"""
- name: Shut preemptible VMs down for the night
  vsphere.preemption.preemption_schedule:
    name: night-stop
    action: preempt
    tag: preemptible
    cron: [0 22 * * mon-fri]
    timezone: Europe/Berlin
    criticality: MEDIUM

- name: Restore them in the morning
  vsphere.preemption.preemption_schedule:
    name: night-restore
    action: restore
    tag: preemptible
    cron: [0 6 * * tue-sat]
    timezone: Europe/Berlin

- name: Keep the lab running tonight
  vsphere.preemption.preemption_schedule:
    name: night-stop
    state: paused
    note: release week
"""

RETURN = r"""
schedule:
  description:
    - The schedule after the task; in check mode, as it would be. Null if there is none.
    - Its times are always in C(calendar), in the format of O(calendar).
  returned: success
  type: dict
  sample:
    name: night-stop
    paused: false
    note: ""
    calendar: [{minute: "0", hour: "22", day_of_week: "1-5"}]
    timezone: Europe/Berlin
    jitter: 0
    catch_up: 600
    task_queue: vsphere-preemption
    workflow_id: preemption-scheduled
    request: {tag: preemptible, criticality: MEDIUM, narrow: {reason: schedule night-stop}}
next_times:
  description:
    - The next scheduled times, up to five, in UTC and including jitter. Empty while the schedule is paused.
    - In check mode, the times of the existing schedule.
  returned: success
  type: list
  elements: str
  sample: ["2026-11-24T21:00:00Z", "2026-11-25T21:00:00Z"]
error_code:
  description:
    - Stable error code, for example C(temporal_unreachable), C(invalid_setting), C(invalid_request) or
      C(schedule_taken).
  returned: failure
  type: str
  sample: schedule_taken
"""

from typing import TYPE_CHECKING, Any

from ..module_utils._modules.runner import run
from ..module_utils._modules.schedule import schedule_options, wanted_of
from ..module_utils._modules.temporal import temporal_options, with_client
from ..module_utils.vsphere_preemption.core.errors import NamespaceNotFound
from ..module_utils.vsphere_preemption.core.redaction import without_secrets
from ..module_utils.vsphere_preemption.temporal.schedule import apply
from ..module_utils.vsphere_preemption.temporal.schedule.model import (
    Schedule,
    SchedulePlan,
    checked_name,
    plan_absent,
    plan_present,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from temporalio.client import Client


def bring_about(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The result of the module, including the diff."""
    name = checked_name(params["name"])
    wanted = wanted_of(params) if params["state"] != "absent" else None

    async def call(client: Client) -> tuple[SchedulePlan, list[str]]:
        found = await apply.read_schedule(client, name)
        plan = plan_present(found, wanted) if wanted else plan_absent(found)
        if not check_mode:
            await apply.carry_out(client, plan)
        return plan, await apply.next_times(client, name)

    try:
        plan, times = with_client(params, call)
    except NamespaceNotFound:
        if wanted:
            raise
        # Without a namespace there is no schedule; an uninstall may have deleted the namespace already.
        plan, times = plan_absent(None), []
    before, after = _shown(plan.before), _shown(plan.after)
    diff = {"before": before, "after": after}
    return {"changed": plan.changed, "schedule": after or None, "next_times": times, "diff": diff}


def _shown(schedule: Schedule | None) -> dict[str, Any]:
    shown: dict[str, Any] = without_secrets(schedule.as_result()) if schedule else {}
    return shown


def main() -> None:
    run(
        lambda module: bring_about(module.params, check_mode=module.check_mode),
        {**temporal_options(), **schedule_options()},
    )


if __name__ == "__main__":
    main()
