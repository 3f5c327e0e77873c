#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a policy file. It changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_policy_check
short_description: Check a policy file for preemption
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Validates a policy file in the same way as the worker, and reports every error at once, with its line and column.
  - Requires neither a worker nor vCenter nor Temporal, so a policy can be checked before it is rolled out.
  - The keys of the file are documented in C(docs/policy.md) of the collection.
extends_documentation_fragment:
  - vsphere.preemption.attributes
attributes:
  diff_mode:
    support: none
options:
  path:
    description:
      - Path of the policy file on the host where the module runs.
      - Exactly one of O(path) and O(content) is required.
    type: path
  content:
    description:
      - Content of the policy file, for example rendered from a template.
    type: str
requirements:
  - python >= 3.11
  - PyYAML >= 6.0
notes:
  - Settings that the file omits have a default or come from the environment of the worker. Both are always valid, so
    the file can be checked on its own.
seealso:
  - module: vsphere.preemption.preemption_signal
  - module: vsphere.preemption.preemption_query
"""

EXAMPLES = r"""
- name: Check the worker's policy before the worker reloads it
  vsphere.preemption.preemption_policy_check:
    path: /etc/vsphere-preemption/policy.yml

- name: Check a policy rendered from a template
  vsphere.preemption.preemption_policy_check:
    content: "{{ lookup('ansible.builtin.template', 'policy.yml.j2') }}"
  register: policy

- name: Show the default policy
  ansible.builtin.debug:
    msg: "{{ policy.default }} of {{ policy.policies | join(', ') }}"
"""

RETURN = r"""
policies:
  description: Names of the policies, in the order in which they are matched.
  returned: success
  type: list
  elements: str
  sample: [gentle, standard]
default:
  description: Name of the policy for requests that match no other policy.
  returned: success
  type: str
  sample: standard
digest:
  description: Digest that identifies this version of the rules. Run records and the worker's log show the same digest.
  returned: success
  type: str
  sample: 5f2b8c0e91d4
problems:
  description: All errors in the file, in line order.
  returned: failure, when RV(error_code) is V(invalid_policy)
  type: list
  elements: dict
  contains:
    line:
      description: Line, from 1. 0 if the error concerns the file as a whole.
      returned: always
      type: int
      sample: 12
    column:
      description: Column, from 1. 0 if the error concerns the file as a whole.
      returned: always
      type: int
      sample: 16
    path:
      description: Path of the key in the file. Empty if the error concerns the file as a whole.
      returned: always
      type: str
      sample: policies[0].amount.max_vms
    message:
      description: Description of the error.
      returned: always
      type: str
      sample: "'0' is not a whole number from 1 to 2000"
error_code:
  description: Stable error code, C(invalid_policy) or C(missing_library).
  returned: failure
  type: str
  sample: invalid_policy
"""

from typing import TYPE_CHECKING, Any

from ..module_utils._modules.runner import run
from ..module_utils.vsphere_preemption.policy_file.reading import load_policy_file, read_policies

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS = {"path": {"type": "path"}, "content": {"type": "str"}}


def check(params: Mapping[str, Any]) -> dict[str, Any]:
    """The result of the module."""
    if params["path"] is not None:
        found = load_policy_file(params["path"])
    else:
        # Ansible accepts an explicit null.
        found = read_policies(params["content"] or "", file="content")
    return {
        "changed": False,
        "policies": list(found.policies),
        "default": found.default,
        "digest": found.digest,
    }


def main() -> None:
    either = [("path", "content")]
    run(lambda module: check(module.params), OPTIONS, mutually_exclusive=either, required_one_of=either)


if __name__ == "__main__":
    main()
