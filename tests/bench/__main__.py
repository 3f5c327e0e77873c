# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m bench`: how fast VMs go off, what that asks of vCenter, and what the worker needs."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from support.paths import CACHE
from support.temporal import TemporalServer
from support.vcsim import VCSim

from .models import model_folder
from .report import Results, ScenarioResult
from .scenarios import PLAN, PLANNED_MACHINES, SCENARIOS, START_UP, Scenario
from .stand import stand, start_up

FOLDER = CACHE / "bench"
RESULTS = FOLDER / "results.json"


class AlreadyRunning(RuntimeError):
    """Two benchmarks at once would measure each other, and use the same folders."""


def main() -> int:
    """Measure, write the JSON file and print the table."""
    options = _options()
    results = Results(rounds=options.rounds, load_at_start=os.getloadavg()[0])
    try:
        with _alone(), _temporal() as temporal:
            _measure_all(options, temporal, results)
    except AlreadyRunning as error:
        print(error, file=sys.stderr)
        return 1
    print(f"\n{results.as_text()}\nWritten to {options.output}")
    if options.markdown:
        print(f"\n{results.as_markdown()}")
    return 0


def _options() -> argparse.Namespace:
    keys = [START_UP, *(scenario.key for scenario in SCENARIOS), PLAN]
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds of each scenario (default 3)")
    parser.add_argument("--only", nargs="+", metavar="WHAT", choices=keys, default=keys, help=", ".join(keys))
    parser.add_argument("--output", type=Path, default=RESULTS, help=f"JSON file (default {RESULTS})")
    parser.add_argument("--markdown", action="store_true", help="print the table for docs/benchmarks.md as well")
    return parser.parse_args()


def _measure_all(options: argparse.Namespace, temporal: TemporalServer, results: Results) -> None:
    """Fill `results`; the file is written after each part, so that a failure of a later one costs nothing."""
    if START_UP in options.only:
        _measure_start_up(temporal, results)
    for scenario in SCENARIOS:
        if scenario.key in options.only:
            _say(f"{scenario.key}: {scenario.name} …")
            results.scenarios.append(asyncio.run(_measure(scenario, temporal, options.rounds)))
            _say("  " + "  ".join(results.scenarios[-1].as_line()[1:]))
            results.write(options.output)
    if PLAN in options.only:
        _measure_plan(temporal, results)
    results.write(options.output)


async def _measure(scenario: Scenario, temporal: TemporalServer, rounds: int) -> ScenarioResult:
    delayed = scenario.call_ms > 0
    with stand(scenario, temporal, _fresh("stand")) as ready:
        with ready.worker(through_proxy=delayed) as worker:
            first = await ready.round(worker)
            measured = [await ready.round(worker) for number in range(rounds)]
            if delayed:
                return ScenarioResult(scenario, first, measured, await ready.counted_round(worker))
        # Counting needs the proxy, whose fraction of a millisecond per call must not be in the times above.
        with ready.worker(through_proxy=True) as worker:
            await ready.round(worker)
            return ScenarioResult(scenario, first, measured, await ready.counted_round(worker))


def _measure_start_up(temporal: TemporalServer, results: Results) -> None:
    _say("Start of the worker …")
    folder = _fresh("start-up")
    vcsim = VCSim(folder / "vcsim", load=model_folder(10)).start()
    try:
        starts = [start_up(temporal, vcsim, folder / f"worker-{number}") for number in range(results.rounds)]
    finally:
        vcsim.stop()
    results.start_up_seconds = median(seconds for seconds, resident in starts)
    results.start_up_mib = median(resident for seconds, resident in starts)


def _measure_plan(temporal: TemporalServer, results: Results) -> None:
    _say(f"Plan for {PLANNED_MACHINES:,} VMs …")
    scenario = Scenario(PLAN, "planning alone", PLANNED_MACHINES, task_ms=0)

    async def measure() -> float:
        with stand(scenario, temporal, _fresh("stand")) as ready, ready.worker(through_proxy=False, max_vms=1):
            return await ready.plan_time()

    results.plan_machines, results.plan_seconds = PLANNED_MACHINES, asyncio.run(measure())


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning("Another benchmark is running in this checkout. Wait until it has ended.") from None
        yield


@contextlib.contextmanager
def _temporal() -> Iterator[TemporalServer]:
    server = TemporalServer(_fresh("temporal")).start()
    try:
        yield server
    finally:
        server.stop()


def _fresh(name: str) -> Path:
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
