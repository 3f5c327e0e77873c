# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that describe a preemption request and its policy; module_utils/_modules/request.py reads them."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the request."""

    DOCUMENTATION = r"""
options:
  tag:
    description: Name of the tag that makes a VM preemptible, C(category/name) or its URN.
    type: str
    required: true
  criticality:
    description:
      - How urgent the request is. The policy defines how VMs are stopped at each criticality.
      - Without a policy, V(LOW) only asks the guests to shut down, V(MEDIUM) powers off the VMs whose guests are still
        running after the worker's grace period, and V(HIGH) powers off immediately.
    type: str
    choices: [LOW, MEDIUM, HIGH]
    default: LOW
  event:
    description:
      - The event that triggers the request, as a CloudEvent in structured JSON format.
      - For the event of a vCenter alarm, the name of the alarm selects the policy. Unless the policy allows more, only
        VMs in the compute resource of the alarm are preempted.
      - Alternatively, O(event_id), O(event_source), O(event_type) and O(event_data) describe the event.
      - An empty event is refused.
    type: dict
  event_id:
    description: Id of the event. Defaults to the request id if there is one, otherwise to a random id.
    type: str
  event_source:
    description: Source of the event. Defaults to V(preempctl-run).
    type: str
  event_type:
    description: Type of the event. Defaults to V(PreempctlRunEvent).
    type: str
  event_data:
    description: Data of the event. Any value that can be serialized as JSON.
    type: raw
"""

    LIMITS = r"""
options:
  max_vms:
    description:
      - Maximum number of VMs to stop; at least 1.
      - The limits of a request can only narrow what the policy allows. They never extend it.
    type: int
  target:
    description:
      - How much capacity to free. VMs that are not needed to reach the target keep running.
      - A target without any value is refused; omit the option for no target.
    type: dict
    suboptions:
      memory_mib:
        description: Amount of memory to free, in MiB.
        type: int
      cpu_mhz:
        description: Amount of CPU to free, in MHz.
        type: int
      until_memory_percent:
        description: Free memory until the memory usage of the hosts in scope is at or below this percentage.
        type: float
      until_cpu_percent:
        description: Free CPU until the CPU usage of the hosts in scope is at or below this percentage.
        type: float
  vms:
    description:
      - Only consider these VMs, by name or MoRef. They must still have the tag.
      - An empty list is refused; omit the option to consider all VMs.
    type: list
    elements: str
"""

    SCOPE = r"""
options:
  scope:
    description:
      - Only consider VMs in these parts of the inventory. Each entry specifies exactly one object, by name, inventory
        path or MoRef.
      - An empty list is refused; omit the option to consider the whole inventory.
    type: list
    elements: dict
    suboptions:
      cluster:
        description: A cluster.
        type: str
      host:
        description: A host.
        type: str
      resource_pool:
        description: A resource pool, including its child pools.
        type: str
      folder:
        description: A VM folder, including its subfolders.
        type: str
      datacenter:
        description: A datacenter.
        type: str
"""

    POLICY = r"""
options:
  policy_path:
    description:
      - Path of the policy file on the host where the module runs.
      - If neither this option nor O(policy) is set, the built-in policy applies, with the limits of the prototype.
    type: path
  policy:
    description: Content of the policy file, as text or as data, instead of O(policy_path).
    type: raw
requirements:
  - PyYAML >= 6.0
"""
