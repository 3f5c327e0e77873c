# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preemption_pause as users run it: a real Temporal server, and no worker, which it does not need."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from support.ansible import Ansible
from support.fixtures import StartWorker
from support.ports import LOOPBACK, free_port
from support.temporal import TemporalServer
from support.vcsim import VCSim
from support.waiting import wait_until
from vsphere_preemption.core import times
from vsphere_preemption.temporal.kill_switch import KillSwitch, read_kill_switch

PAUSE = "preemption_pause"


def test_check_do_check_again_do_again_and_back(nameless: Ansible, temporal: TemporalServer, task_queue: str) -> None:
    asked = {"reason": "migration", "by": "ops"}
    checked = nameless.module(PAUSE, asked, "--check", "--diff")
    assert checked.changed
    assert not stands(temporal, task_queue).paused
    done = nameless.module(PAUSE, asked, "--diff")
    assert done.changed
    seen = stands(temporal, task_queue)
    assert done.result["switch"] == {**seen.__dict__}
    assert (seen.paused, seen.reason, seen.by, seen.until) == (True, "migration", "ops", "")
    assert checked.result["switch"] == {**done.result["switch"], "since": ""}
    for flags in (["--check"], []):
        again = nameless.module(PAUSE, {**asked, "reason": "another"}, *flags)
        assert (again.changed, again.result["switch"]) == (False, done.result["switch"])
    assert nameless.module(PAUSE, {"state": "active"}, "--check").changed
    assert stands(temporal, task_queue).paused
    resumed = nameless.module(PAUSE, {"state": "active"})
    assert (resumed.changed, resumed.result["switch"]["paused"]) == (True, False)
    assert not stands(temporal, task_queue).paused
    for flags in (["--check"], []):
        assert not nameless.module(PAUSE, {"state": "active"}, *flags).changed


def test_the_difference_shows_both_sides(nameless: Ansible) -> None:
    # The command line shows the difference in its own way; only -vvv shows it as the module returned it.
    done = nameless.module(PAUSE, {"reason": "migration"}, "--diff", "-vvv")
    diff = done.result["diff"]
    assert (diff["before"]["paused"], diff["after"]["paused"]) == (False, True)
    assert diff["after"]["reason"] == "migration"
    assert diff["after"]["by"] == done.result["switch"]["by"] != ""
    assert "diff" not in nameless.module(PAUSE, {"state": "active"}, "-vvv").result


def test_a_pause_with_a_duration_ends_by_itself(nameless: Ansible, temporal: TemporalServer, task_queue: str) -> None:
    done = nameless.module(PAUSE, {"duration": 3})
    switch = done.result["switch"]
    lasts = times.from_wire(switch["until"]) - times.from_wire(switch["since"])
    assert timedelta(seconds=2) < lasts < timedelta(seconds=4)
    wait_until(lambda: stands(temporal, task_queue).paused, 15, "the end of the pause", until=lambda paused: not paused)


def test_no_duration_at_all_is_refused(nameless: Ansible) -> None:
    failed = nameless.module(PAUSE, {"duration": 0}, "--check")
    assert failed.error_code == "invalid_setting"
    assert "0 seconds" in failed.result["msg"]


def test_a_server_that_is_down_is_one_clear_line(nameless: Ansible) -> None:
    failed = nameless.module(PAUSE, {"temporal_address": f"{LOOPBACK}:{free_port()}"})
    assert failed.error_code == "temporal_unreachable"
    assert "\n" not in failed.result["msg"]


def test_while_it_is_paused_a_request_stops_nothing(
    nameless: Ansible, ansible: Ansible, vcsim: VCSim, start_worker: StartWorker
) -> None:
    vcsim.tag_machines(["DC0_C0_RP0_VM0"])
    start_worker(vcsim.client_environment())
    before = vcsim.govc().powered_on()
    nameless.module(PAUSE, {"reason": "migration", "by": "ops"})
    asked = ansible.module("preemption_signal", {"tag": "preemptible", "criticality": "HIGH"})
    assert (asked.changed, asked.result["outcome"]["reason"]) == (False, "paused")
    assert "ops" in asked.result["outcome"]["message"]
    assert vcsim.govc().powered_on() == before
    nameless.module(PAUSE, {"state": "active"})
    assert ansible.module("preemption_signal", {"tag": "preemptible", "criticality": "HIGH"}).changed


def stands(temporal: TemporalServer, task_queue: str) -> KillSwitch:
    async def look() -> KillSwitch:
        return await read_kill_switch(await temporal.client(), task_queue)

    return asyncio.run(look())
