# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which import statements a source file has, and which of them the layers forbid.

Imports only go down: core < policy_file, vcenter, temporal, events (which do not know one another) < worker. Modules
and action plugins sit on the library and never see the worker. A foreign library is imported in guarded `_*.py` files
alone, because everything under plugins/ must be importable without it. The server library of the webhook is for the
webhook's folder alone, so that a worker without one does not load it. Blocks under `if TYPE_CHECKING:` never run, so
the rule for foreign libraries does not look into them; the rule for layers does.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

LIBRARY = "vsphere_preemption"
WORKER = "vsphere_preemption_worker"
LIBRARY_FOLDER = PurePosixPath("plugins/module_utils") / LIBRARY
WORKER_FOLDER = PurePosixPath("roles/worker/files") / WORKER
WEBHOOK_FOLDER = WORKER_FOLDER / "triggers/webhook"
WEBHOOK_LIBRARY = "aiohttp"
MIDDLE_LAYERS = frozenset({"policy_file", "vcenter", "temporal", "events"})
FOREIGN = frozenset(
    {"pyVmomi", "pyVim", "vmware", "requests", "urllib3", "temporalio", "google", "cloudevents", "yaml"}
)
COLLECTION_PREFIX = "ansible_collections.vsphere.preemption.plugins.module_utils."


@dataclass(frozen=True)
class Import:
    """One imported module by its full dotted name. for_types_only: it stands under `if TYPE_CHECKING:`."""

    name: str
    line: int
    for_types_only: bool = False

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]


def imports_of(path: PurePosixPath, source: str) -> list[Import]:
    """All imports of a file, relative ones resolved to `vsphere_preemption…`; `path` is relative to the checkout."""
    return list(_walk(ast.parse(source).body, _package_of(path), for_types_only=False))


def _package_of(path: PurePosixPath) -> list[str]:
    for root in (LIBRARY_FOLDER.parent, WORKER_FOLDER.parent):
        if path.is_relative_to(root):
            return list(path.relative_to(root).parent.parts)
    return ["ansible_collections", "vsphere", "preemption", *path.parent.parts]


def _walk(nodes: list[ast.stmt], package: list[str], *, for_types_only: bool) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (Import(_plain(alias.name), node.lineno, for_types_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield from (Import(_plain(f"{stem}.{alias.name}"), node.lineno, for_types_only) for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from _walk(node.body, package, for_types_only=True)
            yield from _walk(node.orelse, package, for_types_only=for_types_only)
        else:
            inner = [child for child in ast.walk(node) if isinstance(child, (ast.Import, ast.ImportFrom))]
            yield from _walk(list(inner), package, for_types_only=for_types_only)


def _plain(name: str) -> str:
    return name.removeprefix(COLLECTION_PREFIX)


def broken_rules(path: PurePosixPath, source: str) -> list[str]:
    """What the file at `path` imports against the rules, one sentence each; empty when all is well."""
    return [
        f"{path}:{found.line} imports {found.name}: {why}"
        for found in imports_of(path, source)
        for why in [_against(path, found)]
        if why
    ]


def _against(path: PurePosixPath, found: Import) -> str | None:
    if found.top == WEBHOOK_LIBRARY and not (found.for_types_only or path.is_relative_to(WEBHOOK_FOLDER)):
        return f"only the webhook may import {WEBHOOK_LIBRARY}, or each worker would load it"
    if path.is_relative_to(WORKER_FOLDER):
        in_workflows = path.relative_to(WORKER_FOLDER).parts[0] == "workflows"
        return _against_workflows(found) if in_workflows else None
    if found.top == WORKER:
        return "only the worker may import the worker"
    if found.top in FOREIGN and not found.for_types_only:
        guarded = path.is_relative_to(LIBRARY_FOLDER) and path.name.startswith("_") and path.name != "__init__.py"
        return (
            None
            if guarded and _layer_of(path) != "core"
            else "foreign libraries belong into a guarded _*.py of a layer"
        )
    return _against_layers(path, found) if path.is_relative_to(LIBRARY_FOLDER) else None


def _layer_of(path: PurePosixPath) -> str:
    return path.relative_to(LIBRARY_FOLDER).parts[0]


def _against_layers(path: PurePosixPath, found: Import) -> str | None:
    layer = _layer_of(path)
    if found.top == LIBRARY:
        target = [*found.name.split("."), ""][1]
        below = {layer, "core"} if layer in MIDDLE_LAYERS else {layer}
        return None if target in below else f"{layer} may only import {' and '.join(sorted(below))}"
    if layer == "core" and found.top not in sys.stdlib_module_names:
        return "core imports the standard library and itself only"
    return None


def _against_workflows(found: Import) -> str | None:
    messages = (f"{WORKER}.messages", f"{WORKER}.restore_messages", f"{WORKER}.scheduled_messages")
    allowed = (f"{LIBRARY}.core", *messages, f"{WORKER}.workflows", "temporalio")
    if found.top in sys.stdlib_module_names or any(f"{found.name}.".startswith(f"{name}.") for name in allowed):
        return None
    return "workflow code imports the standard library, temporalio, core, the messages and other workflows only"
