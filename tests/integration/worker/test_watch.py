# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker watches vCenter's alarms by itself: what is stopped, how, and what happens when alarm is cleared."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from temporalio.service import RPCError

from support.alarms import AlarmDesk
from support.dispatcher import Dispatcher
from support.govc import Govc
from support.temporal import TemporalServer
from support.vcsim import VCSim
from support.waiting import wait_until
from support.worker import WorkerProcess
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.temporal.kill_switch import pause, resume

MEMORY = "Cluster memory"
HERE = [f"DC0_C0_RP0_VM{number}" for number in range(3)]
THERE = [f"DC0_C1_RP0_VM{number}" for number in range(2)]

StartWorker = Callable[..., WorkerProcess]
Watch = Callable[..., WorkerProcess]


@pytest.fixture
def desk(vcsim: VCSim) -> Iterator[AlarmDesk]:
    with contextlib.closing(vcsim.witness()) as witness:
        yield AlarmDesk(witness)


@pytest.fixture
def alarm(desk: AlarmDesk) -> ManagedObject:
    return desk.define(MEMORY, "HostSystem")


@pytest.fixture
def ref(govc: Govc) -> Callable[[str], ManagedObject]:
    """The reference of an object under DC0's hosts."""
    return lambda path: ManagedObject(
        *govc.run("find", "-i", f"/DC0/host/{path}", "-maxdepth", "0").strip().split(":", 1)
    )


@pytest.fixture
def cluster(ref: Callable[[str], ManagedObject]) -> ManagedObject:
    return ref("DC0_C0")


@pytest.fixture
def host(ref: Callable[[str], ManagedObject]) -> ManagedObject:
    return ref("DC0_C0/DC0_C0_H0")


@pytest.fixture
def watch(vcsim: VCSim, start_worker: StartWorker, tmp_path: Path) -> Watch:
    """Start a worker with one alarm rule; more of it, and what the policy says, as YAML."""

    def start(rule: str = "", policy: str = "", **settings: str) -> WorkerProcess:
        vcsim.tag_machines(HERE + THERE)
        file = tmp_path / "policy.yml"
        file.write_text(
            "version: 1\npolicies:\n"
            f"  - {{name: only, rerun_window: 0s{policy}}}\n"
            f"alarms:\n  - {{name: memory, alarms: ['*memory*'], tag: preemptible{rule}}}\n"
        )
        return start_worker(vcsim.client_environment(), {"PREEMPTION_POLICY_FILE": str(file), **settings})

    return start


@pytest.fixture
def of_alarm(temporal: TemporalServer, task_queue: str, cluster: ManagedObject) -> Iterator[Dispatcher]:
    """The workflow of this alarm in this cluster."""
    workflow_id = f"alarm/{task_queue}/{MEMORY}/{cluster.value}"
    with contextlib.closing(Dispatcher(temporal, workflow_id=workflow_id, task_queue=task_queue)) as dispatcher:
        yield dispatcher


def off(govc: Govc, names: list[str]) -> bool:
    states = govc.power_states()
    return all(states[name] == "poweredOff" for name in names)


def test_a_red_alarm_powers_off_vms_of_its_own_cluster(
    watch: Watch, desk: AlarmDesk, alarm: ManagedObject, host: ManagedObject, govc: Govc, of_alarm: Dispatcher
) -> None:
    watch()
    desk.paint(MEMORY, host, "red")
    wait_until(lambda: off(govc, HERE), seconds=20, what="the VMs of the cluster are off")
    of_alarm.wait_counts(done=1)
    (run,) = of_alarm.runs()
    assert {victim["method"] for victim in run["victims"]} == {"hard"}
    assert run["event"]["source"].endswith("/sdk")
    assert set(govc.powered_on()) >= set(THERE)
    assert govc.marks()[HERE[0]]["event"]["data"]["Alarm"]["Name"] == MEMORY


def test_yellow_is_soft_and_a_change_that_only_the_log_tells_counts_too(
    watch: Watch,
    desk: AlarmDesk,
    alarm: ManagedObject,
    cluster: ManagedObject,
    host: ManagedObject,
    govc: Govc,
    of_alarm: Dispatcher,
) -> None:
    worker = watch()
    wait_until(lambda: "watching alarms" in worker.log_text(), seconds=20, what="somebody watches")
    desk.tell(MEMORY, alarm, host, ("green", "yellow"), place=cluster)
    wait_until(lambda: off(govc, HERE), seconds=20, what="the VMs of the cluster are off")
    of_alarm.wait_counts(done=1)
    assert {victim["method"] for victim in of_alarm.runs()[0]["victims"]} == {"soft"}


def test_an_alarm_that_was_red_before_the_worker_came_is_seen(
    watch: Watch, desk: AlarmDesk, alarm: ManagedObject, host: ManagedObject, govc: Govc
) -> None:
    desk.paint(MEMORY, host, "red")
    watch()
    wait_until(lambda: off(govc, HERE), seconds=20, what="the VMs of the cluster are off")


def test_an_alarm_that_turned_red_while_preemption_was_paused_is_acted_on_when_it_is_resumed(
    watch: Watch,
    desk: AlarmDesk,
    alarm: ManagedObject,
    host: ManagedObject,
    govc: Govc,
    of_alarm: Dispatcher,
    task_queue: str,
) -> None:
    of_alarm.do(pause(of_alarm.client, task_queue, reason="maintenance", by="ada"))
    watch()
    desk.paint(MEMORY, host, "red")
    wait_until(lambda: is_answered(of_alarm), 20, "the request was skipped", until=bool)
    assert not off(govc, HERE)
    of_alarm.do(resume(of_alarm.client, task_queue, by="ada"))
    wait_until(lambda: off(govc, HERE), seconds=20, what="the VMs of the cluster are off")
    of_alarm.wait_counts(skipped=1, done=1)
    first, second = of_alarm.do(of_alarm.handle.query("requests"))["recent"]
    assert first["reason"] == "paused"
    assert second["event"]["id"] == f"{first['event']['id']}/2"


def is_answered(of_alarm: Dispatcher) -> bool:
    """Whether the request of the alarm has its first outcome."""
    try:
        return of_alarm.counts() == {"skipped": 1}
    except RPCError:
        return False  # the alarm has not been seen yet


def test_hosts_of_one_cluster_ask_once(
    watch: Watch,
    desk: AlarmDesk,
    alarm: ManagedObject,
    ref: Callable[[str], ManagedObject],
    govc: Govc,
    of_alarm: Dispatcher,
) -> None:
    worker = watch()
    for number in range(2):
        desk.paint(MEMORY, ref(f"DC0_C0/DC0_C0_H{number}"), "red")
    wait_until(lambda: off(govc, HERE), seconds=20, what="the VMs of the cluster are off")
    of_alarm.wait_counts(done=1)
    assert sum(of_alarm.counts().values()) == 1
    assert worker.log_text().count("alarm requests a preemption") == 1


def test_green_cancels_the_run_of_that_alarm_and_no_other_and_red_again_has_a_run(
    watch: Watch,
    desk: AlarmDesk,
    alarm: ManagedObject,
    host: ManagedObject,
    ref: Callable[[str], ManagedObject],
    of_alarm: Dispatcher,
) -> None:
    worker = watch(", when_green: cancel, criticality: {red: LOW}", ", mode: approve")
    other = ref("DC0_C1/DC0_C1_H0")
    for entity in (host, other):
        desk.paint(MEMORY, entity, "red")
    wait_until(lambda: worker.log_text().count("requests a preemption") == 2, seconds=20, what="both were asked for")
    desk.paint(MEMORY, host, "green")
    of_alarm.wait_counts(skipped=1)
    assert [run["reason"] for run in of_alarm.runs()] == ["cancelled"]
    assert worker.log_text().count("alarm is cleared") == 1
    desk.paint(MEMORY, host, "red")
    wait_until(lambda: worker.log_text().count("requests a preemption") == 3, seconds=20, what="it was asked for again")
    wait_until(lambda: of_alarm.do(of_alarm.handle.query("requests"))["atWork"], 20, "a run is active", until=bool)


def test_green_gives_the_vms_back_after_the_hold_time(
    watch: Watch, desk: AlarmDesk, alarm: ManagedObject, host: ManagedObject, govc: Govc, of_alarm: Dispatcher
) -> None:
    watch(", when_green: restore", ", restore: {hold: 3s, pause: 0s}")
    before = govc.powered_on()
    desk.paint(MEMORY, host, "red")
    wait_until(lambda: off(govc, HERE), seconds=20, what="the VMs of the cluster are off")
    of_alarm.wait_counts(done=1)
    desk.paint(MEMORY, host, "green")
    wait_until(lambda: govc.powered_on() == before, seconds=90, what="the VMs are on again")
    assert govc.marks()[HERE[0]]["phase"] == "restored"


def test_without_the_setting_nobody_watches(
    watch: Watch, desk: AlarmDesk, alarm: ManagedObject, host: ManagedObject, of_alarm: Dispatcher
) -> None:
    worker = watch(PREEMPTION_WATCH_ALARMS="false")
    desk.paint(MEMORY, host, "red")
    with pytest.raises(AssertionError):
        wait_until(lambda: "watching alarms" in worker.log_text(), seconds=3, what="somebody watches")
    with pytest.raises(RPCError, match="not found"):
        of_alarm.status()
