#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check all that an installation needs. It changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_preflight
short_description: Check all that an installation needs
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Looks, from the host on which it runs, at everything that preemption needs, and says for each thing what was found
    and what to do. Temporal and its namespace, a worker, the kill switch, vCenter, the account and its privileges, the
    tag, the custom attribute, the policy, the clocks, and the receiver of reply events.
  - It never changes anything, and it sends nothing to the receiver.
  - Run it on the host of the worker and with the worker's account, because it is their view that counts.
extends_documentation_fragment:
  - vsphere.preemption.temporal
  - vsphere.preemption.vcenter
  - vsphere.preemption.request.policy
  - vsphere.preemption.attributes
  - vsphere.preemption.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  tag:
    description: Name of the tag that makes a VM preemptible, C(category/name) or its URN.
    type: str
    required: true
  features:
    description:
      - What the account does. Privileges for this must be there, others are in excess.
      - V(stop), V(suspend), V(restore), V(notice) and V(watch) are the worker's. Those that begin with C(setup_) belong
        to the account that sets up.
    type: list
    elements: str
    choices: [stop, suspend, restore, notice, watch, setup_attribute, setup_tag, setup_alarm, setup_role]
    default: [stop]
  task_queue:
    description:
      - Task queue of the workers.
      - Read from the environment variable E(TEMPORAL_TASKQUEUE) if it is not given.
    type: str
    default: vsphere-preemption
  reply_to:
    description: The address that reply events go to. Without it, nothing is said about a receiver.
    type: str
  reply_to_allow:
    description:
      - Where reply events may go, as host names, addresses, CIDRs or V(*). Anywhere but to the own host and its cloud,
        if not given.
      - Read from E(PREEMPTION_REPLY_TO_ALLOW), with commas in between, if it is not given.
    type: list
    elements: str
  reply_to_ca_file:
    description:
      - PEM file with the CA that signed the certificate of the receiver. The CAs that the worker trusts, if not given.
      - Read from E(PREEMPTION_REPLY_CA_FILE) if it is not given.
    type: path
  required:
    description:
      - The checks that RV(ready) depends on. Each of them has to be V(ok), or V(warning) unless O(strict=true). One
        that is V(skipped) is missing, because its state is unknown.
      - Every check is made and shown, whether it is required or not.
      - If it is not given, or empty, RV(ready) depends on all checks, and a skipped one does not matter.
    type: list
    elements: str
    choices:
      - python
      - libraries
      - temporal_connection
      - temporal_tls
      - temporal_access
      - temporal_namespace
      - worker
      - kill_switch
      - temporal_clock
      - vcenter_connection
      - vcenter_certificate
      - vcenter_login
      - vcenter_version
      - tag
      - privileges
      - custom_attribute
      - vcenter_clock
      - policy
      - reply_address
      - reply_receiver
    version_added: 0.2.1
  strict:
    description: Whether a warning is as bad as a failure.
    type: bool
    default: false
  fail:
    description: Whether the task fails when something is wrong. Else RV(ready) tells.
    type: bool
    default: true
notes:
  - A worker that was deployed has libraries of its own. The check C(libraries) is about the interpreter that runs this.
  - vCenter is asked about the privileges on fifty of the VMs with the tag at most.
seealso:
  - module: vsphere.preemption.preemption_plan
  - module: vsphere.preemption.preemption_policy_check
"""

EXAMPLES = r"""
- name: Check everything from the host of the worker
  vsphere.preemption.preemption_preflight:
    temporal_address: temporal.example.com:7233
    vcenter_url: https://vcenter.example.com
    vcenter_username: preemption@vsphere.local
    vcenter_password: "{{ vault_vcenter_password }}"
    policy_path: /etc/vsphere-preemption/policy.yml
    tag: preemptible
    features: [stop, restore]
    reply_to: https://events.example.com/vsphere
    fail: false
  register: preflight

- name: Show the table
  ansible.builtin.debug:
    msg: "{{ preflight.table.splitlines() }}"

- name: Check only whether both servers can be used
  vsphere.preemption.preemption_preflight:
    temporal_address: temporal.example.com:7233
    vcenter_url: https://vcenter.example.com
    vcenter_username: preemption@vsphere.local
    vcenter_password: "{{ vault_vcenter_password }}"
    tag: preemptible
    required: [temporal_access, temporal_namespace, vcenter_login]
    fail: false
  register: servers

# A gate of your own: the boolean, and closed where it is not there. Ansible masks names in a result, but no boolean.
- name: Stop unless both can be used
  ansible.builtin.assert:
    that: servers.ready | default(false)
    fail_msg: Temporal or vCenter cannot be used.
"""

RETURN = r"""
ready:
  description:
    - Whether nothing failed; with O(strict=true), whether there is no warning either. With O(required), only those
      checks count, and each of them has to be in order.
    - Ansible masks the secrets of a task wherever they occur in its texts and numbers, in names of checks too. So a
      playbook should decide by this boolean, never by comparing RV(checks), RV(missing) or RV(table).
  returned: always
  type: bool
missing:
  description: Names of the checks because of which RV(ready) is false; empty if it is true.
  returned: always
  type: list
  elements: str
  sample: []
  version_added: 0.2.1
checks:
  description: Every check, always the same ones in the same order.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Which check it is.
      returned: always
      type: str
    status:
      description: V(ok), V(warning), V(failed), or V(skipped) where nobody can tell or there is nothing to look at.
      returned: always
      type: str
    detail:
      description: What was found.
      returned: always
      type: str
    next_step:
      description: What to do about it. Empty where nothing is to do.
      returned: always
      type: str
  sample:
    - name: kill_switch
      status: ok
      detail: Preemption is active.
      next_step: ""
table:
  description: The same as plain text, one line for each check.
  returned: always
  type: str
error_code:
  description: C(preflight_failed).
  returned: failure
  type: str
  sample: preflight_failed
"""

from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vsphere.preemption.plugins.module_utils._options import temporal_options
from ansible_collections.vsphere.preemption.plugins.module_utils._preflight import (
    as_failure,
    as_result,
    preflight,
    preflight_options,
)
from ansible_collections.vsphere.preemption.plugins.module_utils._redaction import mask_reply_to
from ansible_collections.vsphere.preemption.plugins.module_utils._request import POLICY_EXCLUSIVE
from ansible_collections.vsphere.preemption.plugins.module_utils._vcenter import vcenter_options

if TYPE_CHECKING:
    from typing import Any


def options() -> dict[str, dict[str, Any]]:
    """The argument spec."""
    return {**temporal_options(), **vcenter_options(), **preflight_options()}


def main() -> None:
    module = AnsibleModule(
        argument_spec=options(),
        mutually_exclusive=POLICY_EXCLUSIVE,
        supports_check_mode=True,
    )
    if module.params["reply_to"]:
        mask_reply_to(module)
    checks = preflight(module.params)
    result = as_result(checks, required=module.params["required"] or (), strict=module.params["strict"])
    if module.params["fail"] and not result["ready"]:
        module.fail_json(**as_failure(checks, result))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
