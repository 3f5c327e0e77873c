#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create the tag for preemptible VMs and attach it to VMs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_tag
short_description: Create the tag for preemptible VMs and attach it to VMs
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Only VMs with a specific tag are ever preempted. This module creates that tag and its category, and attaches the tag
    to VMs that are selected by name, folder or pattern. Thousands of VMs are tagged with a few calls.
  - Requires no SDK other than pyVmomi, because it uses the tagging API of vCenter 7 to 9 directly.
  - "Requires the privileges C(CreateCategory), C(EditCategory), C(CreateTag), C(EditTag) and C(AttachTag) of
    C(InventoryService.Tagging) as a global permission; to remove, also C(DeleteTag) and C(DeleteCategory)."
  - Requires C(InventoryService.Tagging.ObjectAttachable) on the VMs.
extends_documentation_fragment:
  - vsphere.preemption.vcenter
  - vsphere.preemption.attributes
options:
  vcenter_url:
    required: true
  state:
    description:
      - V(present) creates the tag and its category, and attaches the tag to the VMs of O(attach).
      - V(absent) detaches the tag from the VMs of O(attach) and removes it. If any other object has the tag, the task
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
      - Name of the category of the tag. It is created for virtual machines if it does not exist.
      - An existing category must allow virtual machines.
    type: str
    default: preemption
  tag_description:
    description: Description of the tag. If not set, an existing description is kept.
    type: str
  category_description:
    description: Description of the category. If not set, an existing description is kept.
    type: str
  cardinality:
    description:
      - Whether a VM can have several tags of the category. If not set, a new category is V(multiple).
      - vCenter can change V(single) to V(multiple), but not back.
    type: str
    choices: [single, multiple]
  attach:
    description:
      - Which VMs have the tag. If not set, the tag is neither attached nor detached.
      - Selects the VMs in O(attach.vms), and the VMs in O(attach.folder) whose name matches O(attach.pattern). If only
        one of folder and pattern is set, only that one applies. An empty folder or pattern is refused.
      - Templates, and VMs that another solution manages such as vCLS, are only selected by O(attach.vms).
    type: dict
    suboptions:
      vms:
        description:
          - VMs by name, inventory path such as C(/DC0/vm/web/web-1), or managed object reference such as C(vm-42).
          - A name that matches several VMs is an error. With O(state=absent), a name that matches no VM is ignored.
        type: list
        elements: str
      folder:
        description: All VMs in this folder and its subfolders. The folder is specified by name, inventory path or
          managed object reference.
        type: str
      pattern:
        description: All VMs whose name matches this shell pattern, such as C(batch-*). Case-insensitive.
        type: str
      exclusive:
        description: Detach the tag from VMs that are not selected. Other objects, such as hosts, keep it.
        type: bool
        default: false
  force:
    description:
      - Remove the tag even if other objects have it.
      - Only for O(state=absent).
    type: bool
    default: false
  remove_category:
    description:
      - Also remove the category if it has no other tag.
      - Only for O(state=absent).
    type: bool
    default: false
requirements:
  - python >= 3.11
seealso:
  - module: vsphere.preemption.preemption_attribute
"""

EXAMPLES = r"""
- name: Make only the VMs of the batch farm preemptible
  vsphere.preemption.preemption_tag:
    vcenter_url: https://vcenter.example.com
    vcenter_username: administrator@vsphere.local
    vcenter_password: "{{ vault_vcenter_password }}"
    tag_description: May be stopped when the cluster runs out of memory
    attach:
      vms: [render-1, /DC0/vm/lab/render-2]
      folder: /DC0/vm/batch
      exclusive: true

- name: Detach the tag from these VMs and remove it unless other objects have it
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
  description: The tag after the task; in check mode, as it would be. Ids of objects that do not exist are empty.
  returned: success
  type: dict
  sample:
    id: urn:vmomi:InventoryServiceTag:6f1f0a4e-0e0a-4c1c-9d5a-3e8a3b2d4f10:GLOBAL
    name: preemptible
    category: preemption
    category_id: urn:vmomi:InventoryServiceCategory:0c5e6b9d-9d0a-4a53-a1fd-8f7a6d1f2b3c:GLOBAL
    exists: true
added:
  description: Objects that the tag was attached to, sorted by name.
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
      description: MoRef of the object.
      returned: always
      type: str
      sample: vm-63
    name:
      description: Name of the VM. Empty for other objects.
      returned: always
      type: str
removed:
  description: Objects that the tag was detached from, including when the tag itself was removed.
  returned: success
  type: list
  elements: dict
  contains: *object
diff:
  description: The tag before and after the change. Only VMs that gain or lose the tag are listed.
  returned: in diff mode
  type: dict
error_code:
  description: Stable error code, for example C(vm_ambiguous), C(still_in_use) or C(vcenter_permission_denied).
  returned: failure
  type: str
  sample: vm_not_found
failure:
  description:
    - RV(error_code) again, as the only key of a dictionary; its value is V(true).
    - Playbooks should branch on this key. Ansible masks the secrets of a task wherever they occur in texts and numbers
      of its result, including RV(error_code), but not in keys.
  returned: failure
  type: dict
  sample: {still_in_use: true}
  version_added: 0.2.1
"""

from typing import Any

from ..module_utils._modules.runner import run
from ..module_utils._modules.tag import set_up_tag
from ..module_utils._modules.vcenter import on_vcenter, vcenter_options

ATTACH = {
    "vms": {"type": "list", "elements": "str"},
    "folder": {"type": "str"},
    "pattern": {"type": "str"},
    "exclusive": {"type": "bool", "default": False},
}
OPTIONS: dict[str, dict[str, Any]] = {
    **vcenter_options(required=True),
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


def main() -> None:
    run(on_vcenter(set_up_tag), OPTIONS)


if __name__ == "__main__":
    main()
