# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the collection archive from a clean copy: `python -m sanity.archive FOLDER` prints the archive's path.

`ansible-galaxy` does not read .gitignore, so caches of the checkout would find their way into the archive.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from .checkout import copy_into


def build_archive(folder: Path) -> Path:
    """Build the archive into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="vsphere-preemption-") as scratch:
        collection = copy_into(Path(scratch))
        command: list[str | Path] = [Path(sys.executable).parent / "ansible-galaxy", "collection", "build", "--force"]
        subprocess.run(
            [*command, "--output-path", folder, collection], check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr
        )
    return max(folder.glob("vsphere-preemption-*.tar.gz"), key=lambda path: path.stat().st_mtime)


if __name__ == "__main__":
    print(build_archive(Path(sys.argv[1]).resolve()))
