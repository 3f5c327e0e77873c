# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of preemption_tag, from its options to its result. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..vsphere_preemption.core.requests.empty_limits import refuse_empty
from ..vsphere_preemption.core.setup.tag import Chosen, Found, Selection, TagPlan, Wish, plan_absence, plan_presence
from ..vsphere_preemption.vcenter.inventory.vm_selection import list_machines
from ..vsphere_preemption.vcenter.tags.admin import TagAdmin

if TYPE_CHECKING:
    from ..vsphere_preemption.core.inventory import ManagedObject
    from ..vsphere_preemption.vcenter.client import VCenter

Names = Mapping["ManagedObject", str]


def set_up_tag(client: VCenter, params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The result of the module, including the diff."""
    wish, present = _wish(params), params["state"] == "present"
    admin = TagAdmin(client.rest, calls=client.concurrency)
    found = admin.find(wish)
    chosen = _chosen(client, found, params)
    if present:
        plan = plan_presence(wish, found, chosen)
    else:
        plan = plan_absence(wish, found, chosen, force=params["force"], with_category=params["remove_category"])
    after = found if check_mode else admin.carry_out(plan, wish, found)
    return {
        "changed": plan.changes_something,
        "tag": _tag(wish, after, exists=present),
        "added": _machines(plan.attach, chosen.names),
        "removed": _machines(plan.detach, chosen.names),
        "diff": _diff(wish, found, plan, chosen.names),
    }


def _wish(params: Mapping[str, Any]) -> Wish:
    return Wish(
        name=params["tag"],
        category=params["category"],
        description=params["tag_description"],
        category_description=params["category_description"],
        cardinality=params["cardinality"],
    )


def _chosen(client: VCenter, found: Found, params: Mapping[str, Any]) -> Chosen:
    """The VMs of the option `attach`; if it is not set, only the names of the VMs that will lose the tag."""
    present, attach = params["state"] == "present", params["attach"]
    if attach is None:
        names = {} if present else {ref: vm.name for ref, vm in client.read(found.carriers).items()}
        return Chosen(names=names)
    attach = checked_attach(attach)
    selection = Selection(
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


def _tag(wish: Wish, after: Found, *, exists: bool) -> dict[str, Any]:
    return {
        "id": after.tag.id if after.tag and exists else "",
        "name": wish.name,
        "category": wish.category,
        "category_id": after.category.id if after.category else "",
        "exists": exists,
    }


def _machines(refs: Iterable[ManagedObject], names: Names) -> list[dict[str, str]]:
    """The objects by name. type: to identify objects that are not VMs."""
    entries = ({"type": ref.type, "vm": ref.value, "name": names.get(ref, "")} for ref in refs)
    return sorted(entries, key=lambda entry: (entry["name"], entry["vm"]))


def _diff(wish: Wish, found: Found, plan: TagPlan, names: Names) -> dict[str, Any]:
    """Lists only the VMs that change."""
    category, tag = found.category, found.tag
    was = {"description": category.description, "cardinality": category.cardinality} if category else None
    will: dict[str, Any] | None = {**was, **plan.category_changes} if was else None
    if plan.create_category:
        will = {"description": wish.category_description or "", "cardinality": wish.cardinality or "multiple"}
    tag_was = {"description": tag.description} if tag else None
    tag_will: dict[str, Any] | None = {**tag_was, **plan.tag_changes} if tag_was else None
    if plan.create_tag:
        tag_will = {"description": wish.description or ""}
    return {
        "before": _side(wish, was, tag_was, _texts(plan.detach, names)),
        "after": _side(
            wish,
            None if plan.delete_category else will,
            None if plan.delete_tag else tag_will,
            _texts(plan.attach, names),
        ),
    }


def _side(wish: Wish, category: object, tag: object, machines: list[str]) -> dict[str, Any]:
    return {f"category {wish.category}": category, f"tag {wish.name}": tag, "attached to": machines}


def _texts(refs: Iterable[ManagedObject], names: Names) -> list[str]:
    return sorted(f"{names.get(ref) or ref.type} ({ref.value})" for ref in refs)
