# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory changes while a run is under way: what is not ours to stop any more is left alone."""

from __future__ import annotations

from support.dispatcher import a_request
from support.vcenter_faults import Run
from support.waiting import wait_until

from .conftest import TAGGED, Stage


def test_a_vm_deleted_after_planning_is_never_touched(stage: Stage) -> None:
    def delete() -> None:
        stage.govc.power("off", TAGGED[4])
        stage.govc.destroy(TAGGED[4])

    stage.proxy.on("RetrievePropertiesEx", Run(delete, after_forwarding=True))
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert record["outcome"] == "done"
    [spared] = [victim for victim in record["victims"] if victim["outcome"] == "spared"]
    assert spared["name"] == TAGGED[4]
    assert stage.stopped_by_us() == set(TAGGED[:4])


def test_a_vm_that_somebody_switches_off_first_is_not_claimed(stage: Stage) -> None:
    def switch_off() -> None:
        stage.govc.power("off", TAGGED[3])

    stage.proxy.on("SetField", Run(switch_off), vm=stage.ref(TAGGED[3]))
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert record["outcome"] == "done"
    assert stage.phases()[TAGGED[3]] == "failed"
    stage.assert_aftermath(record)


def test_a_tag_taken_off_after_planning_protects_its_vm(stage: Stage) -> None:
    def untag() -> None:
        stage.govc.detach_tag("preemption", "preemptible", stage.govc.path_of(TAGGED[0]))

    stage.proxy.on("RetrievePropertiesEx", Run(untag, after_forwarding=True))
    record = stage.dispatcher.run(a_request(replyTo=stage.sink.url))
    assert stage.govc.power_states()[TAGGED[0]] == "poweredOn"
    [spared] = [victim for victim in record["victims"] if victim["outcome"] == "spared"]
    assert (spared["name"], spared["reason"]) == (TAGGED[0], "tag_removed_or_vm_gone")
    stage.assert_aftermath(record)


def test_a_deleted_tag_fails_the_next_run_and_stops_nothing(stage: Stage) -> None:
    assert stage.dispatcher.run(a_request())["outcome"] == "done"
    stage.witness.power_on(stage.ref(name) for name in TAGGED)
    stage.govc.remove_tag("preemption", "preemptible")
    record = stage.dispatcher.run(a_request())
    assert (record["outcome"], record["reason"]) == ("failed", "plan_failed")
    assert "preemptible" in record["message"]
    assert set(TAGGED) <= stage.govc.powered_on()


def test_a_renamed_tag_is_not_the_tag_any_more(stage: Stage) -> None:
    assert stage.dispatcher.run(a_request())["outcome"] == "done"
    stage.witness.power_on(stage.ref(name) for name in TAGGED)
    stage.govc.rename_tag("preemption", "preemptible", "precious")
    record = stage.dispatcher.run(a_request())
    assert (record["outcome"], record["reason"]) == ("failed", "plan_failed")
    assert set(TAGGED) <= stage.govc.powered_on()


def test_a_tag_made_anew_is_found_again(stage: Stage) -> None:
    assert stage.dispatcher.run(a_request())["outcome"] == "done"
    stage.witness.power_on(stage.ref(name) for name in TAGGED)
    stage.govc.remove_tag("preemption", "preemptible")
    stage.vcsim.tag_machines(TAGGED[:2])
    record = stage.dispatcher.run(a_request())
    assert record["outcome"] == "done"
    wait_until(lambda: set(TAGGED[2:]) <= stage.govc.powered_on(), 5, "the others to be on")
    assert set(TAGGED[:2]).isdisjoint(stage.govc.powered_on())
