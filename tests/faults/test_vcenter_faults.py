# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vCenter fails, goes away or loses answers: the run still ends with the right state and an outcome on record."""

from __future__ import annotations

import pytest

from support.dispatcher import a_request
from support.vcenter_faults import NO_PERMISSION, TASK_IN_PROGRESS, TOOLS_UNAVAILABLE, Cut, Fault, Hang, Run, Swallow
from support.vcsim import WORKER_USER
from support.waiting import wait_until

from .conftest import TAGGED, Stage


def test_vcenter_restarted_between_runs(stage: Stage) -> None:
    first = stage.dispatcher.run(a_request())
    assert first["outcome"] == "done"
    stage.witness.power_on(stage.ref(name) for name in TAGGED)
    stage.proxy.restart_vcenter(down_seconds=1, end_sessions_of=WORKER_USER)
    second = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert second["outcome"] == "done"
    stage.assert_aftermath(second)


@pytest.mark.parametrize("call", ["RetrievePropertiesEx", "SetField", "PowerOffVM_Task", "WaitForUpdatesEx"])
def test_vcenter_restarted_during_a_run(stage: Stage, call: str) -> None:
    def restart() -> None:
        stage.proxy.restart_vcenter(down_seconds=2, end_sessions_of=WORKER_USER)

    restarting = stage.proxy.on(call, Run(restart), skip=1 if call == "SetField" else 0)
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert restarting.used == 1
    assert record["outcome"] == "done"
    assert stage.stopped_by_us() == set(TAGGED)
    stage.assert_aftermath(record)


def test_vcenter_that_lost_all_it_knew_is_asked_anew(stage: Stage) -> None:
    assert stage.dispatcher.run(a_request())["outcome"] == "done"
    stage.vcsim.restart()
    stage.vcsim.witness().power_on(stage.ref(name) for name in TAGGED)
    assert stage.dispatcher.run(a_request())["outcome"] == "done"
    assert set(TAGGED).isdisjoint(stage.govc.powered_on())


def test_a_connection_cut_after_a_power_off_was_accepted(stage: Stage) -> None:
    cut = stage.proxy.on("PowerOffVM_Task", Cut(after_forwarding=True), times=2)
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert cut.used == 2
    assert record["outcome"] == "done"
    assert stage.stopped_by_us() == set(TAGGED)
    stage.assert_aftermath(record)


def test_a_connection_cut_before_a_power_off_arrived(stage: Stage) -> None:
    stage.proxy.on("PowerOffVM_Task", Cut(), times=2)
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert record["outcome"] == "done"
    stage.assert_aftermath(record)


def test_a_mark_that_fails_twice_is_written_in_the_end(stage: Stage) -> None:
    failing = stage.proxy.on("SetField", Fault("SystemError"), times=2)
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert failing.used == 2
    assert record["outcome"] == "done"
    stage.assert_aftermath(record)


def test_a_vm_whose_mark_never_succeeds_is_not_stopped(stage: Stage) -> None:
    stage.proxy.on("SetField", Fault("SystemError"), times=None, vm=stage.ref(TAGGED[1]))
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert record["outcome"] == "partial"
    assert stage.stopped_by_us() == set(TAGGED) - {TAGGED[1]}
    stage.assert_aftermath(record)


def test_a_busy_vm_is_stopped_when_it_is_free(stage: Stage) -> None:
    stage.proxy.on("PowerOffVM_Task", TASK_IN_PROGRESS, times=2, vm=stage.ref(TAGGED[0]))
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert record["outcome"] == "done"
    stage.assert_aftermath(record)


def test_a_missing_privilege_is_on_record_for_its_vm_and_holds_up_no_other(stage: Stage) -> None:
    stage.proxy.on("PowerOffVM_Task", NO_PERMISSION, times=None, vm=stage.ref(TAGGED[2]))
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert record["outcome"] == "partial"
    [failed] = [victim for victim in record["victims"] if victim["outcome"] == "failed"]
    assert (failed["name"], failed["reason"]) == (TAGGED[2], "stop_refused")
    assert "VirtualMachine.Interact.PowerOff" in failed["message"]
    stage.assert_aftermath(record)


def test_a_call_without_an_answer_ends_at_its_time_limit(stage: Stage) -> None:
    stage.worker.restart_with({"PREEMPTION_VCENTER_TIMEOUT_SECONDS": "2"})
    stage.proxy.on("RetrievePropertiesEx", Hang(10))
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert record["outcome"] == "done"
    stage.assert_aftermath(record)


def test_low_leaves_a_guest_that_ignores_shutdown_alone(stage: Stage) -> None:
    stage.proxy.on("ShutdownGuest", Swallow(), times=None, vm=stage.ref(TAGGED[0]))
    record = stage.dispatcher.run(a_request("LOW", replyTo=stage.sink.url))
    assert record["outcome"] == "partial"
    assert stage.govc.power_states()[TAGGED[0]] == "poweredOn"
    assert set(stage.shutdowns.methods(WORKER_USER).values()) == {"soft"}
    assert stage.phases()[TAGGED[0]] == "failed"
    stage.assert_aftermath(record)


def test_medium_powers_such_a_guest_off_after_the_grace_period(stage: Stage) -> None:
    ignoring = stage.ref(TAGGED[0])
    stage.proxy.on("ShutdownGuest", Swallow(), times=None, vm=ignoring)
    record = stage.dispatcher.run(a_request("MEDIUM", replyTo=stage.sink.url))
    assert record["outcome"] == "done"
    methods = stage.shutdowns.methods(WORKER_USER)
    assert methods.pop(ignoring) == "hard"
    assert set(methods.values()) == {"soft"}
    [late] = [victim for victim in record["victims"] if victim["vm"]["Value"] == ignoring]
    assert (late["reason"], late["forced"]) == ("grace_period_over", True)
    stage.assert_aftermath(record)


@pytest.mark.parametrize(("criticality", "outcome"), [("LOW", "failed"), ("MEDIUM", "done")])
def test_guests_without_tools(stage: Stage, criticality: str, outcome: str) -> None:
    stage.proxy.on("ShutdownGuest", TOOLS_UNAVAILABLE, times=None)
    record = stage.dispatcher.run(a_request(criticality, replyTo=stage.sink.url))
    assert record["outcome"] == outcome
    stage.assert_aftermath(record)


def test_cancel_in_mid_run_ends_completed_with_everything_settled(stage: Stage) -> None:
    stage.proxy.on("ShutdownGuest", Swallow(), times=None, vm=stage.ref(TAGGED[0]))
    stage.worker.restart_with({"PREEMPTION_GRACE_SECONDS": "60"})
    stage.dispatcher.send(a_request("LOW", replyTo=stage.sink.url))
    stage.wait_for_calls("ShutdownGuest", 5)
    state = stage.dispatcher.cancel()
    assert stage.dispatcher.status().name == "COMPLETED"  # type: ignore[union-attr]
    [record] = stage.dispatcher.runs()
    assert (record["outcome"], record["reason"]) == ("partial", "cancelled")
    assert len(state["virtualMachines"]) == 4
    stage.assert_aftermath(record)


def test_cancel_before_anything_began_stops_nothing(stage: Stage) -> None:
    planning = stage.proxy.on("RetrievePropertiesEx", Hang(2))
    stage.dispatcher.send(a_request(replyTo=stage.sink.url))
    wait_until(lambda: planning.used, 5, "the planning to begin")
    stage.dispatcher.cancel()
    assert stage.stopped_by_us() == set()
    assert stage.govc.marks() == {}
