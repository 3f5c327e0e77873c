# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch over alarms, and all that can go wrong: each change is acted on once, or its skip is on record."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.alarms import AlarmDesk
from support.dispatcher import Dispatcher, Record
from support.govc import Govc
from support.temporal import TemporalServer
from support.vcenter_faults import Cut, Run
from support.vcenter_proxy import VCenterProxy
from support.vcsim import WORKER_USER, VCSim
from support.waiting import wait_until
from support.worker import WorkerProcess
from vsphere_preemption.core.inventory import ManagedObject

from .conftest import TAGGED

ALARM = "Host memory"
FILE = """\
version: 1
policies:
  - {name: only, rerun_window: 0s}
alarms:
  - {name: memory, alarms: [Host memory], tag: preemptible}
"""


@dataclass
class Watched:
    """A vCenter with an alarm behind a proxy, and the workers that watch it."""

    proxy: VCenterProxy
    desk: AlarmDesk
    govc: Govc
    dispatcher: Dispatcher
    host: ManagedObject
    cluster: ManagedObject
    start: Callable[[], WorkerProcess]
    alarm: ManagedObject = field(init=False)
    workers: list[WorkerProcess] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.alarm = self.desk.define(ALARM, "HostSystem")

    def watching(self) -> WorkerProcess:
        """One more worker; once somebody watches."""
        self.workers.append(self.start())
        wait_until(lambda: self.told("watching alarms"), 30, "somebody watches")
        return self.workers[-1]

    def told(self, message: str) -> int:
        """How often the logs of all workers say so."""
        return sum(worker.log_text().count(f'msg="{message}"') for worker in self.workers)

    def paint(self, colour: str) -> None:
        self.desk.paint(ALARM, self.host, colour)

    def tell(self, before: str, after: str) -> None:
        self.desk.tell(ALARM, self.alarm, self.host, (before, after), place=self.cluster)

    def runs(self, count: int) -> list[Record]:
        """The runs so far, once there are so many; and no more within a few looks."""
        wait_until(lambda: _done(self.dispatcher) >= count, 60, f"{count} runs")
        time.sleep(3)
        runs = self.dispatcher.runs()
        assert len(runs) == count, [run["event"]["id"] for run in runs]
        return runs

    def all_on(self) -> None:
        self.desk.witness.power_on([self.govc.machine(name).ref for name in TAGGED])


def _done(dispatcher: Dispatcher) -> int:
    with contextlib.suppress(Exception):
        return len(dispatcher.runs())
    return 0


@pytest.fixture
def watched(
    vcsim: VCSim,
    vcenter_proxy: VCenterProxy,
    govc: Govc,
    temporal: TemporalServer,
    task_queue: str,
    start_worker: Callable[..., WorkerProcess],
    tmp_path: Path,
) -> Iterator[Watched]:
    vcsim.tag_machines(TAGGED)
    policy = tmp_path / "policy.yml"
    policy.write_text(FILE)
    host, cluster = (
        ManagedObject(*govc.run("find", "-i", f"/DC0/host/{path}", "-maxdepth", "0").strip().split(":", 1))
        for path in ("DC0_C0/DC0_C0_H0", "DC0_C0")
    )
    workflow_id = f"alarm/{task_queue}/{ALARM}/{cluster.value}"
    dispatcher = Dispatcher(temporal, workflow_id=workflow_id, task_queue=task_queue)
    with contextlib.closing(vcsim.witness()) as witness, contextlib.closing(dispatcher):
        yield Watched(
            vcenter_proxy,
            AlarmDesk(witness),
            govc,
            dispatcher,
            host,
            cluster,
            lambda: start_worker(vcenter_proxy.client_environment(), {"PREEMPTION_POLICY_FILE": str(policy)}),
        )


def test_an_alarm_that_was_raised_while_vcenter_was_away_is_seen_once(watched: Watched) -> None:
    watched.watching()
    watched.proxy.close()
    watched.paint("red")
    wait_until(lambda: watched.told("cannot watch alarms"), 20, "the worker noticed")
    watched.proxy.start()
    watched.runs(1)


def test_a_vcenter_that_restarts_asks_for_nothing_again(watched: Watched) -> None:
    watched.watching()
    watched.paint("red")
    watched.runs(1)
    watched.all_on()
    watched.proxy.restart_vcenter(down_seconds=2, end_sessions_of=WORKER_USER)
    wait_until(lambda: watched.told("watching alarms") >= 2, 30, "alarms are watched again")
    watched.runs(1)


@pytest.mark.parametrize("after", [False, True], ids=["before vCenter had the question", "before we had the answer"])
def test_a_connection_that_is_cut_in_mid_look_loses_nothing(watched: Watched, after: bool) -> None:
    watched.watching()
    cut = watched.proxy.on("RetrievePropertiesEx", Cut(after_forwarding=after), times=3)
    watched.tell("green", "red")
    watched.runs(1)
    assert cut.used >= 1


@pytest.mark.parametrize(
    ("call", "skip"), [("RetrievePropertiesEx", 1), ("SetField", 0)], ids=["before it asked", "after it asked"]
)
def test_a_worker_that_is_killed_around_its_asking_is_replaced_and_asks_once(
    watched: Watched, call: str, skip: int
) -> None:
    first = watched.watching()
    kill = watched.proxy.on(
        call, Run(lambda: os.kill(first.process.pid, signal.SIGKILL), after_forwarding=True), skip=skip
    )
    watched.paint("red")
    first.wait_ended()
    assert kill.used == 1
    watched.watching()
    watched.runs(1)
    assert all(state == "poweredOff" for name, state in watched.govc.power_states().items() if name in TAGGED)


def test_of_two_workers_one_acts(watched: Watched) -> None:
    watched.watching()
    watched.watching()
    for number in range(3):
        watched.paint("red")
        watched.runs(number + 1)
        watched.paint("green")
        wait_until(lambda seen=number: watched.told("alarm is cleared") > seen, 20, "green was seen")  # type: ignore[misc]
        watched.all_on()
    assert watched.told("alarm requests a preemption") == 3


def test_a_leader_that_leaves_in_good_order_hands_on_what_it_knows(watched: Watched) -> None:
    first = watched.watching()
    watched.paint("red")
    watched.runs(1)
    watched.all_on()
    first.stop()
    watched.watching()
    wait_until(lambda: watched.told("watching alarms") == 2, 30, "the other one watches")
    watched.runs(1)
    assert watched.told("alarm requests a preemption") == 1


def test_a_storm_of_a_thousand_changes_is_one_run_and_every_change_is_accounted_for(watched: Watched) -> None:
    worker = watched.watching()
    for _number in range(500):
        watched.tell("green", "red")
        watched.tell("red", "green")
    watched.tell("green", "red")
    # What was not asked for was over before anybody looked. No change is missing, and none is there twice.
    asked, skipped = "alarm requests a preemption", "alarm change needs no action"
    wait_until(lambda: watched.told(asked) + watched.told(skipped), 60, "all changes", until=lambda seen: seen >= 501)
    time.sleep(3)
    assert watched.told(asked) + watched.told(skipped) == 501
    assert sum(watched.dispatcher.counts().values()) == watched.told(asked)
    assert worker.is_alive()


def test_red_before_green_in_the_log_counts_as_it_happened(watched: Watched) -> None:
    watched.watching()
    watched.tell("red", "green")
    watched.tell("green", "red")
    watched.runs(1)


def test_a_truncated_event_log_hides_nothing_that_fires(watched: Watched, vcsim: VCSim) -> None:
    watched.watching()
    watched.proxy.close()
    watched.paint("red")
    # vcsim keeps a thousand events; the change itself is not among them any more.
    for _number in range(1100):
        watched.desk.tell("Another alarm", watched.alarm, watched.host, ("green", "yellow"), place=watched.cluster)
    watched.proxy.start()
    watched.runs(1)
