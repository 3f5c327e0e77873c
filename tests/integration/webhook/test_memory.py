# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events are many, memory is not: the worker keeps only so many workflows, and the others lose nothing."""

from __future__ import annotations

import contextlib
import re

from support.dispatcher import Dispatcher
from support.temporal import TemporalServer
from support.webhook import alarm_data, of_knative
from support.worker import WorkerProcess

from .conftest import MEMORY, Hook

# WORKFLOWS_KEPT of the worker (`service/lifecycle.py`).
KEPT = 100
OPENED = 130
# vCenter has none of these, so their runs end at once.
CLUSTERS = [f"domain-c{100_000 + number}" for number in range(OPENED)]


def metric(worker: WorkerProcess, name: str) -> int:
    found = re.search(rf"^{name}\{{.*\}} (\d+)", worker.metrics(), re.MULTILINE)
    return int(found[1]) if found else 0


def test_a_worker_keeps_a_hundred_workflows_and_finds_the_others_again(
    hook: Hook, temporal: TemporalServer, task_queue: str
) -> None:
    hooked = hook(PREEMPTION_WEBHOOK_PER_SECOND="1000")
    for cluster in CLUSTERS:
        assert hooked.send.post(of_knative(cluster, alarm_data(MEMORY, cluster))).status == 202
    for cluster in (CLUSTERS[-1], CLUSTERS[0]):
        workflow_id = f"alarm/{task_queue}/{MEMORY}/{cluster}"
        with contextlib.closing(Dispatcher(temporal, workflow_id=workflow_id, task_queue=task_queue)) as dispatcher:
            dispatcher.wait_counts(failed=1)
    assert 0 < metric(hooked.worker, "temporal_sticky_cache_size") <= KEPT
