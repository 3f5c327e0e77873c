# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tag service with calls that change something, as a vCenter of either family answers them.

It does what vcsim does not: it keeps the cardinality, and complains of single objects in a call for many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .tag_server import TagService

ACTIONS = ("attach-tag-to-multiple-objects", "detach-tag-from-multiple-objects", "detach")


@dataclass
class WritableTagService(TagService):
    """details: of a category or tag by its id, as vCenter tells them. unwilling: objects that no tag sticks to.

    deaf: the call that detaches many says yes and does nothing, as in vcsim. before: done once, before the next call
    that creates something, as if another client were faster.
    """

    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    unwilling: set[str] = field(default_factory=set)
    deaf: bool = False
    before: Callable[[], object] | None = None

    def _tagging(self, path: str, family: str, body: Any) -> tuple[int, Any]:
        method, place = self.asked[-1].split()[0], path.partition("?")[0]
        action = path.partition("action=")[2]
        kind, _slash, item = place.partition("/")
        item = item.removeprefix("id:") if family == "rest" else item
        if action in ACTIONS:
            return self._associate(action, item, body)
        if method == "POST" and not action:
            created = self._create(kind, body["create_spec"] if family == "rest" else body)
            return (200 if family == "rest" else 201, created) if created else self._already_there(family)
        if method == "PATCH":
            self.details[item].update(body["update_spec"] if family == "rest" else body)
            return 204, None
        if method == "DELETE":
            return self._delete(kind, item)
        return super()._tagging(path, family, body)

    def _create(self, kind: str, spec: dict[str, Any]) -> str:
        if self.before:
            faster, self.before = self.before, None
            faster()
        if kind == "category":
            item = f"urn:vmomi:InventoryServiceCategory:{spec['name']}:GLOBAL"
            if item in self.categories:
                return ""
            self.categories[item] = spec["name"]
        else:
            if (spec["name"], spec["category_id"]) in self.tags.values():
                return ""
            item = self.add_tag(self.categories[spec["category_id"]], spec["name"])
        self.details[item] = dict(spec)
        return item

    def _already_there(self, family: str) -> tuple[int, Any]:
        if family == "rest":
            return 400, {"type": "com.vmware.vapi.std.errors.already_exists", "value": {"messages": []}}
        return 400, {"error_type": "ALREADY_EXISTS", "messages": []}

    def _delete(self, kind: str, item: str) -> tuple[int, Any]:
        if item not in (self.categories if kind == "category" else self.tags):
            return 404, None
        if kind == "category":
            del self.categories[item]
        else:
            self.remove_tag(item)
        return 204, None

    def _associate(self, action: str, item: str, body: Any) -> tuple[int, Any]:
        objects = body.get("object_ids") or [body["object_id"]]
        refs = [(entry["type"], entry["id"]) for entry in objects]
        refused = [value for kind, value in refs if value in self.unwilling]
        willing = [ref for ref in refs if ref[1] not in self.unwilling]
        if action == "attach-tag-to-multiple-objects":
            self.links[item] += [ref for ref in willing if ref not in self.links[item]]
        elif action == "detach" or not self.deaf:
            self.links[item] = [ref for ref in self.links[item] if ref not in willing]
        messages = [{"default_message": f"{value} will not", "id": "x", "args": []} for value in refused]
        return 200, {"success": not refused, "error_messages": messages} if action != "detach" else None

    def _category(self, item: str) -> Any:
        return {
            **super()._category(item),
            "cardinality": "MULTIPLE",
            "associable_types": [],
            **self.details.get(item, {}),
        }

    def _tag(self, item: str) -> tuple[int, Any]:
        status, content = super()._tag(item)
        return status, {**content, **self.details.get(item, {})}
