# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics of runs. The meter of a workflow does not count again when a history is replayed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core.records.outcome import RunRecord

RUNS = "preemption_runs"
VICTIMS = "preemption_victims"
RUN_SECONDS = "preemption_run_seconds"


def count_run(record: RunRecord, took: timedelta) -> None:
    """Count a finished run: its outcome, its victims by method and outcome, and its duration."""
    meter = workflow.metric_meter()
    outcome = {"outcome": record.outcome.value}
    meter.create_counter(RUNS, "Finished preemption runs by outcome.").add(1, outcome)
    victims = meter.create_counter(VICTIMS, "Victims by method and outcome.")
    by_kind = Counter((victim.method.value, victim.outcome.value) for victim in record.victims)
    for (method, end), number in by_kind.items():
        victims.add(number, {"method": method, "outcome": end})
    seconds = meter.create_histogram_float(RUN_SECONDS, "Time from start to end of a run.")
    seconds.record(took.total_seconds(), outcome)
