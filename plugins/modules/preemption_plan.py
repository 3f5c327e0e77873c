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
  - Makes the plan that a worker would make at this moment, from vCenter and a policy alone. VMs that would be stopped
    come in their order; each other VM with the tag comes with the reason why it is left alone.
  - It needs neither Temporal nor a worker, and in vCenter an account that may read.
extends_documentation_fragment:
  - vsphere.preemption.request
  - vsphere.preemption.request.limits
  - vsphere.preemption.request.scope
  - vsphere.preemption.request.policy
  - vsphere.preemption.vcenter
  - vsphere.preemption.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The default output shows differences of changed tasks only, and this one never is. Read RV(diff).
options:
  vcenter_url:
    required: true
requirements:
  - python >= 3.11
notes:
  - What only Temporal knows does not count here. These are the kill switch of
    M(vsphere.preemption.preemption_pause), and the window after the last run in which requests are skipped.
  - What the policy leaves out has the default of the collection. A worker may have others in its environment
    (E(PREEMPTION_MAX_VMS), E(PREEMPTION_GRACE_SECONDS)).
seealso:
  - module: vsphere.preemption.preemption_signal
  - module: vsphere.preemption.preemption_policy_check
"""

EXAMPLES = r"""
- name: See what would be stopped
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

- name: Show the VMs
  ansible.builtin.debug:
    msg: "{{ plan.victims | map(attribute='name') }}"
"""

RETURN = r"""
policy:
  description: The policy that the request falls under, with C(name), C(mode) and the C(digest) of the file.
  returned: success
  type: dict
  sample: {name: standard, mode: auto, digest: 5f2b8c0e91d4}
refused:
  description: Whether the policy refuses the request as a whole. Then nothing would be stopped.
  returned: success
  type: bool
reason:
  description: Why it is refused, as a code. Empty if it is not.
  returned: success
  type: str
  sample: outside_time_windows
message:
  description: The same for a person.
  returned: success
  type: str
victims:
  description: The VMs that would be stopped, in this order.
  returned: success
  type: list
  elements: dict
  contains:
    rank:
      description: Place in the order, from 1.
      returned: always
      type: int
    vm:
      description: MoRef.
      returned: always
      type: str
      sample: vm-63
    name:
      description: Name.
      returned: always
      type: str
    priority:
      description: The tag that gives the VM its place. Empty if none does.
      returned: always
      type: str
    memory_mib:
      description: Memory that this frees, in MiB.
      returned: always
      type: int
    cpu_mhz:
      description: CPU that this frees, in MHz.
      returned: always
      type: int
left_out:
  description: The other objects with the tag.
  returned: success
  type: list
  elements: dict
  contains:
    vm:
      description: MoRef.
      returned: always
      type: str
    name:
      description: Name. Empty where vCenter knows none.
      returned: always
      type: str
    reason:
      description: Why it is left alone, as a code.
      returned: always
      type: str
      sample: protected_by_tag
left_out_count:
  description: How many are left out for each reason.
  returned: success
  type: dict
  sample: {over_cap: 3, protected_by_tag: 1}
freed:
  description: What the victims free together.
  returned: success
  type: dict
  sample: {memory_mib: 65536, cpu_mhz: 12000}
target:
  description: What was to be freed. V(none) without a target.
  returned: success
  type: dict
  sample: {memory_mib: 65536, cpu_mhz: null}
shortfall:
  description: Whether the victims free less than the target.
  returned: success
  type: bool
method:
  description: How they would be stopped.
  returned: success
  type: str
  sample: soft_then_hard
grace_seconds:
  description: How long guests would have to shut down.
  returned: success
  type: float
diff:
  description: The plan as a difference for people.
  returned: in diff mode
  type: dict
error_code:
  description: Stable name of the failure, for example C(tag_not_found), C(invalid_policy) or C(vcenter_unreachable).
  returned: failure
  type: str
  sample: tag_not_found
"""

from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vsphere.preemption.plugins.module_utils._plan_diff import plan_diff
from ansible_collections.vsphere.preemption.plugins.module_utils._planning import planned
from ansible_collections.vsphere.preemption.plugins.module_utils._request import (
    EXCLUSIVE,
    POLICY_EXCLUSIVE,
    policy_options,
    request_of,
    request_options,
)
from ansible_collections.vsphere.preemption.plugins.module_utils._vcenter import vcenter_options
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.errors import PreemptionError

if TYPE_CHECKING:
    from collections.abc import Mapping


def plan(params: Mapping[str, Any], *, diff: bool) -> dict[str, Any]:
    """The result of the module."""
    found = planned(params, request_of(params))
    shown = {"diff": plan_diff(found)} if diff else {}
    return {"changed": False, **found, **shown}


def options() -> dict[str, dict[str, Any]]:
    """The argument spec."""
    spec = {**request_options(), **policy_options(), **vcenter_options()}
    spec["vcenter_url"]["required"] = True
    return spec


def main() -> None:
    module = AnsibleModule(
        argument_spec=options(),
        mutually_exclusive=EXCLUSIVE + POLICY_EXCLUSIVE,
        supports_check_mode=True,
    )
    try:
        result = plan(module.params, diff=module._diff)
    except PreemptionError as error:
        module.fail_json(**error.as_result())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
