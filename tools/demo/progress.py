# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress output of the demo: one line for each step, with the elapsed time."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TextIO


class Progress:
    """Lines such as `[  3.2 s] Starting vCenter (24 VMs) … done in 0.6 s`."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._began = time.monotonic()

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Print a step before it begins, and how long it took."""
        started = time.monotonic()
        self._write(f"[{started - self._began:5.1f} s] {what} … ")
        try:
            yield
        except BaseException:
            self._write("failed\n")
            raise
        self._write(f"done in {time.monotonic() - started:.1f} s\n")

    def say(self, text: str = "") -> None:
        """Print a line as it is."""
        self._write(text + "\n")

    def headline(self, text: str) -> None:
        """Print a section heading."""
        self._write(f"\n{text}\n{'─' * len(text)}\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
