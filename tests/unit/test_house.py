# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the house that no linter knows: sizes, headers, and nothing that ties the project to one machine."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator

import pytest

from support.paths import CHECKOUT

FILE_LINES = 400
FUNCTION_LINES = 40
MAIN_LINES = 30

# Written in pieces, so that this file does not break its own rule.
MACHINE_PATHS = re.compile(
    "|".join(["(?<![A-Za-z0-9_.$}>)/-])/" + name + "/" for name in ("work", "root", "tmp/" + "team")])
)
REGISTRY_HOSTS = re.compile("|".join(["pypi" + r"\.org", "pythonhosted" + r"\.org", r"proxy\.golang" + r"\.org"]))
HEADER = (
    "# Copyright (c) 2026 the vsphere.preemption authors",
    "# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "# SPDX-License-Identifier: GPL-3.0-or-later",
)


def tracked_files() -> list[str]:
    """The files that git knows, as paths relative to the checkout; those deleted on disk are left out."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return sorted(name for name in listing.stdout.split("\0") if name and (CHECKOUT / name).is_file())


TRACKED = tracked_files()
PYTHON = [name for name in TRACKED if name.endswith(".py")]


def too_long(name: str, source: str) -> Iterator[str]:
    """What in the file is longer than it may be, one sentence each."""
    if (length := len(source.splitlines())) > FILE_LINES:
        yield f"{name} has {length} lines; at most {FILE_LINES} are allowed"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            limit = MAIN_LINES if node.name == "main" else FUNCTION_LINES
            if length > limit:
                yield f"{name}:{node.lineno} {node.name}() has {length} lines; at most {limit} are allowed"


def test_files_and_functions_are_short() -> None:
    assert [found for name in PYTHON for found in too_long(name, (CHECKOUT / name).read_text())] == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        pytest.param("plugins/module_utils/x.py", "x = 1\n" * 401, id="file"),
        pytest.param("plugins/modules/x.py", "x = 1\n" * 401, id="module"),
        pytest.param("tools/x.py", "def f():\n" + "    x = 1\n" * 40, id="function"),
        pytest.param("tools/x.py", "class C:\n    async def f():\n" + "        x = 1\n" * 40, id="async method"),
        pytest.param("plugins/modules/x.py", "def main():\n" + "    x = 1\n" * 30, id="main"),
    ],
)
def test_the_length_rule_bites_for_a_long(name: str, source: str) -> None:
    assert len(list(too_long(name, source))) == 1


def has_its_header(name: str, source: str) -> bool:
    """An init file is empty; every other file names its licence first."""
    if name.endswith("__init__.py"):
        return source == ""
    lines = [line for line in source.splitlines() if not line.startswith("#!")]
    return tuple(lines[:3]) == HEADER


def test_a_python_file_names_its_licence_and_an_init_file_is_empty() -> None:
    assert [name for name in PYTHON if not has_its_header(name, (CHECKOUT / name).read_text())] == []


def test_the_rule_on_headers_bites() -> None:
    assert not has_its_header("tools/x.py", "x = 1\n")
    assert not has_its_header("tools/__init__.py", "x = 1\n")


def test_nothing_names_a_path_of_one_machine_or_a_package_registry() -> None:
    assert [
        f"{name}:{number} {line.strip()[:80]}"
        for name in TRACKED
        for number, line in enumerate((CHECKOUT / name).read_text(errors="replace").splitlines(), 1)
        if MACHINE_PATHS.search(line) or REGISTRY_HOSTS.search(line)
    ] == []


@pytest.mark.parametrize("text", ["cd /" + "work/main", "'/" + "root/.cache'", "see https://pypi" + ".org/simple"])
def test_the_rule_on_machine_paths_bites(text: str) -> None:
    assert MACHINE_PATHS.search(text) or REGISTRY_HOSTS.search(text)


@pytest.mark.parametrize("text", ["roles/" + "work/x", "https://host/" + "root/x", "the worker", "{{ x }}/" + "root/"])
def test_the_rule_on_machine_paths_spares_parts_of_longer_paths(text: str) -> None:
    assert not MACHINE_PATHS.search(text)


def test_git_holds_nothing_that_tools_write() -> None:
    written = re.compile(r"(^|/)(__pycache__|\.venv|\.tools|\.cache|\.mypy_cache|\.ruff_cache)/|\.pyc$|\.tar\.gz$")
    assert [name for name in TRACKED if written.search(name)] == []
