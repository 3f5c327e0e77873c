# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which import statements a source file has, and which of them are forbidden beside the import contracts.

The direction of imports between folders is in pyproject.toml, as contracts of import-linter. Here is what those cannot
say. Modules and action plugins never see the worker. Core and workflows have a list of what they may import from
outside, where contracts can only forbid what they name. Any other foreign library is imported in guarded `_*.py` files
alone, because everything under plugins/ must be importable without it. The server library of the webhook is for the
webhook's folder alone, so that a worker without one does not load it. Blocks under `if TYPE_CHECKING:` never run, so
the rule for foreign libraries does not look into them.
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
OURS = frozenset({LIBRARY, WORKER})
FOREIGN = frozenset(
    {"pyVmomi", "pyVim", "vmware", "requests", "urllib3", "temporalio", "google", "cloudevents", "yaml"}
)
COLLECTIONS = "ansible_collections"


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
    return [COLLECTIONS, "vsphere", "preemption", *path.parent.parts]


def _walk(nodes: list[ast.stmt], package: list[str], *, for_types_only: bool) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, for_types_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield from (Import(f"{stem}.{alias.name}", node.lineno, for_types_only) for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from _walk(node.body, package, for_types_only=True)
            yield from _walk(node.orelse, package, for_types_only=for_types_only)
        else:
            inner = [child for child in ast.walk(node) if isinstance(child, (ast.Import, ast.ImportFrom))]
            yield from _walk(list(inner), package, for_types_only=for_types_only)


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
    in_library = path.is_relative_to(LIBRARY_FOLDER)
    if in_library and found.top == COLLECTIONS:
        return "the library has one name, which no contract would see through"
    in_core = in_library and path.relative_to(LIBRARY_FOLDER).parts[0] == "core"
    if found.top in FOREIGN and not found.for_types_only:
        guarded = in_library and not in_core and path.name.startswith("_") and path.name != "__init__.py"
        return None if guarded else "foreign libraries belong into a guarded _*.py of a layer"
    if in_core and found.top not in OURS and found.top not in sys.stdlib_module_names:
        return "core imports the standard library and itself only"
    return None


def _against_workflows(found: Import) -> str | None:
    if found.top in OURS or found.top == "temporalio" or found.top in sys.stdlib_module_names:
        return None
    return "workflow code imports the standard library, temporalio and our own packages only"
