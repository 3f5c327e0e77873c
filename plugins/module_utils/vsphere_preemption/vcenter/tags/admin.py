# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating, changing and removing a tag and its category, and attaching the tag to many VMs at once.

The plans of `core/setup/tag.py` are carried out here. Another client doing the same at the same time is not an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ...core.errors import VCenterFault, VCenterPermissionDenied
from ...core.inventory import VIRTUAL_MACHINE, ManagedObject
from ...core.setup.tag import MULTIPLE, Category, CurrentTag, DesiredTag, ExistingTag, TagPlan
from ..transport.rest import AlreadyThere, NotThere, PathFamily, Question, Rest
from .api import OBJECTS_PER_CALL, Tagging

PRIVILEGES = "InventoryService.Tagging."
MOST_MESSAGES = 3


class TagAdmin:
    """The tags of one vCenter. calls: maximum number of concurrent calls."""

    def __init__(self, rest: Rest, *, calls: int) -> None:
        self._rest = rest
        self._calls = calls
        self._tagging = Tagging(rest, calls=calls)

    def find(self, desired: DesiredTag) -> CurrentTag:
        """The existing tag and category with these names. vCenter cannot search by name, so all categories are read."""
        ids = self._tagging.ids("category", desired.category)
        categories = self._tagging.each(lambda item: self._get("category", item), ids)
        category = next((entry for item, entry in categories if entry["name"] == desired.category), None)
        if category is None:
            return CurrentTag()
        tags = self._tagging.each(
            lambda item: self._get("tag", item), self._tagging.ids_in(category["id"], str(desired))
        )
        entry = next((entry for item, entry in tags if entry["name"] == desired.name), None)
        others = len(tags) - (entry is not None)
        return CurrentTag(_as_category(category, others), self._with_carriers(entry, desired) if entry else None)

    def carry_out(self, plan: TagPlan, desired: DesiredTag, found: CurrentTag) -> CurrentTag:
        """Carry out the plan; returns the new state, without reading the tagged objects again."""
        category_id, tag_id = found.category.id if found.category else "", found.tag.id if found.tag else ""
        if plan.create_category:
            category_id = self._create_category(desired)
        if plan.category_changes:
            self._update("category", category_id, dict(plan.category_changes))
        if plan.create_tag:
            tag_id = self._create_tag(desired, category_id)
        if plan.tag_changes:
            self._update("tag", tag_id, dict(plan.tag_changes))
        self._attach(tag_id, plan.attach, desired)
        if plan.delete_tag:
            self._delete("tag", tag_id, desired.name)
        else:
            self._detach(tag_id, plan.detach, desired)
        if plan.delete_category:
            self._delete("category", category_id, desired.category)
        return CurrentTag(
            None if plan.delete_category or not category_id else Category(category_id, desired.category),
            None if plan.delete_tag or not tag_id else ExistingTag(tag_id, desired.name),
        )

    def _get(self, kind: str, item: str) -> dict[str, Any]:
        what = f"Cannot read the {kind} {item}"
        return self._rest.ask(f"get-{kind}", what, lambda family: ("GET", family.path(kind, item), None), dict)

    def _with_carriers(self, entry: dict[str, Any], desired: DesiredTag) -> ExistingTag | None:
        try:
            carriers = self._tagging.attached(entry["id"], str(desired))
        except NotThere:
            return None
        return ExistingTag(entry["id"], desired.name, entry.get("description") or "", frozenset(carriers))

    def _create_category(self, desired: DesiredTag) -> str:
        spec = {
            "name": desired.category,
            "description": desired.category_description or "",
            "cardinality": (desired.cardinality or MULTIPLE).upper(),
            "associable_types": [VIRTUAL_MACHINE],
        }
        try:
            return self._create("category", spec)
        except AlreadyThere:
            there = self.find(desired).category
            if there is None:
                raise
            return there.id

    def _create_tag(self, desired: DesiredTag, category_id: str) -> str:
        spec = {"name": desired.name, "description": desired.description or "", "category_id": category_id}
        try:
            return self._create("tag", spec)
        except AlreadyThere:
            there = self.find(desired).tag
            if there is None:
                raise
            return there.id

    def _create(self, kind: str, spec: dict[str, Any]) -> str:
        def question(family: PathFamily) -> tuple[str, str, dict[str, Any]]:
            return "POST", family.path(kind), {"create_spec": spec} if family.wrapped else spec

        what = f"Cannot create the {kind} {spec['name']!r}"
        return str(self._change(f"create-{kind}", what, question, privilege=f"Create{kind.capitalize()}"))

    def _update(self, kind: str, item: str, changes: dict[str, str]) -> None:
        spec = {name: text.upper() if name == "cardinality" else text for name, text in changes.items()}

        def question(family: PathFamily) -> tuple[str, str, dict[str, Any]]:
            return "PATCH", family.path(kind, item), {"update_spec": spec} if family.wrapped else spec

        self._change(
            f"update-{kind}", f"Cannot change the {kind} {item}", question, privilege=f"Edit{kind.capitalize()}"
        )

    def _delete(self, kind: str, item: str, name: str) -> None:
        what = f"Cannot remove the {kind} {name!r}"
        try:
            self._change(
                f"delete-{kind}",
                what,
                lambda family: ("DELETE", family.path(kind, item), None),
                privilege=f"Delete{kind.capitalize()}",
            )
        except NotThere:
            return

    def _attach(self, tag_id: str, refs: Sequence[ManagedObject], desired: DesiredTag) -> None:
        if not refs:
            return
        what = f"Cannot attach the tag {str(desired)!r}"
        complaints = list(self._in_bulk("attach-tag-to-multiple-objects", tag_id, refs, what))
        without = set(refs).difference(self._tagging.attached(tag_id, str(desired)))
        if without:
            _complain(what, without, complaints)

    def _detach(self, tag_id: str, refs: Sequence[ManagedObject], desired: DesiredTag) -> None:
        if not refs:
            return
        what = f"Cannot detach the tag {str(desired)!r}"
        complaints = list(self._in_bulk("detach-tag-from-multiple-objects", tag_id, refs, what))
        still = self._still(tag_id, refs, desired)
        if still and not complaints:
            # The simulator accepts the bulk call and does nothing.
            self._one_by_one(tag_id, still, what)
            still = self._still(tag_id, refs, desired)
        if still:
            _complain(what, still, complaints)

    def _still(self, tag_id: str, refs: Iterable[ManagedObject], desired: DesiredTag) -> set[ManagedObject]:
        return set(refs).intersection(self._tagging.attached(tag_id, str(desired)))

    def _in_bulk(self, action: str, tag_id: str, refs: Sequence[ManagedObject], what: str) -> Iterator[str]:
        """One call per thousand objects; yields vCenter's error messages. Other objects are still processed."""
        for start in range(0, len(refs), OBJECTS_PER_CALL):
            body = {"object_ids": [_wire(ref) for ref in refs[start : start + OBJECTS_PER_CALL]]}
            answer = self._change(action, what, _on_tag(tag_id, action, body), privilege="AttachTag")
            if answer and not answer.get("success", True):
                messages = answer.get("error_messages") or ()
                yield from (str(message.get("default_message", message)) for message in messages)

    def _one_by_one(self, tag_id: str, refs: Iterable[ManagedObject], what: str) -> None:
        def detach(ref: ManagedObject) -> None:
            question = _on_tag(tag_id, "detach", {"object_id": _wire(ref)})
            self._change("detach", what, question, privilege="AttachTag")

        with ThreadPoolExecutor(self._calls, "vcenter-tags") as threads:
            list(threads.map(detach, sorted(refs)))

    def _change(self, name: str, what: str, question: Question, *, privilege: str) -> Any:
        try:
            return self._rest.change(name, what, question)
        except VCenterPermissionDenied as error:
            step = f"Grant the account {PRIVILEGES}{privilege} as a global permission."
            raise VCenterPermissionDenied(what, why=error.why, next_step=step) from error


def _on_tag(tag_id: str, action: str, body: dict[str, Any]) -> Question:
    return lambda family: ("POST", family.path("tag-association", tag_id, action), body)


def _wire(ref: ManagedObject) -> dict[str, str]:
    return {"type": ref.type, "id": ref.value}


def _as_category(entry: dict[str, Any], other_tags: int) -> Category:
    # Older versions of vCenter write a type as urn:vim25:VirtualMachine.
    kinds = frozenset(str(kind).rpartition(":")[2] for kind in entry.get("associable_types") or ())
    cardinality = str(entry.get("cardinality") or MULTIPLE).lower()
    return Category(entry["id"], entry["name"], entry.get("description") or "", cardinality, kinds, other_tags)


def _complain(what: str, refs: set[ManagedObject], complaints: list[str]) -> None:
    said = "; ".join(dict.fromkeys(complaints[:MOST_MESSAGES])) or "no reason reported"
    objects = "1 object" if len(refs) == 1 else f"{len(refs)} objects"
    raise VCenterFault(
        what,
        why=f"vCenter rejected the change for {objects}, for example {min(refs)} ({said})",
        next_step="Check that the objects still exist, and whether the category allows only one of its tags"
        " per object.",
    )
