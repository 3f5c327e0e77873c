# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One deployment on a host at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .clock import Clock
from .errors import DeployInProgress
from .files import make_folder

LOCK = ".lock"


@contextmanager
def host_lock(root: Path, *, seconds: float, clock: Clock) -> Iterator[None]:
    """Hold the lock of the directory. Raises DeployInProgress if another deployment holds it for longer than that."""
    held: list[int] = []

    def take() -> bool:
        make_folder(root)
        number = os.open(root / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(number)
            return False
        if not _is_still(root / LOCK, number):
            # The deployment that held it has removed the directory in the meantime, including this file.
            os.close(number)
            return False
        held.append(number)
        return True

    if not clock.wait_until(take, seconds):
        raise DeployInProgress(
            f"Cannot deploy to {root}",
            why=f"another deployment has been running there for {seconds:g} seconds",
            next_step="Wait until it has finished, and try again.",
        )
    try:
        yield
    finally:
        os.close(held[0])


def _is_still(path: Path, number: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(number))
    except FileNotFoundError:
        return False
