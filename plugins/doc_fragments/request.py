# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that describe a preemption request, and its policy; they are read by module_utils/_request.py."""

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
      - How urgent it is; the policy says how VMs are stopped for each.
      - Without a policy, V(LOW) asks the guests to shut down and leaves it at that, V(MEDIUM) powers off those that did
        not within the grace period of the worker, V(HIGH) powers off at once.
    type: str
    choices: [LOW, MEDIUM, HIGH]
    default: LOW
  event:
    description:
      - The event because of which preemption is asked for, a CloudEvent in structured JSON form.
      - The event of a vCenter alarm chooses the policy by the name of the alarm, and bounds the preemption to the
        compute resource of the alarm, as the policy says.
      - Instead of it, O(event_id), O(event_source), O(event_type) and O(event_data) make one.
      - An empty one is refused.
    type: dict
  event_id:
    description: Id of the event. A request id or a random one, if not given.
    type: str
  event_source:
    description: Source of the event. V(preempctl-run), if not given.
    type: str
  event_type:
    description: Type of the event. V(PreempctlRunEvent), if not given.
    type: str
  event_data:
    description: Data of the event, anything that can be written as JSON.
    type: raw
"""

    LIMITS = r"""
options:
  max_vms:
    description:
      - At most so many VMs, one at least.
      - This and the other limits of a request narrow what the policy allows; none widens it.
    type: int
  target:
    description:
      - How much to free. VMs that are not needed for it stay on. Unset parts do not matter.
      - Without any part it is refused; leave it out for no target.
    type: dict
    suboptions:
      memory_mib:
        description: So many MiB of memory.
        type: int
      cpu_mhz:
        description: So many MHz of CPU.
        type: int
      until_memory_percent:
        description: Until the memory of the hosts in scope is not used to more than this share.
        type: float
      until_cpu_percent:
        description: Until the CPU of the hosts in scope is not used to more than this share.
        type: float
  vms:
    description:
      - Only these VMs, by name or MoRef. They need the tag all the same.
      - An empty list is refused; leave it out to mean all.
    type: list
    elements: str
"""

    SCOPE = r"""
options:
  scope:
    description:
      - Only VMs in one of these places. Each entry names exactly one, by name, inventory path or MoRef.
      - An empty list is refused; leave it out to mean all.
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
        description: A resource pool, with those inside.
        type: str
      folder:
        description: A folder of VMs, with those inside.
        type: str
      datacenter:
        description: A datacenter.
        type: str
"""

    POLICY = r"""
options:
  policy_path:
    description:
      - Path of the policy file on the host on which the module runs.
      - Without it and O(policy), the plan is made by the built-in policy, whose limits are those of the prototype.
    type: path
  policy:
    description: Instead of O(policy_path), what would be in the file, as text or as data.
    type: raw
requirements:
  - PyYAML >= 6.0
"""
