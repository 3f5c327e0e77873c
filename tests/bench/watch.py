# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m bench.watch`: from an alarm in vCenter to the first shutdown call, and what the idle watch costs.

With the default settings of the worker, on an inventory of 200 and one of 10,000 VMs. Alarms come at random moments, so
the second that may go by before the next look is in the figures. Ends with 1 where a bound is not held.
"""

from __future__ import annotations

import contextlib
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from support.alarms import AlarmDesk
from support.temporal import TemporalServer
from support.vcenter_proxy import VCenterProxy
from support.vcsim import WORKER_USER, VCSim
from support.waiting import wait_until
from support.worker import WorkerProcess
from vsphere_preemption.core.inventory import ManagedObject

from .models import model_folder

ROUNDS = 21
VICTIMS = 3
BOUND_SECONDS = 1.5
IDLE_SECONDS = 60.0
IDLE_CPU_PERCENT = 1.0
ALARM = "Host memory"
ENDINGS = ("VmStoppingEvent", "VmGuestShutdownEvent")
FILE = """\
version: 1
policies:
  - {name: only, rerun_window: 0s}
alarms:
  - {name: memory, alarms: [Host memory], tag: preemptible}
"""


@dataclass
class Stage:
    """A vCenter with three preemptible VMs, and a worker that watches it."""

    proxy: VCenterProxy
    desk: AlarmDesk
    worker: WorkerProcess
    victims: list[str]
    cluster: ManagedObject

    def tell(self, before: str, after: str) -> None:
        self.desk.tell(ALARM, ManagedObject("Alarm", "alarm-1"), self.cluster, (before, after))

    def seconds_to_first_call(self) -> float:
        """One alarm; all is as before afterwards."""
        with self.desk.witness.watching_shutdowns(ENDINGS) as shutdowns:
            told = time.time()
            self.tell("green", "red")
            wait_until(lambda: len(shutdowns.methods(WORKER_USER)) == VICTIMS, 30, "all victims are going down")
            first = min(event.at for event in shutdowns.events() if event.user == WORKER_USER)
        self.tell("red", "green")
        time.sleep(1.5)
        self.desk.witness.power_on(self.victims)
        return first - told

    def idle(self) -> tuple[float, float]:
        """Percent of a core that the worker uses, and calls to vCenter in a second, while nothing happens."""
        self.proxy.calls.clear()
        before, began = _cpu_seconds(self.worker.process.pid), time.monotonic()
        time.sleep(IDLE_SECONDS)
        took = time.monotonic() - began
        calls = sum(self.proxy.calls.counts().values())
        return 100 * (_cpu_seconds(self.worker.process.pid) - before) / took, calls / took


def main() -> int:
    """Measure both inventories, and print the figures."""
    held = True
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ending:
        temporal = TemporalServer(Path(folder) / "temporal").start()
        ending.callback(temporal.stop)
        for machines in (200, 10_000):
            with _stage(machines, temporal, Path(folder) / str(machines)) as stage:
                time.sleep(2)
                cpu, calls = stage.idle()
                took = sorted(_one(stage) for _round in range(ROUNDS))
            print(
                f"{machines} VMs: first call after {median(took):.2f} s (median of {ROUNDS};"
                f" {took[0]:.2f} to {took[-1]:.2f}); idle: {cpu:.2f} % of a core, {calls:.2f} calls a second",
                flush=True,
            )
            held = held and median(took) < BOUND_SECONDS and cpu < IDLE_CPU_PERCENT and calls <= 1.0
    return 0 if held else 1


def _one(stage: Stage) -> float:
    time.sleep(1 + random.random())
    return stage.seconds_to_first_call()


@contextlib.contextmanager
def _stage(machines: int, temporal: TemporalServer, folder: Path) -> Iterator[Stage]:
    vcsim = VCSim(folder / "vcsim", load=model_folder(machines)).start()
    with contextlib.closing(vcsim.witness()) as witness, contextlib.closing(VCenterProxy(vcsim).start()) as proxy:
        tag_id = vcsim.govc().create_tag("preemption", "preemptible")
        victims = sorted(ref for name, ref in witness.refs().items() if name.startswith("DC0_C0"))[:VICTIMS]
        witness.attach_tag(tag_id, victims)
        found = vcsim.govc().run("find", "-i", "/DC0/host/DC0_C0", "-maxdepth", "0").strip()
        policy = folder / "policy.yml"
        policy.write_text(FILE)
        worker = WorkerProcess(
            folder / "worker",
            temporal_address=temporal.address,
            vcenter=proxy.client_environment(),
            task_queue=f"bench-{machines}",
            settings={"PREEMPTION_POLICY_FILE": str(policy)},
        ).start()
        try:
            wait_until(lambda: "watching alarms" in worker.log_text(), 30, "the worker watches")
            yield Stage(proxy, AlarmDesk(witness), worker, victims, ManagedObject(*found.split(":", 1)))
        finally:
            worker.stop()
            vcsim.stop()


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    raise SystemExit(main())
