# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST side of a vCenter 7.0U2 or later, which the simulator does not have: paths under `/api`, answers unwrapped.

It also plays the older family under `/rest`, so that both can be compared. Tags and links are plain dictionaries that a
test may change between two calls.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

USER, PASSWORD = "preemption@vsphere.local", "a long enough secret"
OLD_ROOT = "/rest/com/vmware/cis"


@dataclass
class TagService:
    """Tags of a vCenter, and how it answers.

    families: which paths it knows, `api` or `rest`. broken: HTTP status by part of a path, answered instead.
    asked: what was asked so far, as `METHOD path`.
    """

    families: tuple[str, ...] = ("api",)
    categories: dict[str, str] = field(default_factory=dict)
    tags: dict[str, tuple[str, str]] = field(default_factory=dict)
    links: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    password: str = PASSWORD
    broken: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)

    def add_tag(self, category: str, name: str, *objects: str, type_: str = "VirtualMachine") -> str:
        """Make a tag, and its category where it is missing; objects: values of references that carry it."""
        category_id = f"urn:vmomi:InventoryServiceCategory:{category}:GLOBAL"
        tag_id = f"urn:vmomi:InventoryServiceTag:{len(self.tags)}-{len(category)}:GLOBAL"
        self.categories[category_id] = category
        self.tags[tag_id] = (name, category_id)
        self.links[tag_id] = [(type_, value) for value in objects]
        return tag_id

    def remove_tag(self, tag_id: str) -> None:
        """Delete a tag with its links."""
        del self.tags[tag_id], self.links[tag_id]

    def answer(self, method: str, path: str, headers: Any, body: Any) -> tuple[int, Any]:
        """Status and content for a request."""
        self.asked.append(f"{method} {path}")
        for part, status in self.broken.items():
            if part in path:
                return status, {"error_type": "ERROR", "messages": [{"default_message": "told to fail by the test"}]}
        family = "api" if path.startswith("/api/") else "rest"
        if family not in self.families:
            return 404, None
        short = path.removeprefix("/api/cis" if "/cis/" in path and family == "api" else f"/{family}")
        short = path.removeprefix(OLD_ROOT) if family == "rest" else short
        if short == "/session":
            return self._session(method, headers, created=201 if family == "api" else 200)
        if headers.get("vmware-api-session-id") not in self.sessions:
            return 401, None
        return self._tagging(short.removeprefix("/tagging/"), family, body)

    def _session(self, method: str, headers: Any, created: int) -> tuple[int, Any]:
        if method == "DELETE":
            self.sessions.discard(headers.get("vmware-api-session-id"))
            return 204, None
        expected = base64.b64encode(f"{USER}:{self.password}".encode()).decode()
        if headers.get("Authorization") != f"Basic {expected}":
            return 401, None
        key = f"session-{len(self.asked)}"
        self.sessions.add(key)
        return created, key

    def _tagging(self, path: str, family: str, body: Any) -> tuple[int, Any]:
        place, _mark, query = path.partition("?")
        kind, _slash, item = place.partition("/")
        item = unquote(item).removeprefix("id:") if family == "rest" else unquote(item)
        action = query.partition("=")[2]
        if (query.startswith("~")) != (family == "rest" and bool(query)):
            return 400, None
        handler: dict[tuple[str, str], Callable[[], tuple[int, Any]]] = {
            ("category", ""): lambda: (200, list(self.categories) if not item else self._category(item)),
            ("tag", ""): lambda: self._tag(item) if item else (200, list(self.tags)),
            ("tag", "list-tags-for-category"): lambda: (200, self._tags_of(body.get("category_id", item))),
            ("tag-association", "list-attached-objects"): lambda: self._objects(item, family, body),
            ("tag-association", "list-attached-tags-on-objects"): lambda: (200, self._tags_on(body["object_ids"])),
        }
        return handler[kind, action]()

    def _category(self, item: str) -> Any:
        return {"id": item, "name": self.categories[item], "description": ""}

    def _tag(self, item: str) -> tuple[int, Any]:
        if item not in self.tags:
            return 404, {"error_type": "NOT_FOUND", "messages": [{"default_message": f"no tag {item}"}]}
        name, category = self.tags[item]
        return 200, {"id": item, "name": name, "category_id": category, "description": "", "used_by": []}

    def _tags_of(self, category: str) -> list[str]:
        return [tag for tag, (name, owner) in self.tags.items() if owner == category]

    def _objects(self, item: str, family: str, body: Any) -> tuple[int, Any]:
        if (body is None) != (family == "api"):
            return 400, None
        if item not in self.links:
            return 404, None
        return 200, [{"type": kind, "id": value} for kind, value in self.links[item]] or None

    def _tags_on(self, objects: list[dict[str, str]]) -> Any:
        refs = [(entry["type"], entry["id"]) for entry in objects]
        carried = {ref: [tag for tag, links in self.links.items() if ref in links] for ref in refs}
        return [{"object_id": {"type": t, "id": v}, "tag_ids": tags} for (t, v), tags in carried.items() if tags]


class TagServer:
    """The service on a loopback port, from `with TagServer(service) as server` until the end of the block."""

    def __init__(self, service: TagService) -> None:
        self.service = service
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(service))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> TagServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(service: TagService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            address = urlsplit(self.path)
            path = f"{address.path}?{address.query}" if address.query else address.path
            status, content = service.answer(self.command, path, self.headers, body)
            wrapped = {"value": content} if path.startswith("/rest/") and status == 200 else content
            text = json.dumps(wrapped).encode() if status != 204 else b""
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            return None

    return Handler
