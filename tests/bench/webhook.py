# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m bench.webhook`: hostile requests by the ten thousand, accepted ones, and kills right after an answer.

A worker as it is deployed, with a token. It has to go on serving good events, its memory has to stay flat, also where
each event opens a workflow of its own, and what it answered with 202 has to have an outcome, although it is killed with
the first answer. Ends with 1 where that is not so.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.hook_stage import ALARM, TOKEN, HookStage, hook_stage
from support.hostile import Hostility, Tally, storm
from support.temporal import TemporalServer
from support.vcsim import Model, VCSim

WARM_UP = 10_000
GROWTH_MIB = 15.0
PARTS = 5
# The workflow remembers so many outcomes, less some room.
ASKED_AT_ONCE = 150
SENDERS = 16
# Clusters that vCenter does not have: an event of one opens a workflow, and a run that fails.
FIRST_FOREIGN = 100_000


def main() -> int:
    """Run both parts, and print the figures."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ending:
        temporal = TemporalServer(Path(folder) / "temporal").start()
        ending.callback(temporal.stop)
        vcsim = VCSim(Path(folder) / "vcsim", model=Model(clusters=2, hosts=2, machines=5)).start()
        ending.callback(vcsim.stop)
        vcsim.tag_machines([f"DC0_C0_RP0_VM{number}" for number in range(3)])
        parts = (_hostile, _accepted, _kills)
        held = [part(Path(folder), temporal, vcsim, options) for part in parts]
    return 0 if all(held) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.webhook", description=__doc__)
    parser.add_argument("--requests", type=int, default=50_000, help="hostile requests (default 50,000)")
    parser.add_argument("--accepted", type=int, default=1000, help="accepted events of each kind (default 1,000)")
    parser.add_argument("--kills", type=int, default=30, help="kills after an answer (default 30)")
    parser.add_argument("--seed", type=int, default=1, help="of the hostile requests (default 1)")
    return parser.parse_args()


def _hostile(folder: Path, temporal: TemporalServer, vcsim: VCSim, options: argparse.Namespace) -> bool:
    if not options.requests:
        return True
    with hook_stage(_made(folder / "hostile"), temporal, vcsim, name="hostile") as hook:
        hostility = Hostility(options.seed, alarm=ALARM, cluster=hook.cluster, token=TOKEN, bad_alarm="Another")
        print(f"resident when it is ready: {hook.worker.process.resident_mib():.1f} MiB", flush=True)
        _storm(hook, hostility, WARM_UP, "warm-up")
        before, began = hook.worker.process.resident_mib(), time.monotonic()
        tally, sizes = Tally(), [before]
        for part in range(PARTS):
            more = _storm(hook, hostility, options.requests // PARTS, f"good-{part}")
            tally.add(more)
            sizes.append(hook.worker.process.resident_mib())
        took, after = time.monotonic() - began, sizes[-1]
        still = hook.post("after-all").status
        statuses = ", ".join(f"{status or 'none'}: {count}" for status, count in sorted(tally.answers.items()))
        print(f"{options.requests} hostile requests in {took:.0f} s; answers: {statuses}", flush=True)
        print(
            f"good events among them: {len(tally.taken)} taken, {len(tally.lost)} lost,"
            f" the slowest in {tally.slowest_good:.2f} s; one more afterwards: {still}"
        )
        print(
            f"resident after {WARM_UP} to warm up, and after each of {PARTS} parts:"
            f" {', '.join(f'{size:.1f}' for size in sizes)} MiB;"
            f" most: {hook.worker.process.peak_resident_mib():.1f} MiB",
            flush=True,
        )
    return not tally.lost and 500 not in tally.answers and still == 202 and after - before < GROWTH_MIB


def _storm(hook: HookStage, hostility: Hostility, count: int, name: str) -> Tally:
    return asyncio.run(storm(hook.send.port, hostility, count, name=name))


def _accepted(folder: Path, temporal: TemporalServer, vcsim: VCSim, options: argparse.Namespace) -> bool:
    """Events that are taken: first of one cluster, then each of another, so that it gets a workflow of its own."""
    if not options.accepted:
        return True
    with hook_stage(_made(folder / "accepted"), temporal, vcsim, name="accepted") as hook:
        sizes = [hook.worker.process.resident_mib()]
        _accept(hook, "one", [hook.cluster] * options.accepted)
        sizes.append(hook.worker.process.resident_mib())
        for part in range(PARTS):
            numbers = range(part * options.accepted, (part + 1) * options.accepted)
            _accept(hook, "many", [f"domain-c{FIRST_FOREIGN + number}" for number in numbers])
            sizes.append(hook.worker.process.resident_mib())
    print(
        f"resident when ready, after {options.accepted} events of one cluster, and {PARTS} times after as many more,"
        f" each of another cluster: {', '.join(f'{size:.1f}' for size in sizes)} MiB",
        flush=True,
    )
    # The first part of them fills the worker's cache of workflows, the second what belongs to it.
    return sizes[-1] - sizes[3] < GROWTH_MIB


def _accept(hook: HookStage, name: str, clusters: list[str]) -> None:
    with ThreadPoolExecutor(SENDERS) as pool:
        replies = pool.map(lambda item: hook.post(f"{name}-{item[1]}-{item[0]}", item[1]), enumerate(clusters))
        statuses = {reply.status for reply in replies}
    if statuses != {202}:
        raise RuntimeError(f"not all events were taken: {statuses}")


def _kills(folder: Path, temporal: TemporalServer, vcsim: VCSim, options: argparse.Namespace) -> bool:
    accepted, lost, waiting = 0, 0, list[str]()
    with hook_stage(_made(folder / "kills"), temporal, vcsim, name="kills") as hook:
        for number in range(options.kills):
            waiting += hook.kill_after_an_answer(f"kill-{number}")
            if len(waiting) > ASKED_AT_ONCE or number == options.kills - 1:
                with contextlib.suppress(AssertionError):
                    hook.wait_outcomes(waiting)
                accepted, lost = accepted + len(waiting), lost + len(hook.without_outcome(waiting))
                waiting.clear()
    print(f"{options.kills} kills: {accepted} events were accepted, {lost} of them have no outcome")
    return lost == 0


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    raise SystemExit(main())
