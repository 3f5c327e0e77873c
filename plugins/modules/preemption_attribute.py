#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Define or remove the custom attribute that stores the preemption marks of VMs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_attribute
short_description: Define or remove the custom attribute for preemption marks
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Every preempted VM has a mark in a custom attribute. This module defines that attribute in vCenter for virtual
    machines, so that the worker itself does not need the privilege to define it.
  - Requires the privilege C(Global.ManageCustomFields) on the root folder of vCenter.
  - An attribute with this name that applies to all object types can be used as well, and is not changed.
extends_documentation_fragment:
  - vsphere.preemption.vcenter
  - vsphere.preemption.attributes
options:
  vcenter_url:
    required: true
  state:
    description: V(present) defines the attribute. V(absent) removes it, including all its values.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the attribute. Workers use only the default name.
    type: str
    default: com.vmware.workflows.vsphere.preemption
  force:
    description:
      - Remove the attribute even if VMs have a value. Their preemption history is lost, and they can no longer be
        restored.
      - Only for O(state=absent).
    type: bool
    default: false
requirements:
  - python >= 3.11
seealso:
  - module: vsphere.preemption.preemption_tag
"""

EXAMPLES = r"""
- name: Define the attribute
  vsphere.preemption.preemption_attribute:
    vcenter_url: https://vcenter.example.com
    vcenter_username: administrator@vsphere.local
    vcenter_password: "{{ vault_vcenter_password }}"

- name: Remove the attribute unless VMs have preemption history
  vsphere.preemption.preemption_attribute:
    vcenter_url: https://vcenter.example.com
    vcenter_secret_path: /etc/vsphere-admin
    state: absent
"""

RETURN = r"""
attribute:
  description: The attribute after the task; in check mode, as it would be. C(key) is its key in vCenter, or V(none) if
    it does not exist.
  returned: success
  type: dict
  sample: {name: com.vmware.workflows.vsphere.preemption, key: 101, exists: true}
marks:
  description: Number of VMs that have, or had, a value in the attribute.
  returned: success and O(state=absent)
  type: int
  sample: 0
diff:
  description: The attribute before and after the change.
  returned: in diff mode
  type: dict
error_code:
  description: Stable error code, for example C(still_in_use), C(name_taken) or C(vcenter_permission_denied).
  returned: failure
  type: str
  sample: still_in_use
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

from typing import TYPE_CHECKING, Any

from ..module_utils._modules.runner import run
from ..module_utils._modules.vcenter import on_vcenter, vcenter_options
from ..module_utils.vsphere_preemption.core.contract import ATTRIBUTE_NAME
from ..module_utils.vsphere_preemption.core.setup.attribute import (
    AttributeAction,
    Definition,
    checked_name,
    definition_of,
    plan_absence,
    plan_presence,
)
from ..module_utils.vsphere_preemption.vcenter.admin.attributes import AttributeAdmin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..module_utils.vsphere_preemption.vcenter.client import VCenter

OPTIONS: dict[str, dict[str, Any]] = {
    **vcenter_options(required=True),
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "name": {"type": "str", "default": ATTRIBUTE_NAME},
    "force": {"type": "bool", "default": False},
}


def define(admin: AttributeAdmin, params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The result of the module for state=present."""
    name, definitions = checked_name(params["name"]), admin.definitions()
    before = definition_of(name, definitions)
    action = plan_presence(name, definitions)
    key = before.key if before else None
    if action is AttributeAction.CREATE and not check_mode:
        key = admin.create(name)
    return _result(action, name, before, {"name": name, "key": key, "exists": True})


def remove(admin: AttributeAdmin, params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The result of the module for state=absent."""
    name, definitions = checked_name(params["name"]), admin.definitions()
    before = definition_of(name, definitions)
    marks = admin.holders(before) if before else 0
    action = plan_absence(name, definitions, holders=marks, force=params["force"])
    if before and action is AttributeAction.REMOVE and not check_mode:
        admin.remove(before)
    return {**_result(action, name, before, {"name": name, "key": None, "exists": False}), "marks": marks}


def _result(action: AttributeAction, name: str, before: Definition | None, attribute: dict[str, Any]) -> dict[str, Any]:
    changed = action is not AttributeAction.NOTHING
    sides = {"before": before is not None, "after": attribute["exists"]}
    diff = {side: {"name": name, "exists": exists} for side, exists in sides.items()}
    return {"changed": changed, "attribute": attribute, "diff": diff}


def bring_about(vcenter: VCenter, params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The result of the module, including the diff."""
    act = define if params["state"] == "present" else remove
    return act(AttributeAdmin(vcenter.soap), params, check_mode=check_mode)


def main() -> None:
    run(on_vcenter(bring_about), OPTIONS)


if __name__ == "__main__":
    main()
