# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put pip into an empty virtual environment of ansible-test, from the copy that Python itself brings.

ansible-test would download a bootstrap script from a host that is often out of reach. `sanity` places this file where
that script would be cached. ansible-test calls it with pip's own arguments plus two switches of the original script.
"""

from __future__ import annotations

import subprocess
import sys

SWITCHES_OF_THE_ORIGINAL = ("--no-setuptools", "--no-wheel")


def bootstrap(arguments: list[str]) -> None:
    """Install the bundled pip, remove what came along with it, then let it install what was asked for."""
    python = [sys.executable, "-m"]
    subprocess.run([*python, "ensurepip"], check=True, stdout=subprocess.DEVNULL)
    if sys.version_info < (3, 12):
        uninstall = [*python, "pip", "uninstall", "--quiet", "--yes", "--disable-pip-version-check", "setuptools"]
        subprocess.run(uninstall, check=True)
    wanted = [argument for argument in arguments if argument not in SWITCHES_OF_THE_ORIGINAL]
    subprocess.run([*python, "pip", "install", "--quiet", *wanted], check=True)


if __name__ == "__main__":
    bootstrap(sys.argv[1:])
