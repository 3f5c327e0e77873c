# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of preemption_tag, from its options to its result. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..vsphere_preemption.core.names import printable
from ..vsphere_preemption.core.requests.empty_limits import refuse_empty
from ..vsphere_preemption.core.setup.tag import (
    CurrentTag,
    DesiredTag,
    SelectedVms,
    TagPlan,
    VmSelection,
    plan_absence,
    plan_presence,
)
from ..vsphere_preemption.vcenter.inventory.vm_selection import list_machines
from ..vsphere_preemption.vcenter.tags.admin import TagAdmin

if TYPE_CHECKING:
    from ..vsphere_preemption.core.inventory import ManagedObject
    from ..vsphere_preemption.vcenter.client import VCenter

Names = Mapping["ManagedObject", str]


def set_up_tag(client: VCenter, params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The result of the module, including the diff."""
    desired, present = _desired(params), params["state"] == "present"
    admin = TagAdmin(client.rest, calls=client.concurrency)
    found = admin.find(desired)
    chosen = _chosen(client, found, params)
    if present:
        plan = plan_presence(desired, found, chosen)
    else:
        plan = plan_absence(desired, found, chosen, force=params["force"], with_category=params["remove_category"])
    after = found if check_mode else admin.carry_out(plan, desired, found)
    return {
        "changed": plan.changes_something,
        "tag": _tag(desired, after, exists=present),
        "added": _machines(plan.attach, chosen.names),
        "removed": _machines(plan.detach, chosen.names),
        "diff": _diff(desired, found, plan, chosen.names),
    }


def _desired(params: Mapping[str, Any]) -> DesiredTag:
    return DesiredTag(
        name=params["tag"],
        category=params["category"],
        description=params["tag_description"],
        category_description=params["category_description"],
        cardinality=params["cardinality"],
    )


def _chosen(client: VCenter, found: CurrentTag, params: Mapping[str, Any]) -> SelectedVms:
    """The VMs of the option `attach`; if it is not set, only the names of the VMs that will lose the tag."""
    present, attach = params["state"] == "present", params["attach"]
    if attach is None:
        names = {} if present else {ref: vm.name for ref, vm in client.read(found.carriers).items()}
        return SelectedVms(names=names)
    attach = checked_attach(attach)
    selection = VmSelection(
        vms=tuple(attach["vms"] or ()),
        folder=attach["folder"] or "",
        pattern=attach["pattern"] or "",
        exclusive=attach["exclusive"],
    )
    # VMs that were deleted in the meantime must not prevent a cleanup.
    return list_machines(client.soap).choose(selection, all_must_exist=present)


def checked_attach(attach: Mapping[str, Any]) -> Mapping[str, Any]:
    """The option. Raises GivenButEmpty for an empty folder or pattern: only the other one would then select VMs."""
    given = {f"attach.{name}": attach[name] for name in ("folder", "pattern") if attach[name] is not None}
    refuse_empty("Cannot choose the VMs", given, instead="skip the task")
    return attach


def _tag(desired: DesiredTag, after: CurrentTag, *, exists: bool) -> dict[str, Any]:
    return {
        "id": after.tag.id if after.tag and exists else "",
        "name": desired.name,
        "category": desired.category,
        "category_id": after.category.id if after.category else "",
        "exists": exists,
    }


def _machines(refs: Iterable[ManagedObject], names: Names) -> list[dict[str, str]]:
    """The objects by name. type: to identify objects that are not VMs."""
    entries = ({"type": ref.type, "vm": ref.value, "name": names.get(ref, "")} for ref in refs)
    return sorted(entries, key=lambda entry: (entry["name"], entry["vm"]))


def _diff(desired: DesiredTag, found: CurrentTag, plan: TagPlan, names: Names) -> dict[str, Any]:
    """Lists only the VMs that change."""
    category, tag = found.category, found.tag
    was = {"description": category.description, "cardinality": category.cardinality} if category else None
    will: dict[str, Any] | None = {**was, **plan.category_changes} if was else None
    if plan.create_category:
        will = {"description": desired.category_description or "", "cardinality": desired.cardinality or "multiple"}
    tag_was = {"description": tag.description} if tag else None
    tag_will: dict[str, Any] | None = {**tag_was, **plan.tag_changes} if tag_was else None
    if plan.create_tag:
        tag_will = {"description": desired.description or ""}
    return {
        "before": _side(desired, was, tag_was, _texts(plan.detach, names)),
        "after": _side(
            desired,
            None if plan.delete_category else will,
            None if plan.delete_tag else tag_will,
            _texts(plan.attach, names),
        ),
    }


def _side(desired: DesiredTag, category: object, tag: object, machines: list[str]) -> dict[str, Any]:
    return {f"category {desired.category}": category, f"tag {desired.name}": tag, "attached to": machines}


def _texts(refs: Iterable[ManagedObject], names: Names) -> list[str]:
    return sorted(f"{printable(names.get(ref) or ref.type)} ({ref.value})" for ref in refs)
