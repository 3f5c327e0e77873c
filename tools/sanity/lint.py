# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every static check, show the output of those that fail, and fail when any did.

All checks run, so one look shows all that is wrong.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from .checkout import CHECKOUT, link_tree

TYPED = (
    "plugins/module_utils/vsphere_preemption",
    "roles/worker/files/vsphere_preemption_worker",
    "extensions/eda/plugins/event_source",
    "tests",
    "tools",
)

# Modules import by the collection's long name, so they are checked under it.
TYPED_AS_COLLECTION = tuple(
    word
    for folder in ("modules", "module_utils", "doc_fragments", "filter", "action")
    for word in ("-p", f"ansible_collections.vsphere.preemption.plugins.{folder}")
)

CHECKS: dict[str, tuple[str, ...]] = {
    "style": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "types": ("mypy", *TYPED),
    "module types": ("mypy", *TYPED_AS_COLLECTION),
    "imports": (
        "env",
        "PYTHONPATH=plugins/module_utils:roles/worker/files",
        "lint-imports",
        "--no-logo",
        "--cache-dir",
        ".cache/import-linter",
    ),
    "layers": ("pytest", "-q", "tests/unit/test_layers.py", "tests/lint"),
    "ansible-lint": ("ansible-lint", "--profile", "production", "--offline", "-q"),
    "changelog": ("antsibull-changelog", "lint"),
    "documentation": (
        "antsibull-docs",
        "lint-collection-docs",
        "--plugin-docs",
        "--validate-collection-refs",
        "self",
        ".",
    ),
    "docs site": ("python", "-m", "documentation.site"),
}


def environment() -> dict[str, str]:
    """The caller's environment, in which the checkout is found as a collection and beside the bundled ones."""
    links = str(link_tree())
    programs = str(CHECKOUT / ".venv" / "bin")
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": links,
        "MYPYPATH": links,
        "LC_ALL": "C.UTF-8",
    }


def passes(name: str, command: tuple[str, ...]) -> bool:
    """Run one check and print its verdict, with its output when it failed."""
    start = time.monotonic()
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    verdict = "ok" if done.returncode == 0 else "FAILED"
    print(f"lint: {name:14} {verdict:6} {time.monotonic() - start:5.1f} s", flush=True)
    if done.returncode:
        print(done.stdout)
    return done.returncode == 0


def main() -> int:
    verdicts = [passes(name, command) for name, command in CHECKS.items()]
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
