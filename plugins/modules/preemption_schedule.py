#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preempt, or give back, at times of the clock."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_schedule
short_description: Preempt virtual machines, or give them back, at times of the clock
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Makes, changes, pauses, resumes or deletes a schedule in Temporal. At each of its times it asks the worker for a
    preemption or a restore, in the way that M(vsphere.preemption.preemption_signal) and
    M(vsphere.preemption.preemption_restore) do, without waiting for the outcome.
  - Temporal keeps the schedule and the clock, so nothing else has to run but Temporal and a worker. Each time counts
    once, also where it is caught up on or repeated.
  - Two schedules make a night, one that stops VMs and one that gives them back. Both need the same O(workflow_id).
  - Without O(action), O(tag), O(cron) and O(calendar) it only pauses or resumes a schedule that is there.
  - A schedule of the same name that starts anything else is refused.
extends_documentation_fragment:
  - vsphere.preemption.request.limits
  - vsphere.preemption.request.scope
  - vsphere.preemption.temporal
  - vsphere.preemption.attributes
  - vsphere.preemption.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  name:
    description: Name of the schedule, its id in Temporal. It is a part of the ids of events.
    type: str
    required: true
  state:
    description:
      - V(present) makes the schedule as the options say, and resumes one that is paused. V(paused) makes it too, and
        keeps it from acting. V(absent) deletes it; without its namespace there is nothing to delete.
    type: str
    choices: [present, paused, absent]
    default: present
  note:
    description:
      - A line for people, for example why it is paused.
      - If it is not given, a note stays, until the schedule is paused or resumed.
    type: str
  action:
    description: V(preempt) stops VMs, V(restore) gives those back that O(workflow_id) has stopped.
    type: str
    choices: [preempt, restore]
  cron:
    description:
      - When, in five fields of cron, for example V(0 22 * * mon-fri). Names of months and days, ranges, lists and steps
        work; where a day of the month and a day of the week are given, one has to fit.
      - All times of O(cron) and O(calendar) count.
    type: list
    elements: str
  calendar:
    description: When, in parts of which all have to fit. Each is a field of cron.
    type: list
    elements: dict
    suboptions:
      minute:
        description: The minute; V(0) if it is not given.
        type: str
      hour:
        description: The hour; V(0) if it is not given.
        type: str
      day_of_month:
        description: The day of the month; any, if it is not given.
        type: str
      month:
        description: The month; any, if it is not given.
        type: str
      day_of_week:
        description: The day of the week; any, if it is not given.
        type: str
  timezone:
    description:
      - Time zone of O(cron) and O(calendar), by its IANA name such as V(Europe/Berlin).
      - A time that a change of the clock leaves out is left out, and one that comes twice counts twice.
    type: str
    default: UTC
  jitter:
    description: Act up to so many seconds later, each time by another span.
    type: int
    default: 0
  catch_up:
    description:
      - How many seconds late it may act, after an outage of Temporal; and how long what it asks may wait for a worker.
        Then the time lapses. At least 60.
    type: int
    default: 600
  tag:
    description: Name of the tag that makes a VM preemptible, C(category/name) or its URN.
    type: str
  criticality:
    description: How urgent it is, as in M(vsphere.preemption.preemption_signal). V(LOW), if not given.
    type: str
    choices: [LOW, MEDIUM, HIGH]
  force:
    description: Give VMs back that were preempted within the hold time of the policy, too. Only for O(action=restore).
    type: bool
  reason:
    description: Why, for the record. C(schedule) and the name, if not given.
    type: str
  reply_to:
    description:
      - Address for events about the outcome, if they are wanted. The worker has to allow it.
      - User, password and query of the address are secrets, and never shown.
    type: str
    default: ""
  workflow_id:
    description:
      - Id of the workflow that takes the request. M(vsphere.preemption.preemption_query) needs it to show the outcome.
      - It is not that of requests by hand, so that these and the schedule do not count as repetitions of one another.
    type: str
    default: preemption-scheduled
  task_queue:
    description:
      - Task queue that the worker polls.
      - Read from the environment variable E(TEMPORAL_TASKQUEUE) if it is not given.
    type: str
    default: vsphere-preemption
notes:
  - O(max_vms), O(target) and O(criticality) are for O(action=preempt) only.
  - At each time the worker goes by its own policy. A request outside of its windows, or while preemption is paused, is
    skipped.
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

- name: Give them back in the morning
  vsphere.preemption.preemption_schedule:
    name: night-restore
    action: restore
    tag: preemptible
    cron: [0 6 * * tue-sat]
    timezone: Europe/Berlin

- name: Let the lab run through tonight
  vsphere.preemption.preemption_schedule:
    name: night-stop
    state: paused
    note: release week
"""

RETURN = r"""
schedule:
  description:
    - The schedule as it is now; in check mode, as it would be. Null where there is none.
    - Its times are in C(calendar), in the form of O(calendar), however they were written.
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
    - When it acts next, at most five times, in UTC and with its jitter. Empty while it is paused.
    - In check mode those of the schedule as it is.
  returned: success
  type: list
  elements: str
  sample: ["2026-11-24T21:00:00Z", "2026-11-25T21:00:00Z"]
error_code:
  description:
    - Stable name of the failure, for example C(temporal_unreachable), C(invalid_setting), C(invalid_request) or
      C(schedule_taken).
  returned: failure
  type: str
  sample: schedule_taken
"""

from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vsphere.preemption.plugins.module_utils._options import temporal_options, with_client
from ansible_collections.vsphere.preemption.plugins.module_utils._redaction import mask_reply_to, without_secrets
from ansible_collections.vsphere.preemption.plugins.module_utils._scheduling import schedule_options, wanted_of
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.errors import (
    NamespaceNotFound,
    PreemptionError,
)
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.temporal import schedules
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.temporal.schedule_plan import (
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
    """The result of the module, with the difference that it makes."""
    name = checked_name(params["name"])
    wanted = wanted_of(params) if params["state"] != "absent" else None

    async def call(client: Client) -> tuple[SchedulePlan, list[str]]:
        found = await schedules.read_schedule(client, name)
        plan = plan_present(found, wanted) if wanted else plan_absent(found)
        if not check_mode:
            await schedules.carry_out(client, plan)
        return plan, await schedules.next_times(client, name)

    try:
        plan, times = with_client(params, call)
    except NamespaceNotFound:
        if wanted:
            raise
        # What lies in no namespace is absent; an uninstall may have taken the namespace already.
        plan, times = plan_absent(None), []
    before, after = _shown(plan.before), _shown(plan.after)
    diff = {"before": before, "after": after}
    return {"changed": plan.changed, "schedule": after or None, "next_times": times, "diff": diff}


def _shown(schedule: Schedule | None) -> dict[str, Any]:
    shown: dict[str, Any] = without_secrets(schedule.as_result()) if schedule else {}
    return shown


def main() -> None:
    module = AnsibleModule(argument_spec={**temporal_options(), **schedule_options()}, supports_check_mode=True)
    mask_reply_to(module)
    try:
        result = bring_about(module.params, check_mode=module.check_mode)
    except PreemptionError as error:
        module.fail_json(**without_secrets(error.as_result()))
    if not module._diff:
        del result["diff"]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
