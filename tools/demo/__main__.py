# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m demo up` runs the demo, `python -m demo down` stops it and removes everything it created."""

from __future__ import annotations

import argparse
import sys

from support.paths import ToolMissing
from support.processes import ProcessFailed
from support.waiting import WaitedInVain

from .play import PlayFailed, uninstall
from .progress import Progress
from .show import NothingHappened, show
from .site import SITE
from .stage import FOLDER, INSTANCE, clear_the_stage, on_stage

LAST_LINES = 12
NEEDED_TO_UNINSTALL = {"temporal", "vcsim", "worker"}

# Failures that a user can fix; anything else is a defect and keeps its traceback.
EXPECTED = (ToolMissing, ProcessFailed, WaitedInVain, PlayFailed, NothingHappened)


def main() -> int:
    """The exit code of the command."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    return up() if parser.parse_args().command == "up" else down()


def up() -> int:
    """Run the demo. If it fails, everything that it started is stopped again."""
    done = False
    try:
        show(Progress())
        done = True
    except EXPECTED as error:
        print(f"\nThe demo failed: {error}\n{_last_words()}Logs are in {FOLDER}.", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nInterrupted; stopping what was started.", file=sys.stderr)
    finally:
        if not done:
            clear_the_stage()
    return 0 if done else 1


def _last_words() -> str:
    """The last lines of the worker's log: most failures show there, and the next demo removes it."""
    log = INSTANCE / "worker.log"
    if not log.exists():
        return ""
    lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
    return "\n".join(["Last lines of the worker's log:", *(f"  {line}" for line in lines), ""])


def down() -> int:
    """Uninstall the deployment and stop the servers; they are stopped even if uninstalling fails."""
    code = 0
    if {entry.name for entry in on_stage()} >= NEEDED_TO_UNINSTALL:
        try:
            uninstall(SITE)
        except PlayFailed as error:
            print(f"Uninstall failed: {error}", file=sys.stderr)
            code = 1
    stopped = clear_the_stage()
    print(f"Stopped {', '.join(stopped)}." if stopped else "No demo is running.")
    return code


if __name__ == "__main__":
    sys.exit(main())
