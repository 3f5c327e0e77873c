#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the prerequisites of an installation. It changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_preflight
short_description: Check the prerequisites of an installation
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Checks everything that preemption needs, from the host where the module runs, and reports for each check what was
    found and what to do. The checks cover Temporal and its namespace, the worker, the kill switch, vCenter, the account
    and its privileges, the tag, the custom attribute, the policy, the clocks, and the receiver of reply events.
  - The module never changes anything, and sends nothing to the receiver.
  - Run it on the host of the worker and with the worker's account, because their access is what matters.
extends_documentation_fragment:
  - vsphere.preemption.temporal
  - vsphere.preemption.temporal.task_queue
  - vsphere.preemption.vcenter
  - vsphere.preemption.request.policy
  - vsphere.preemption.attributes
  - vsphere.preemption.attributes.action_group
attributes:
  diff_mode:
    support: none
options:
  tag:
    description: Name of the tag that makes a VM preemptible, C(category/name) or its URN.
    type: str
    required: true
  features:
    description:
      - The features that the account is used for. It must have the privileges for these features; other privileges are
        reported as excess.
      - V(stop), V(suspend), V(restore), V(notice) and V(watch) are features of the worker. Features that begin with
        C(setup_) are for the account that sets up vCenter.
    type: list
    elements: str
    choices: [stop, suspend, restore, notice, watch, setup_attribute, setup_tag, setup_alarm, setup_role]
    default: [stop]
  reply_to:
    description: The address that reply events are sent to. Without it, the receiver is not checked.
    type: str
  reply_to_allow:
    description:
      - Allowed destinations of reply events, as host names, addresses, CIDRs or V(*). By default, all destinations
        except the local host and the metadata services of cloud providers are allowed.
      - If not set, E(PREEMPTION_REPLY_TO_ALLOW) is used, a comma-separated list.
    type: list
    elements: str
  reply_to_ca_file:
    description:
      - PEM file with the CA that signed the receiver's certificate. Defaults to the CAs that the worker trusts.
      - If not set, E(PREEMPTION_REPLY_CA_FILE) is used.
    type: path
  required:
    description:
      - The checks that determine RV(ready). Each of them must be V(ok), or V(warning) unless O(strict=true). A check
        that is V(skipped) counts as missing, because its state is unknown.
      - All checks are run and shown, whether they are required or not.
      - If not set, or empty, all checks determine RV(ready), and skipped checks are ignored.
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
      - protections
      - policy
      - reply_address
      - reply_receiver
    version_added: 0.2.1
  strict:
    description: Whether to treat warnings as failures.
    type: bool
    default: false
  fail:
    description: Whether the task fails when a check fails. If not, use RV(ready).
    type: bool
    default: true
notes:
  - A deployed worker has its own libraries. The check C(libraries) covers the interpreter that runs this module.
  - Privileges are checked on up to 50 of the VMs with the tag.
seealso:
  - module: vsphere.preemption.preemption_plan
  - module: vsphere.preemption.preemption_policy_check
"""

EXAMPLES = r"""
- name: Check all prerequisites from the host of the worker
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

- name: Check only that both servers can be used
  vsphere.preemption.preemption_preflight:
    temporal_address: temporal.example.com:7233
    vcenter_url: https://vcenter.example.com
    vcenter_username: preemption@vsphere.local
    vcenter_password: "{{ vault_vcenter_password }}"
    tag: preemptible
    required: [temporal_access, temporal_namespace, vcenter_login]
    fail: false
  register: servers

# A gate that also stops the play if the task was skipped. Ansible masks names in a result, but never a boolean.
- name: Stop unless both can be used
  ansible.builtin.assert:
    that: servers.ready | default(false)
    fail_msg: Temporal or vCenter cannot be used.
"""

RETURN = r"""
ready:
  description:
    - Whether no check failed. With O(strict=true), whether there are no warnings either. With O(required), only those
      checks count, and each of them must be ok.
    - Ansible masks the secrets of a task wherever they occur in its texts and numbers, including the names of checks.
      A playbook should therefore decide by this boolean, not by comparing RV(checks), RV(missing) or RV(table).
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
  description: All checks, always in the same order.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the check.
      returned: always
      type: str
    status:
      description: V(ok), V(warning), V(failed), or V(skipped) if the check could not run or does not apply.
      returned: always
      type: str
    detail:
      description: What was found.
      returned: always
      type: str
    next_step:
      description: What to do about it. Empty if no action is needed.
      returned: always
      type: str
  sample:
    - name: kill_switch
      status: ok
      detail: Preemption is active.
      next_step: ""
table:
  description: The checks as plain text, one line per check.
  returned: always
  type: str
error_code:
  description: Stable error code, C(preflight_failed).
  returned: failure
  type: str
  sample: preflight_failed
"""

from typing import TYPE_CHECKING, Any

from ..module_utils._modules.preflight import as_failure, as_result, preflight, preflight_options
from ..module_utils._modules.request import POLICY_EXCLUSIVE
from ..module_utils._modules.runner import run
from ..module_utils._modules.temporal import temporal_options
from ..module_utils._modules.vcenter import vcenter_options

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS = {**temporal_options(), **vcenter_options(), **preflight_options()}


def outcome(params: Mapping[str, Any]) -> dict[str, Any]:
    """The result of the module, also when the task fails."""
    checks = preflight(params)
    result = as_result(checks, required=params["required"] or (), strict=params["strict"])
    return as_failure(checks, result) if params["fail"] and not result["ready"] else result


def main() -> None:
    run(lambda module: outcome(module.params), OPTIONS, mutually_exclusive=POLICY_EXCLUSIVE)


if __name__ == "__main__":
    main()
