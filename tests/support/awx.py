# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for AWX that keeps what it is given, and records each change.

Its answers are invented after what the modules of awx.awx ask for. So it shows what we send, not that AWX takes it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

PREFIX = "/api/v2/"
TOKEN = "a token of the test"
UNIFIED = {"job_templates": "job_template", "workflow_job_templates": "workflow_job_template", "projects": "project"}
SECRET_FIELDS = ("api_key", "client_key", "password")

Thing = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """A request that was no look. path: below /api/v2/, without slashes at its ends."""

    method: str
    path: str
    body: Any


class AWX:
    """Listens on loopback once made. things: by collection (`job_templates`) and id. changes: all that came."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.things: dict[str, dict[int, Thing]] = {"organizations": {}}
        self._lists: dict[str, list[int]] = {}
        self._surveys: dict[str, Any] = {}
        self._next_id = 1
        self._make("organizations", {"name": "Default"})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def named(self, collection: str) -> dict[str, Thing]:
        """The things of one kind by name, or by identifier where they have none."""
        return {thing.get("name") or thing["identifier"]: thing for thing in self.things.get(collection, {}).values()}

    def linked(self, thing: Thing, relation: str) -> list[int]:
        """The ids that are associated with a thing, for example its `credentials`."""
        return self._lists.get(f"{thing['url'].removeprefix(PREFIX)}{relation}", [])

    def survey(self, thing: Thing) -> Any:
        return self._surveys.get(thing["related"]["survey_spec"].removeprefix(PREFIX).strip("/"))

    def look(self, path: str, query: dict[str, str]) -> Any:
        """What a GET answers; None for 404."""
        parts = path.split("/")
        if path.endswith("survey_spec"):
            return self._surveys.get(path, {})
        if len(parts) == 3:
            return _page([{"id": number} for number in self._lists.get(path, [])])
        if len(parts) == 2:
            return self.things.get(parts[0], {}).get(int(parts[1]))
        return _page(list(self._found(path, query)))

    def change(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """What a POST, PATCH or DELETE does, and answers."""
        self.changes.append(Change(method, path, body))
        parts = path.split("/")
        if path.endswith("survey_spec"):
            self._surveys[path] = body
            return 200, {}
        if path.endswith("create_approval_template"):
            return self._approve(int(parts[1]), body)
        if len(parts) == 3:
            return self._link(path, body)
        if method == "POST":
            return 201, self._make(path, body)
        thing = self.things[parts[0]][int(parts[1])]
        if method == "PATCH":
            thing.update(_kept(body))
            return 200, thing
        return self._remove(parts[0], thing)

    def _found(self, collection: str, query: dict[str, str]) -> Iterator[Thing]:
        wanted = {name.removeprefix("or__"): value for name, value in query.items()}
        kinds = UNIFIED if collection == "unified_job_templates" else {collection: ""}
        for kind in kinds:
            for thing in self.things.get(kind, {}).values():
                if all(str(thing.get(name, value)) == value for name, value in wanted.items()):
                    yield thing

    def _make(self, collection: str, body: Thing) -> Thing:
        number, self._next_id = self._next_id, self._next_id + 1
        url = f"{PREFIX}{collection}/{number}/"
        thing = {
            **_kept(body),
            "id": number,
            "type": UNIFIED.get(collection, collection.rstrip("s")),
            "url": url,
            "related": {"survey_spec": f"{url}survey_spec/"},
            "summary_fields": {},
            "scm_revision": "",
        }
        self.things.setdefault(collection, {})[number] = thing
        return thing

    def _approve(self, node: int, body: Thing) -> tuple[int, Thing]:
        approval = self._make("workflow_approval_templates", body)
        self.things["workflow_job_template_nodes"][node]["related"]["unified_job_template"] = approval["url"]
        return 201, approval

    def _link(self, path: str, body: Thing) -> tuple[int, Any]:
        linked = self._lists.setdefault(path, [])
        if body.get("disassociate"):
            linked.remove(body["id"])
        else:
            linked.append(body["id"])
        return 204, None

    def _remove(self, collection: str, thing: Thing) -> tuple[int, Any]:
        del self.things[collection][thing["id"]]
        if collection == "workflow_job_templates":
            self.things["workflow_job_template_nodes"] = {}
            self.things["workflow_approval_templates"] = {}
        if collection == "inventories":
            self.things["hosts"] = {}
        return 204, None


def _kept(body: Thing) -> Thing:
    """AWX never gives a secret back."""
    if "inputs" not in body or "fields" in body["inputs"]:
        return dict(body)
    inputs = {name: "$encrypted$" if name in SECRET_FIELDS else value for name, value in body["inputs"].items()}
    return {**body, "inputs": inputs}


def _page(results: list[Any]) -> Thing:
    return {"count": len(results), "next": None, "results": results}


def _handler_for(awx: AWX) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            found = awx.look(url.path.removeprefix(PREFIX).strip("/"), dict(parse_qsl(url.query)))
            self._answer(404 if found is None else 200, found)

        def do_POST(self) -> None:
            self._change()

        def do_PATCH(self) -> None:
            self._change()

        def do_DELETE(self) -> None:
            self._change()

        def log_message(self, format: str, *args: object) -> None:
            """The test's output stays readable."""

        def _change(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path.removeprefix(PREFIX).strip("/")
            self._answer(*awx.change(self.command, path, json.loads(body) if body else {}))

        def _answer(self, status: int, body: Any) -> None:
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, body = 401, {}
            text = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    return Handler
