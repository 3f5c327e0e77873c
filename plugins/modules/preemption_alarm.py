#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Define the alarm whose colour asks for a preemption."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_alarm
short_description: Define an alarm on the memory or CPU usage of hosts or clusters
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Makes, changes or removes an alarm of vCenter that turns yellow and red when hosts or clusters use more than a share
    of their memory or CPU. What such a colour leads to is the matter of the worker and its policy.
  - Actions that people added to the alarm, such as a mail, are kept when it is changed.
  - An alarm of that name that is defined on another object, or is about something else, is refused. So are those that
    vCenter itself has made.
  - It takes the privileges C(Alarm.Create), C(Alarm.Edit) and C(Alarm.Delete) on O(scope).
extends_documentation_fragment:
  - vsphere.preemption.vcenter
  - vsphere.preemption.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  vcenter_url:
    required: true
  state:
    description: V(present) makes the alarm as the options say, V(absent) removes it.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the alarm. vCenter has each name once.
    type: str
    required: true
  description:
    description: Text for people.
    type: str
    default: Asks for a preemption
  scope:
    description:
      - What the alarm is defined on. It counts for all below. V(/) is the root folder, that is all of vCenter. Others
        are the inventory path, the name or the managed object reference of a folder, datacenter, cluster or host.
    type: str
    default: /
  metric:
    description: Usage of what, as an average.
    type: str
    choices: [memory, cpu]
    default: memory
  watches:
    description:
      - What gets the colour. V(hosts) is each host for itself; a worker preempts in the cluster of that host.
      - V(clusters) is the average of each cluster. vCenter has figures of clusters every five minutes only. Its API has
        such alarms, but its own client does not offer them, so a version of it may refuse this.
    type: str
    choices: [hosts, clusters]
    default: hosts
  yellow:
    description: Percentage above which the alarm is yellow. Without it, it never is.
    type: float
  red:
    description: Percentage above which the alarm is red. Without it, it never is.
    type: float
  yellow_seconds:
    description: For how long it has to be above O(yellow).
    type: int
    default: 300
  red_seconds:
    description: For how long it has to be above O(red).
    type: int
    default: 300
  tolerance:
    description:
      - How far beyond the threshold usage has to go before the colour changes, in percent. It keeps the alarm from
        changing to and fro.
    type: float
    default: 0
  frequency:
    description: After it was triggered, the alarm is not triggered again for so many seconds.
    type: int
    default: 300
  enabled:
    description: Whether the alarm is on.
    type: bool
    default: true
  force:
    description: Take over an alarm of that name that is about something else, or is defined on another object.
    type: bool
    default: false
requirements:
  - python >= 3.11
seealso:
  - module: vsphere.preemption.preemption_role
"""

EXAMPLES = r"""
- name: Ask for a preemption when hosts of the lab run out of memory
  vsphere.preemption.preemption_alarm:
    vcenter_url: https://vcenter.example.com
    vcenter_username: administrator@vsphere.local
    vcenter_password: "{{ vault_vcenter_password }}"
    name: vsphere-preemption memory
    scope: /lab
    metric: memory
    yellow: 85
    red: 92

- name: Remove it
  vsphere.preemption.preemption_alarm:
    vcenter_url: https://vcenter.example.com
    vcenter_secret_path: /etc/vsphere-admin
    name: vsphere-preemption memory
    scope: /lab
    state: absent
"""

RETURN = r"""
alarm:
  description: The alarm as it is now; in check mode, as it would be. Empty where there is none.
  returned: success
  type: dict
  sample:
    name: vsphere-preemption memory
    description: Asks for a preemption
    enabled: true
    scope: /lab
    watches: HostSystem
    counter: 24
    yellow: 85.0
    yellow_seconds: 300
    red: 92.0
    red_seconds: 300
    tolerance: 0.0
    frequency: 300
diff:
  description: What changes, for people.
  returned: in diff mode
  type: dict
error_code:
  description: Stable name of the failure, for example C(name_taken), C(place_not_found) or C(invalid_setting).
  returned: failure
  type: str
  sample: name_taken
"""

from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vsphere.preemption.plugins.module_utils._vcenter import vcenter_options, with_vcenter
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.alarm_setup import (
    AlarmAction,
    AlarmDefinition,
    Metric,
    Usage,
    Watched,
    checked,
    hundredths,
    named,
    plan_absence,
    plan_presence,
    shown,
    threshold,
)
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.errors import PreemptionError
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.vcenter.alarm_admin import (
    AlarmAdmin,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "name": {"type": "str", "required": True},
    "description": {"type": "str", "default": "Asks for a preemption"},
    "scope": {"type": "str", "default": "/"},
    "metric": {"type": "str", "choices": ["memory", "cpu"], "default": "memory"},
    "watches": {"type": "str", "choices": ["hosts", "clusters"], "default": "hosts"},
    "yellow": {"type": "float"},
    "red": {"type": "float"},
    "yellow_seconds": {"type": "int", "default": 300},
    "red_seconds": {"type": "int", "default": 300},
    "tolerance": {"type": "float", "default": 0},
    "frequency": {"type": "int", "default": 300},
    "enabled": {"type": "bool", "default": True},
    "force": {"type": "bool", "default": False},
}


def setup(admin: AlarmAdmin, params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The result of the module, with the difference that it makes."""
    present = params["state"] == "present"
    # What cannot be is refused before vCenter is asked for anything.
    wanted = _wanted(params, counter=0, whole=present)
    entity, path = admin.find(params["scope"])
    now = named(wanted.name, admin.read())
    if present:
        wanted = _wanted(params, counter=admin.counter(Metric[params["metric"].upper()]), whole=True)
        action = plan_presence(now, wanted, entity, force=params["force"])
    else:
        action = plan_absence(now, entity, force=params["force"])
    if action is not AlarmAction.NOTHING and not check_mode:
        admin.apply(action, now, wanted, entity)
    where = "" if now is None else path if now.entity == entity else str(now.entity)
    before = shown(now.definition if now else None, where)
    alarm = shown(wanted, path) if present else {}
    changed = action is not AlarmAction.NOTHING
    return {"changed": changed, "alarm": alarm, "diff": {"before": before, "after": alarm}}


def _wanted(params: Mapping[str, Any], *, counter: int, whole: bool) -> AlarmDefinition:
    """whole: it has to be an alarm that can be made; else the name is enough."""
    usage = Usage(
        watched=Watched[params["watches"].upper()].value,
        counter=counter,
        yellow=threshold(params["yellow"], params["yellow_seconds"]),
        red=threshold(params["red"], params["red_seconds"]),
    )
    definition = AlarmDefinition(
        name=params["name"],
        description=params["description"],
        enabled=params["enabled"],
        usage=usage,
        tolerance=hundredths(params["tolerance"]),
        frequency=params["frequency"],
    )
    return checked(definition) if whole else definition


def options() -> dict[str, dict[str, Any]]:
    """The argument spec."""
    spec = {**vcenter_options(), **OPTIONS}
    spec["vcenter_url"]["required"] = True
    return spec


def main() -> None:
    module = AnsibleModule(argument_spec=options(), supports_check_mode=True)
    try:
        result = with_vcenter(
            module.params, lambda client: setup(AlarmAdmin(client.soap), module.params, check_mode=module.check_mode)
        )
    except PreemptionError as error:
        module.fail_json(**error.as_result())
    if not module._diff:
        del result["diff"]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
