#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create a role with the privileges that preemption needs and assign it to the worker's account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_role
short_description: Grant an account exactly the privileges that preemption needs
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Creates a role in vCenter with exactly the privileges that the selected features need, and assigns it to a user or
    group on parts of the inventory.
  - Privileges that are only effective on the root folder go to a second role, whose name ends in C(-root). It is
    assigned to the account on the root folder, without propagation to children. If O(scope) is the root folder, one
    role contains all privileges.
  - The account has these roles in O(scope) and nowhere else. Its permissions with these roles on other objects are
    removed. Other accounts and other roles are not changed.
  - Privileges on tags are only effective as a global permission, or on the tag itself. The API that this module uses
    cannot grant these, so they are listed in RV(not_granted).
  - Requires the privileges C(Authorization.ModifyRoles) and C(Authorization.ModifyPermissions).
extends_documentation_fragment:
  - vsphere.preemption.vcenter
  - vsphere.preemption.attributes
options:
  vcenter_url:
    required: true
  state:
    description:
      - V(present) creates the role and assigns it to O(principal).
      - V(absent) removes the role from O(principal), and deletes it if no other account uses it.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the role. The built-in roles of vCenter are not allowed.
    type: str
    default: vsphere-preemption
  features:
    description:
      - The features that the account is used for. The worker needs V(stop), V(suspend) if its policy uses that method,
        V(restore) to restore VMs, V(notice) if its policy notifies guests in advance, and V(watch) to monitor alarms,
        which every role allows.
      - V(setup_attribute), V(setup_tag), V(setup_alarm) and V(setup_role) are for an account that sets up vCenter.
    type: list
    elements: str
    choices: [stop, suspend, restore, notice, watch, setup_attribute, setup_tag, setup_alarm, setup_role]
    default: [stop]
  privileges:
    description: Additional privileges, by their API names, such as C(VirtualMachine.Interact.Reset).
    type: list
    elements: str
    default: []
  principal:
    description:
      - User or group to assign the role to, as C(DOMAIN\name) or C(name@domain). Without it, the role is not assigned.
      - Use a dedicated account that has no other role in O(scope).
    type: str
  group:
    description: Whether O(principal) is a group.
    type: bool
    default: false
  scope:
    description:
      - The objects on which the role is assigned to O(principal). V(/) is the root folder, which means all of vCenter.
        Specify any other folder, datacenter, cluster, host or resource pool by its inventory path, name or managed
        object reference.
      - With O(state=absent), all permissions of the principal with this role are removed.
    type: list
    elements: str
    default: ["/"]
  propagate:
    description: Whether the permissions on O(scope) propagate to children.
    type: bool
    default: true
  force:
    description:
      - With O(state=present), replace another role that O(principal) has in O(scope).
      - With O(state=absent), delete the role even if other accounts use it. They lose it.
    type: bool
    default: false
requirements:
  - python >= 3.11
seealso:
  - module: vsphere.preemption.preemption_attribute
  - module: vsphere.preemption.preemption_alarm
"""

EXAMPLES = r"""
- name: Allow the worker to stop and restore VMs of one cluster
  vsphere.preemption.preemption_role:
    vcenter_url: https://vcenter.example.com
    vcenter_username: administrator@vsphere.local
    vcenter_password: "{{ vault_vcenter_password }}"
    features: [stop, restore, watch]
    principal: VSPHERE.LOCAL\preemption
    scope: [/lab/host/compute-1]

- name: Remove the role
  vsphere.preemption.preemption_role:
    vcenter_url: https://vcenter.example.com
    vcenter_secret_path: /etc/vsphere-admin
    principal: VSPHERE.LOCAL\preemption
    state: absent
"""

RETURN = r"""
roles:
  description: The roles after the task, by name; in check mode, as they would be. Each has its C(privileges), without
    those that every role has, and the C(permissions) that use it.
  returned: success
  type: dict
  sample:
    vsphere-preemption:
      privileges: [Global.SetCustomField, VirtualMachine.Interact.PowerOff]
      permissions: [{scope: /, principal: "VSPHERE.LOCAL\\preemption", group: false, propagate: true}]
not_granted:
  description: Privileges of the features that must be granted as a global permission in the vSphere Client.
  returned: success and O(state=present)
  type: list
  elements: str
  sample: []
kept:
  description: Roles that were not deleted because other accounts use them.
  returned: success
  type: list
  elements: str
  sample: []
diff:
  description: The roles and permissions before and after the change.
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

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._modules.runner import run
from ..module_utils._modules.vcenter import vcenter_options, with_vcenter
from ..module_utils.vsphere_preemption.core.setup.privileges import FEATURES, Where, needed
from ..module_utils.vsphere_preemption.core.setup.role import Access, Principal, RolePlan, after, shown
from ..module_utils.vsphere_preemption.core.setup.role_plan import (
    DEFAULT_ROLE,
    ROOT_SUFFIX,
    desired_roles,
    plan_absence,
    plan_presence,
)
from ..module_utils.vsphere_preemption.vcenter.admin.roles import RoleAdmin

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS: dict[str, dict[str, Any]] = {
    **vcenter_options(required=True),
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "name": {"type": "str", "default": DEFAULT_ROLE},
    "features": {"type": "list", "elements": "str", "choices": list(FEATURES), "default": ["stop"]},
    "privileges": {"type": "list", "elements": "str", "default": []},
    "principal": {"type": "str"},
    "group": {"type": "bool", "default": False},
    "scope": {"type": "list", "elements": "str", "default": ["/"]},
    "propagate": {"type": "bool", "default": True},
    "force": {"type": "bool", "default": False},
}


def setup(admin: RoleAdmin, params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The result of the module, including the diff."""
    names = [params["name"], params["name"] + ROOT_SUFFIX]
    place = admin.find(params["scope"])
    before = admin.read(names, [*place.paths, place.root])
    plan = _plan(before, params, list(place.paths), place.root)
    if plan.changes and not check_mode:
        admin.apply(plan)
    sides = {"before": before, "after": after(before, plan)}
    paths = {place.root: "/", **place.paths}
    diff = {side: shown(access, names, paths) for side, access in sides.items()}
    result = {"changed": bool(plan.changes), "roles": diff["after"], "kept": list(plan.kept), "diff": diff}
    if params["state"] == "present":
        result["not_granted"] = sorted(needed(params["features"], where=Where.EVERYWHERE))
    return result


def _plan(before: Access, params: Mapping[str, Any], places: list[Any], root: Any) -> RolePlan:
    name, force = params["name"], params["force"]
    principal = Principal.written(params["principal"], group=params["group"]) if params["principal"] else None
    if params["state"] == "absent":
        return plan_absence(before, [name, name + ROOT_SUFFIX], principal, force=force)
    wanted = desired_roles(name, params["features"], params["privileges"], places, root, propagate=params["propagate"])
    return plan_presence(before, wanted, principal, force=force)


def grant(module: AnsibleModule) -> dict[str, Any]:
    """The result of the module, with a warning about what it could not do."""
    result = with_vcenter(
        module.params, lambda client: setup(RoleAdmin(client.soap), module.params, check_mode=module.check_mode)
    )
    if result["kept"]:
        module.warn(f"Role(s) kept because other accounts use them: {', '.join(result['kept'])}.")
    if result.get("not_granted"):
        module.warn("Privileges on tags must be granted as a global permission in the vSphere Client: see not_granted.")
    return result


def main() -> None:
    run(grant, OPTIONS)


if __name__ == "__main__":
    main()
