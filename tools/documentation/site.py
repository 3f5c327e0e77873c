# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the documentation site into `.cache/docs/html`: the pages, and a reference of all modules and roles.

The Markdown pages are built as they are, in the tree in which they lie, so that a link works here and on GitHub. A link
or an anchor that leads nowhere fails the build. Other sites are not asked: nothing here needs a network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from sanity.checkout import CACHE, CHECKOUT, link_tree, source_files

SITE = CACHE / "docs"
SOURCE, HTML = SITE / "source", SITE / "html"
REFERENCE = "reference"
PROGRAMS = Path(sys.executable).parent

FOLDERS = ("docs", "extensions")
BESIDE_DOCS = ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "LICENSE")
"""Files that are pages of the site, or that pages lead to. README.md becomes the first page."""


def stage(source: Path) -> None:
    """Copy the pages, and all that lies beside them, into an empty folder."""
    shutil.rmtree(source, ignore_errors=True)
    for name in source_files():
        if name.parts[0] in FOLDERS or name.as_posix() in BESIDE_DOCS:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, source / name)
    first_page = (CHECKOUT / "README.md").read_text() + contents(source)
    (source / "index.md").write_text(first_page)


def contents(source: Path) -> str:
    """The table of contents, which the theme shows beside each page: in the order of docs/README.md."""
    listed = re.findall(r"^\| \[[^]]+\]\(([\w/.-]+)\.md\)", (source / "docs" / "README.md").read_text(), re.MULTILINE)
    records = sorted(path.stem for path in (source / "docs" / "adr").glob("0*.md"))
    beside = [name.removesuffix(".md") for name in BESIDE_DOCS if name.endswith(".md")]
    pages = ["docs/README", *(f"docs/{name}" for name in listed), *(f"docs/adr/{name}" for name in records)]
    parts = {"Documentation": pages, "Reference": [f"{REFERENCE}/index"], "Project": beside}
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{chr(10).join(names)}\n```\n"
        for caption, names in parts.items()
    )


def write_reference(folder: Path) -> None:
    """The pages about modules and roles, from the collection's own documentation."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # antsibull-docs refuses a folder that others may write to
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(link_tree()),
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
    }
    command: list[str | Path] = [PROGRAMS / "antsibull-docs", "collection", "--use-current", "--squash-hierarchy"]
    subprocess.run(
        [*command, "--fail-on-error", "--dest-dir", folder, "vsphere.preemption"],
        env=environment,
        stdin=subprocess.DEVNULL,
        check=True,
    )


def build(source: Path, html: Path) -> None:
    """Let Sphinx build the site; CalledProcessError where anything is wrong with it, after all of it was reported."""
    shutil.rmtree(html, ignore_errors=True)
    doctrees = source.with_name("doctrees")
    shutil.rmtree(doctrees, ignore_errors=True)
    options: list[str | Path] = ["-q", "-W", "--keep-going", "-b", "html", "-c", Path(__file__).parent, "-d", doctrees]
    subprocess.run([sys.executable, "-m", "sphinx", *options, source, html], stdin=subprocess.DEVNULL, check=True)


def main() -> int:
    try:
        stage(SOURCE)
        write_reference(SOURCE / REFERENCE)
        build(SOURCE, HTML)
    except subprocess.CalledProcessError as error:
        program = Path(error.cmd[0]).name if error.cmd[0] != sys.executable else error.cmd[2]
        print(f"docs: {program} ended with {error.returncode}; what it reports is above.", file=sys.stderr)
        return 1
    print(f"docs: {(HTML / 'index.html').relative_to(CHECKOUT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
