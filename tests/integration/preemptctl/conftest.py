# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line on a real Temporal server, with a workflow id and a task queue of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.preemptctl import Preemptctl
from support.temporal import TemporalServer


@pytest.fixture
def preemptctl(tmp_path: Path, temporal: TemporalServer, task_queue: str) -> Preemptctl:
    """Finds the server and the task queue by the variables that a worker has, too."""
    return Preemptctl(tmp_path, {"TEMPORAL_URL": temporal.address, "TEMPORAL_TASKQUEUE": task_queue})
