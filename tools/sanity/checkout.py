# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Views of the checkout for tools that demand a collection to lie in `ansible_collections/vsphere/preemption`.

ansible-test resolves links and silently tests nothing inside a git-ignored folder, so it gets a copy outside the
checkout. ansible-lint, ansible-doc and ansible-playbook are content with a tree of links.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".cache"
COLLECTION = Path("ansible_collections") / "vsphere" / "preemption"


def source_files() -> list[Path]:
    """All files of the checkout that git knows or would add, relative to it; deleted ones are left out."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = {Path(name) for name in listing.stdout.split("\0") if name}
    return sorted(name for name in names if (CHECKOUT / name).is_file())


def copy_into(folder: Path) -> Path:
    """Copy the source files to `folder`/ansible_collections/vsphere/preemption and return that path."""
    target = folder / COLLECTION
    for name in source_files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, target / name, follow_symlinks=False)
    return target


def link_tree() -> Path:
    """Make `.cache/links/ansible_collections/vsphere/preemption` point at the checkout; return `.cache/links`."""
    root = CACHE / "links"
    link = root / COLLECTION
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or link.readlink() != CHECKOUT:
        link.unlink(missing_ok=True)
        link.symlink_to(CHECKOUT, target_is_directory=True)
    return root
