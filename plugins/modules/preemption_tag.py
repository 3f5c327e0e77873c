#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the tag of preemptible VMs, and attach it to VMs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_tag
short_description: Make the tag of preemptible VMs, and attach it to them
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Only VMs with a certain tag are ever preempted. This module makes that tag and its category, and attaches it to VMs
    that are chosen by name, folder or pattern. Thousands are attached with a few calls.
  - It needs no SDK beside pyVmomi, since it speaks to the tagging API of vCenter 7 to 9 itself.
  - "It takes the privileges C(CreateCategory), C(EditCategory), C(CreateTag), C(EditTag) and C(AttachTag) of
    C(InventoryService.Tagging), as a global permission; to remove, also C(DeleteTag) and C(DeleteCategory)."
  - On the VMs it takes C(InventoryService.Tagging.ObjectAttachable).
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
    description:
      - With V(present), the tag and its category exist, and the VMs of O(attach) carry it.
      - With V(absent), the tag does not exist. VMs of O(attach) lose it. Where any other object carries it, the task
        fails and changes nothing, unless O(force=true).
    type: str
    choices: [present, absent]
    default: present
  tag:
    description: Name of the tag.
    type: str
    default: preemptible
  category:
    description:
      - Name of the category that the tag is in. It is made for virtual machines where it is missing.
      - One that exists has to allow virtual machines.
    type: str
    default: preemption
  tag_description:
    description: Description of the tag. If it is not given, the description that there is stays.
    type: str
  category_description:
    description: Description of the category. If it is not given, the description that there is stays.
    type: str
  cardinality:
    description:
      - Whether a VM may carry several tags of the category. A new category is V(multiple) if nothing is given.
      - vCenter can change V(single) to V(multiple), but not back.
    type: str
    choices: [single, multiple]
  attach:
    description:
      - Which VMs carry the tag. If it is not given, no VM gets or loses it.
      - VMs in O(attach.vms) count, and VMs in O(attach.folder) whose name fits O(attach.pattern). If only one of folder
        and pattern is given, it alone decides. An empty one is refused.
      - Templates, and VMs that another solution manages such as vCLS, are chosen by O(attach.vms) only.
    type: dict
    suboptions:
      vms:
        description:
          - VMs by name, inventory path such as C(/DC0/vm/web/web-1), or managed object reference such as C(vm-42).
          - A name that fits several VMs is an error. With O(state=absent), one that fits none is left out.
        type: list
        elements: str
      folder:
        description: All VMs in this folder and in folders below it, by name, inventory path or reference.
        type: str
      pattern:
        description: All VMs whose name fits this shell pattern, such as C(batch-*). Capitals do not matter.
        type: str
      exclusive:
        description: VMs that are not chosen lose the tag. Other objects, such as hosts, keep it.
        type: bool
        default: false
  force:
    description:
      - Remove the tag even where other objects carry it.
      - Only for O(state=absent).
    type: bool
    default: false
  remove_category:
    description:
      - Remove the category too, if it has no other tag.
      - Only for O(state=absent).
    type: bool
    default: false
requirements:
  - python >= 3.11
seealso:
  - module: vsphere.preemption.preemption_attribute
"""

EXAMPLES = r"""
- name: VMs of the batch farm may be preempted, and no others
  vsphere.preemption.preemption_tag:
    vcenter_url: https://vcenter.example.com
    vcenter_username: administrator@vsphere.local
    vcenter_password: "{{ vault_vcenter_password }}"
    tag_description: May be stopped when the cluster runs out of memory
    attach:
      vms: [render-1, /DC0/vm/lab/render-2]
      folder: /DC0/vm/batch
      exclusive: true

- name: Take the tag off these VMs and remove it, unless others carry it
  vsphere.preemption.preemption_tag:
    vcenter_url: https://vcenter.example.com
    vcenter_secret_path: /etc/vsphere-admin
    attach:
      folder: /DC0/vm/batch
    state: absent
    remove_category: true
"""

RETURN = r"""
tag:
  description: The tag as it is now; in check mode, as it would be. Identifiers of what does not exist are empty.
  returned: success
  type: dict
  sample:
    id: urn:vmomi:InventoryServiceTag:6f1f0a4e-0e0a-4c1c-9d5a-3e8a3b2d4f10:GLOBAL
    name: preemptible
    category: preemption
    category_id: urn:vmomi:InventoryServiceCategory:0c5e6b9d-9d0a-4a53-a1fd-8f7a6d1f2b3c:GLOBAL
    exists: true
added:
  description: Objects that got the tag, in order of their names.
  returned: success
  type: list
  elements: dict
  contains: &object
    type:
      description: Type of the object.
      returned: always
      type: str
      sample: VirtualMachine
    vm:
      description: MoRef.
      returned: always
      type: str
      sample: vm-63
    name:
      description: Name. Empty for what is no VM.
      returned: always
      type: str
removed:
  description: Objects that lost the tag, also because it was removed.
  returned: success
  type: list
  elements: dict
  contains: *object
diff:
  description: What changes, for people. Of the VMs, only those that get or lose the tag.
  returned: in diff mode
  type: dict
error_code:
  description: Stable name of the failure, for example C(vm_ambiguous), C(still_in_use) or C(vcenter_permission_denied).
  returned: failure
  type: str
  sample: vm_not_found
failure:
  description:
    - RV(error_code) once more, as the only key of a dictionary; its value is V(true).
    - A playbook should decide by it. Ansible masks the secrets of a task wherever they occur in texts and numbers of
      its result, in RV(error_code) too, but not in keys.
  returned: failure
  type: dict
  sample: {still_in_use: true}
  version_added: 0.2.1
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vsphere.preemption.plugins.module_utils._tagging import set_up_tag
from ansible_collections.vsphere.preemption.plugins.module_utils._vcenter import vcenter_options, with_vcenter
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.errors import PreemptionError

ATTACH = {
    "vms": {"type": "list", "elements": "str"},
    "folder": {"type": "str"},
    "pattern": {"type": "str"},
    "exclusive": {"type": "bool", "default": False},
}
OPTIONS: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "tag": {"type": "str", "default": "preemptible"},
    "category": {"type": "str", "default": "preemption"},
    "tag_description": {"type": "str"},
    "category_description": {"type": "str"},
    "cardinality": {"type": "str", "choices": ["single", "multiple"]},
    "attach": {"type": "dict", "options": ATTACH},
    "force": {"type": "bool", "default": False},
    "remove_category": {"type": "bool", "default": False},
}


def options() -> dict[str, dict[str, Any]]:
    """The argument spec."""
    spec = {**vcenter_options(), **OPTIONS}
    spec["vcenter_url"]["required"] = True
    return spec


def main() -> None:
    module = AnsibleModule(argument_spec=options(), supports_check_mode=True)
    try:
        result = with_vcenter(
            module.params, lambda client: set_up_tag(client, module.params, check_mode=module.check_mode)
        )
    except PreemptionError as error:
        module.fail_json(**error.as_result())
    if not module._diff:
        del result["diff"]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
