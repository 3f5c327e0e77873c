#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create, change or delete a Temporal namespace."""

from __future__ import annotations

DOCUMENTATION = r"""
module: temporal_namespace
short_description: Create, change or delete a Temporal namespace
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Creates or changes a namespace in Temporal, and waits until it can be used.
  - Settings that are not specified are not changed.
  - If the server does not support managing namespaces through this API, such as Temporal Cloud, or does not permit it
    for this account, the module fails with the code C(namespace_not_managed_here). It still succeeds if the namespace
    already matches the options.
extends_documentation_fragment:
  - vsphere.preemption.temporal
  - vsphere.preemption.attributes
  - vsphere.preemption.attributes.action_group
options:
  name:
    description:
      - Name of the namespace. It consists of letters, digits, dots, dashes and underscores.
      - Defaults to O(temporal_namespace). Required for O(state=absent).
    type: str
  temporal_namespace:
    description:
      - The default for O(name), so that the namespace can be set once in the options that all modules share. It does
        not need to exist.
      - If not set, E(TEMPORAL_NAMESPACE) is used.
    type: str
    default: vsphere-preemption
  state:
    description: V(present) creates or changes the namespace. V(absent) deletes it.
    type: str
    choices: [present, absent]
    default: present
  retention:
    description:
      - How long Temporal keeps the history of closed workflows, as a number of days or as a duration such as V(72h) or
        V(1d12h). At least one day.
      - A new namespace defaults to three days.
    type: str
  description:
    description: Description of the namespace. Temporal cannot clear it, so an empty value leaves it unchanged.
    type: str
  owner_email:
    description: Email address of the owner of the namespace. An empty value leaves it unchanged.
    type: str
  search_attributes:
    description:
      - Search attributes that the namespace must have, each with its type, one of V(Bool), V(Datetime), V(Double),
        V(Int), V(Keyword), V(KeywordList) and V(Text). Other search attributes are kept.
      - Temporal cannot change the type of a search attribute, so the module fails if the type differs.
    type: dict
    default: {}
  remove_search_attributes:
    description: Names of search attributes to remove. Values that workflows have in them are lost.
    type: list
    elements: str
    default: []
  force:
    description:
      - Whether O(state=absent) may delete a namespace that contains workflows or schedules, with all their history.
    type: bool
    default: false
  wait:
    description:
      - Whether to wait until the change is visible, so that a worker can start, or a namespace with the same name can
        be created again.
      - Each frontend of a cluster picks up a change independently. The module queries several times, each time on a new
        connection.
    type: bool
    default: true
  timeout:
    description: Maximum time to wait, in seconds.
    type: int
    default: 60
seealso:
  - module: vsphere.preemption.preemption_signal
"""

EXAMPLES = r"""
- name: Create the namespace for preemption
  vsphere.preemption.temporal_namespace:
    temporal_address: temporal.example.com:7233
    name: vsphere-preemption
    retention: 7
    description: Preemption of VMs
    owner_email: ops@example.com

- name: Make workflows searchable by cluster
  vsphere.preemption.temporal_namespace:
    temporal_address: temporal.example.com:7233
    name: vsphere-preemption
    search_attributes:
      PreemptionCluster: Keyword

- name: Delete the namespace with all its history
  vsphere.preemption.temporal_namespace:
    temporal_address: temporal.example.com:7233
    name: vsphere-preemption
    state: absent
    force: true
"""

RETURN = r"""
namespace:
  description: The namespace after the task; in check mode, as it would be. Null if there is none.
  returned: success
  type: dict
  contains:
    name:
      description: Name of the namespace.
      returned: always
      type: str
    retention:
      description: How long the history of closed workflows is kept.
      returned: always
      type: str
    description:
      description: Description of the namespace.
      returned: always
      type: str
    owner_email:
      description: Email address of the owner.
      returned: always
      type: str
    search_attributes:
      description: Custom search attributes, name to type.
      returned: always
      type: dict
  sample:
    name: vsphere-preemption
    retention: 7d
    description: Preemption of VMs
    owner_email: ops@example.com
    search_attributes: {PreemptionCluster: Keyword}
error_code:
  description:
    - Stable error code, for example C(temporal_unreachable), C(invalid_setting), C(namespace_not_empty),
      C(namespace_not_managed_here) or C(namespace_not_ready).
  returned: failure
  type: str
  sample: namespace_not_empty
"""

from typing import TYPE_CHECKING, Any

from ..module_utils._modules.runner import run
from ..module_utils._modules.temporal import temporal_options, with_client
from ..module_utils.vsphere_preemption.core.errors import InvalidSetting
from ..module_utils.vsphere_preemption.temporal.namespace import apply
from ..module_utils.vsphere_preemption.temporal.namespace.model import (
    Namespace,
    NamespacePlan,
    WantedNamespace,
    plan_absent,
    plan_present,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from temporalio.client import Client

OPTIONS = {
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "retention": {"type": "str"},
    "description": {"type": "str"},
    "owner_email": {"type": "str"},
    "search_attributes": {"type": "dict", "default": {}},
    "remove_search_attributes": {"type": "list", "elements": "str", "default": []},
    "force": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 60},
}


def bring_about(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The result of the module, including the diff."""
    wanted = _wanted(params)
    _check_timeout(params["timeout"])

    async def call(client: Client) -> NamespacePlan:
        plan = await _plan(client, wanted, params)
        if not check_mode:
            await apply.carry_out(client, plan, timeout_seconds=params["timeout"], wait=params["wait"])
        return plan

    # The library may wait twice: for the namespace, and for its search attributes.
    here = {**params, "temporal_namespace": wanted.name}
    plan = with_client(here, call, timeout_seconds=2 * params["timeout"])
    before, after = _shown(plan.before), _shown(plan.after)
    return {"changed": plan.changed, "namespace": after or None, "diff": {"before": before, "after": after}}


async def _plan(client: Client, wanted: WantedNamespace, params: Mapping[str, Any]) -> NamespacePlan:
    found = await apply.read_namespace(client, wanted.name)
    if params["state"] == "present":
        return plan_present(found, wanted)
    if found is not None and not params["force"]:
        await apply.check_deletable(client, wanted.name)
    return plan_absent(found)


def _wanted(params: Mapping[str, Any]) -> WantedNamespace:
    return WantedNamespace.from_options(
        name=params["name"] or params["temporal_namespace"],
        retention=params["retention"],
        description=params["description"],
        owner_email=params["owner_email"],
        search_attributes=params["search_attributes"],
        remove_search_attributes=params["remove_search_attributes"],
    )


def _check_timeout(seconds: int) -> None:
    if seconds <= 0:
        raise InvalidSetting(
            "Cannot wait for the namespace",
            why=f"the timeout is {seconds} seconds",
            next_step="Set it to 1 or more, or set wait to false.",
        )


def _shown(namespace: Namespace | None) -> dict[str, Any]:
    return namespace.as_result() if namespace else {}


def main() -> None:
    rules = [("state", "absent", ["name"])]
    run(
        lambda module: bring_about(module.params, check_mode=module.check_mode),
        {**temporal_options(), **OPTIONS},
        required_if=rules,
    )


if __name__ == "__main__":
    main()
