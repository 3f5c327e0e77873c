#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what a preemption would do now. It changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_plan
short_description: Show what a preemption would do now
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Creates the plan that a worker would create now, from vCenter and a policy alone. It lists the VMs that would be
    stopped, in order, and every other VM with the tag together with the reason why it is not selected.
  - Requires neither Temporal nor a worker, and only read access to vCenter.
extends_documentation_fragment:
  - vsphere.preemption.request
  - vsphere.preemption.request.limits
  - vsphere.preemption.request.scope
  - vsphere.preemption.request.policy
  - vsphere.preemption.vcenter
  - vsphere.preemption.attributes
attributes:
  diff_mode:
    details: The default output shows the diff of changed tasks only, and this task is never changed. Use RV(diff).
options:
  vcenter_url:
    required: true
requirements:
  - python >= 3.11
notes:
  - State that is stored in Temporal is not taken into account. This is the kill switch of
    M(vsphere.preemption.preemption_pause), and the re-run window after the last run, during which requests are skipped.
  - Settings that the policy omits have the defaults of the collection. The environment of a worker can set others
    (E(PREEMPTION_MAX_VMS), E(PREEMPTION_GRACE_SECONDS)).
seealso:
  - module: vsphere.preemption.preemption_signal
  - module: vsphere.preemption.preemption_policy_check
"""

EXAMPLES = r"""
- name: Show which VMs would be stopped
  vsphere.preemption.preemption_plan:
    vcenter_url: https://vcenter.example.com
    vcenter_username: viewer@vsphere.local
    vcenter_password: "{{ vault_vcenter_password }}"
    policy_path: /etc/vsphere-preemption/policy.yml
    tag: preemptible
    criticality: HIGH
    scope:
      - cluster: compute-1
    target:
      memory_mib: 65536
  register: plan

- name: Show the names of the VMs
  ansible.builtin.debug:
    msg: "{{ plan.victims | map(attribute='name') }}"
"""

RETURN = r"""
policy:
  description: The policy that applies to the request, with C(name), C(mode) and the C(digest) of the file.
  returned: success
  type: dict
  sample: {name: standard, mode: auto, digest: 5f2b8c0e91d4}
refused:
  description: Whether the policy rejects the request as a whole. If so, no VM would be stopped.
  returned: success
  type: bool
reason:
  description: Reason code of the rejection. Empty if the request is not rejected.
  returned: success
  type: str
  sample: outside_time_windows
message:
  description: Explanation of the reason in plain text.
  returned: success
  type: str
victims:
  description: The VMs that would be stopped, in this order.
  returned: success
  type: list
  elements: dict
  contains:
    rank:
      description: Position in the order, from 1.
      returned: always
      type: int
    vm:
      description: MoRef of the VM.
      returned: always
      type: str
      sample: vm-63
    name:
      description: Name of the VM.
      returned: always
      type: str
    priority:
      description: The priority tag that determines the position of the VM. Empty if it has none.
      returned: always
      type: str
    memory_mib:
      description: Memory that stopping the VM frees, in MiB.
      returned: always
      type: int
    cpu_mhz:
      description: CPU that stopping the VM frees, in MHz.
      returned: always
      type: int
left_out:
  description: The other objects with the tag, and why they are not selected.
  returned: success
  type: list
  elements: dict
  contains:
    vm:
      description: MoRef of the object.
      returned: always
      type: str
    name:
      description: Name of the object. Empty if vCenter reports none.
      returned: always
      type: str
    reason:
      description: Reason code.
      returned: always
      type: str
      sample: protected_by_tag
left_out_count:
  description: Number of objects left out, by reason.
  returned: success
  type: dict
  sample: {over_cap: 3, protected_by_tag: 1}
freed:
  description: Total capacity that the victims free.
  returned: success
  type: dict
  sample: {memory_mib: 65536, cpu_mhz: 12000}
target:
  description: Capacity to free. V(none) without a target.
  returned: success
  type: dict
  sample: {memory_mib: 65536, cpu_mhz: null}
shortfall:
  description: Whether the victims free less than the target.
  returned: success
  type: bool
method:
  description: How the VMs would be stopped.
  returned: success
  type: str
  sample: soft_then_hard
grace_seconds:
  description: Grace period for guests to shut down, in seconds.
  returned: success
  type: float
diff:
  description: The plan as a human-readable diff.
  returned: in diff mode
  type: dict
error_code:
  description: Stable error code, for example C(tag_not_found), C(invalid_policy) or C(vcenter_unreachable).
  returned: failure
  type: str
  sample: tag_not_found
"""

from typing import TYPE_CHECKING, Any

from ..module_utils._modules.plan import plan_diff, planned
from ..module_utils._modules.request import EXCLUSIVE, POLICY_EXCLUSIVE, policy_options, request_of, request_options
from ..module_utils._modules.runner import run
from ..module_utils._modules.vcenter import vcenter_options

if TYPE_CHECKING:
    from collections.abc import Mapping


OPTIONS = {**request_options(), **policy_options(), **vcenter_options(required=True)}


def plan(params: Mapping[str, Any]) -> dict[str, Any]:
    """The result of the module."""
    found = planned(params, request_of(params))
    return {"changed": False, **found, "diff": plan_diff(found)}


def main() -> None:
    run(lambda module: plan(module.params), OPTIONS, mutually_exclusive=EXCLUSIVE + POLICY_EXCLUSIVE)


if __name__ == "__main__":
    main()
