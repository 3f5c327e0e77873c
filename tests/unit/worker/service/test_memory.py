# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the process does with its memory; each in a process of its own, because the settings hold for all of it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from support.paths import WORKER_PYTHONPATH

# A large piece that comes and goes teaches the library to keep such pieces in its heaps. Small ones between them then
# keep it from giving anything back.
GIVEN_BACK = """
import sys
from pathlib import Path
from vsphere_preemption_worker.service.memory import share_heaps

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

if sys.argv[1] == "shared":
    share_heaps()
bytearray(20_000_000)
large, small = [], []
for _number in range(200):
    large.append(b"x" * 200_000 + bytes(1))
    small.append(b"y" * 2000 + bytes(1))
before = resident_mib()
large.clear()
print(before - resident_mib())
"""


def given_back_mib(how: str) -> float:
    argv = [sys.executable, "-c", GIVEN_BACK, how]
    environment = {**os.environ, "PYTHONPATH": WORKER_PYTHONPATH}
    return float(subprocess.run(argv, env=environment, capture_output=True, check=True, timeout=30).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries manage memory in their own way")
def test_large_pieces_are_given_back_although_small_ones_lie_between_them() -> None:
    assert given_back_mib("shared") > 30
    assert given_back_mib("as it is") < 10
