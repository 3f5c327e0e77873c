# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m demo up` shows the demonstration, `python -m demo down` ends it."""

from __future__ import annotations

import argparse
import sys

from support.paths import ToolMissing
from support.processes import ProcessFailed
from support.waiting import WaitedInVain

from .play import PlayFailed
from .progress import Progress
from .show import NothingHappened, show
from .stage import FOLDER, clear_the_stage

LAST_LINES = 12

# What a person can do something about; anything else is a defect and keeps its traceback.
EXPECTED = (ToolMissing, ProcessFailed, WaitedInVain, PlayFailed, NothingHappened)


def main() -> int:
    """The exit code of the command."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    return up() if parser.parse_args().command == "up" else down()


def up() -> int:
    """Show it. When it fails, everything that it started is stopped again."""
    done = False
    try:
        show(Progress())
        done = True
    except EXPECTED as error:
        print(f"\nThe demonstration failed: {error}\n{_last_words()}Logs are in {FOLDER}.", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nInterrupted; stopping what was started.", file=sys.stderr)
    finally:
        if not done:
            clear_the_stage()
    return 0 if done else 1


def _last_words() -> str:
    """The end of the worker's log: most failures show there, and the next demonstration removes it."""
    log = FOLDER / "worker" / "worker.log"
    if not log.exists():
        return ""
    lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
    return "\n".join(["The worker's last lines:", *(f"  {line}" for line in lines), ""])


def down() -> int:
    """Stop it."""
    stopped = clear_the_stage()
    print(f"Stopped {', '.join(stopped)}." if stopped else "No demonstration is running.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
