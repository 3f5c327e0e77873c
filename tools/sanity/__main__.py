# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run `ansible-test sanity` of the Python that runs this, on a copy of the checkout; see that it tested something.

The environments that ansible-test builds stay in the cache, so only the first run is slow.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from .checkout import CACHE, copy_into

FEWEST_TESTS = 20
"""ansible-core 2.19 runs 24; far fewer means that something made it skip them."""

PROGRAMS = Path(sys.executable).parent


class NothingTested(Exception):
    """ansible-test ended well, but it did not run the tests."""


def bundled_pip_version() -> str:
    """The version of pip that the installed ansible-test puts into its environments."""
    source = Path(sysconfig.get_path("purelib")) / "ansible_test" / "_internal" / "python_requirements.py"
    found = re.search(r"pip='([0-9.]+)'", source.read_text())
    if found is None:
        raise NothingTested(f"{source.name} of ansible-test no longer names the version of pip that it wants.")
    return found.group(1)


def environment() -> dict[str, str]:
    """The caller's environment with home folders inside the cache, and our bootstrap of pip in its place."""
    home = CACHE / "home"
    scripts = home / ".ansible" / "test" / "cache"
    scripts.mkdir(parents=True, exist_ok=True)
    shutil.copy(
        Path(__file__).with_name("get_pip.py"), scripts / f"get_pip_{bundled_pip_version().replace('.', '_')}.py"
    )
    return {
        **os.environ,
        "HOME": str(home),
        "ANSIBLE_HOME": str(home / ".ansible"),
        "PIP_CACHE_DIR": str(CACHE / "pip"),
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
    }


def run_sanity(collection: Path) -> str:
    """Run all sanity tests, pass their output through, and return it."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    command: list[str | Path] = [
        PROGRAMS / "ansible-test",
        "sanity",
        "--python",
        version,
        "--color",
        "no",
        "--truncate",
        "0",
    ]
    lines = []
    with subprocess.Popen(
        command,
        cwd=collection,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return "".join(lines)


def check_that_tests_ran(output: str) -> int:
    """Return the number of sanity tests in `output`; raise `NothingTested` when it cannot be right."""
    count = output.count("Running sanity test")
    if "All targets skipped" in output:
        raise NothingTested("ansible-test skipped all targets: it saw none of the files.")
    if count < FEWEST_TESTS:
        raise NothingTested(f"ansible-test ran only {count} sanity tests; at least {FEWEST_TESTS} are expected.")
    return count


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="vsphere-preemption-") as folder:
        try:
            count = check_that_tests_ran(run_sanity(copy_into(Path(folder))))
        except (NothingTested, subprocess.CalledProcessError) as error:
            print(f"sanity: {error}", file=sys.stderr)
            return 1
    print(f"sanity: {count} tests passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
