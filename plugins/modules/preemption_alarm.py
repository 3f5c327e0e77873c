#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Define the alarm that requests a preemption when its colour changes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_alarm
short_description: Define an alarm on the memory or CPU usage of hosts or clusters
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Creates, changes or removes a vCenter alarm that turns yellow and red when hosts or clusters use more than a
    percentage of their memory or CPU. The worker and its policy determine what happens for each colour.
  - When the alarm is changed, actions that users added to it, such as sending an email, are kept.
  - The module fails if an alarm with this name is defined on another object or does not monitor usage, and if it is a
    built-in vCenter alarm.
  - Requires the privileges C(Alarm.Create), C(Alarm.Edit) and C(Alarm.Delete) on O(scope).
extends_documentation_fragment:
  - vsphere.preemption.vcenter
  - vsphere.preemption.attributes
options:
  vcenter_url:
    required: true
  state:
    description: V(present) creates the alarm or changes it to match the options. V(absent) removes it.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the alarm. Alarm names are unique within a vCenter.
    type: str
    required: true
  description:
    description: Description of the alarm.
    type: str
    default: Requests a preemption
  scope:
    description:
      - The object that the alarm is defined on. It applies to everything below that object. V(/) is the root folder,
        which means all of vCenter. Specify any other folder, datacenter, cluster or host by its inventory path, name or
        managed object reference.
    type: str
    default: /
  metric:
    description: The resource whose average usage the alarm monitors.
    type: str
    choices: [memory, cpu]
    default: memory
  watches:
    description:
      - The objects that the alarm monitors. V(hosts) monitors each host; a worker preempts in the cluster of that host.
      - V(clusters) monitors the average of each cluster. vCenter updates cluster statistics only every five minutes.
        The vSphere API has such alarms but the vSphere Client does not offer them, so some vCenter versions may reject
        this value.
    type: str
    choices: [hosts, clusters]
    default: hosts
  yellow:
    description: Percentage above which the alarm turns yellow. Without it, the alarm never turns yellow.
    type: float
  red:
    description: Percentage above which the alarm turns red. Without it, the alarm never turns red.
    type: float
  yellow_seconds:
    description: How long the usage must stay above O(yellow), in seconds.
    type: int
    default: 300
  red_seconds:
    description: How long the usage must stay above O(red), in seconds.
    type: int
    default: 300
  tolerance:
    description:
      - How far the usage must pass the threshold before the colour changes, in percent. It prevents the alarm from
        changing back and forth.
    type: float
    default: 0
  frequency:
    description: Minimum time between two triggers of the alarm, in seconds.
    type: int
    default: 300
  enabled:
    description: Whether the alarm is enabled.
    type: bool
    default: true
  force:
    description: Take over an alarm with this name that does not monitor usage or is defined on another object.
    type: bool
    default: false
requirements:
  - python >= 3.11
seealso:
  - module: vsphere.preemption.preemption_role
"""

EXAMPLES = r"""
- name: Request a preemption when hosts of the lab run out of memory
  vsphere.preemption.preemption_alarm:
    vcenter_url: https://vcenter.example.com
    vcenter_username: administrator@vsphere.local
    vcenter_password: "{{ vault_vcenter_password }}"
    name: vsphere-preemption memory
    scope: /lab
    metric: memory
    yellow: 85
    red: 92

- name: Remove the alarm
  vsphere.preemption.preemption_alarm:
    vcenter_url: https://vcenter.example.com
    vcenter_secret_path: /etc/vsphere-admin
    name: vsphere-preemption memory
    scope: /lab
    state: absent
"""

RETURN = r"""
alarm:
  description: The alarm after the task; in check mode, as it would be. Empty if there is none.
  returned: success
  type: dict
  sample:
    name: vsphere-preemption memory
    description: Requests a preemption
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
  description: The alarm before and after the change.
  returned: in diff mode
  type: dict
error_code:
  description: Stable error code, for example C(name_taken), C(place_not_found) or C(invalid_setting).
  returned: failure
  type: str
  sample: name_taken
"""

from typing import TYPE_CHECKING, Any

from ..module_utils._modules.runner import run
from ..module_utils._modules.vcenter import on_vcenter, vcenter_options
from ..module_utils.vsphere_preemption.core.setup.alarm import (
    AlarmAction,
    AlarmDefinition,
    Metric,
    UsageThresholds,
    Watched,
    checked,
    hundredths,
    named,
    plan_absence,
    plan_presence,
    shown,
    threshold,
)
from ..module_utils.vsphere_preemption.vcenter.admin.alarms import AlarmAdmin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..module_utils.vsphere_preemption.vcenter.client import VCenter

OPTIONS: dict[str, dict[str, Any]] = {
    **vcenter_options(required=True),
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "name": {"type": "str", "required": True},
    "description": {"type": "str", "default": "Requests a preemption"},
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


def setup(vcenter: VCenter, params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The result of the module, including the diff."""
    present = params["state"] == "present"
    # Invalid settings are rejected before vCenter is contacted.
    wanted = _wanted(params, counter=0, whole=present)
    admin = AlarmAdmin(vcenter.soap)
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
    """whole: the definition must be valid and complete; otherwise the name is enough."""
    usage = UsageThresholds(
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


def main() -> None:
    run(on_vcenter(setup), OPTIONS)


if __name__ == "__main__":
    main()
