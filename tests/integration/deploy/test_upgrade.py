# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A newer worker takes over, also in the middle of a run; and one that is no good never does."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.dispatcher import Dispatcher, a_request
from support.govc import Govc
from support.ports import LOOPBACK, free_port
from support.sink import Sink
from support.vcenter_faults import Swallow
from support.vcenter_proxy import VCenterProxy
from support.vcsim import WORKER_USER, VCSim
from support.waiting import wait_until

from .conftest import Host

# The first of them fetches and installs packages.
pytestmark = [pytest.mark.timeout(600), pytest.mark.long]
TAGGED = {f"DC0_C0_RP0_VM{number}" for number in range(5)}
WORKER = "roles/worker/files/vsphere_preemption_worker"
LIFECYCLE = f"{WORKER}/service/lifecycle.py"


@pytest.fixture
def tagged(vcsim: VCSim) -> VCSim:
    vcsim.tag_machines(sorted(TAGGED))
    return vcsim


def test_a_run_in_progress_is_finished_by_the_newer_worker_and_nothing_is_done_twice(
    host: Host, tagged: VCSim, vcenter_proxy: VCenterProxy, govc: Govc, dispatcher: Dispatcher, sink: Sink
) -> None:
    settings = {"grace_seconds": 30, "reply_to_allow": [LOOPBACK]}
    first = host.deploy(**settings)
    # No guest does anything, so they all are still on when the newer worker comes; it asks none of them again.
    vcenter_proxy.on("ShutdownGuest", Swallow(), times=None)
    request = a_request("MEDIUM", replyTo=sink.url)
    witness = tagged.witness()
    with witness.watching_shutdowns() as shutdowns:
        dispatcher.send(request)
        wait_until(lambda: vcenter_proxy.calls.counts()["ShutdownGuest"], 30, "5 guests asked", until=lambda n: n == 5)
        host.other_release("newer", LIFECYCLE, "worker is polling", "newer worker is polling")
        assert govc.powered_on() >= TAGGED
        done = host.deploy(**settings)
        record = dispatcher.outcome_of(request["event"]["id"], seconds=90)
        assert shutdowns.methods(WORKER_USER) == {govc.machine(name).ref: "hard" for name in TAGGED}
        assert vcenter_proxy.calls.counts()["ShutdownGuest"] == len(TAGGED)
    witness.close()
    assert (done.result["action"], done.result["previous_release"]) == ("restarted", first.result["release"])
    assert "newer worker is polling" in host.log()
    assert record["outcome"] == "done"
    assert sorted(victim["name"] for victim in record["victims"] if victim["outcome"] == "stopped") == sorted(TAGGED)
    assert not TAGGED & govc.powered_on()
    assert {mark["event"]["id"] for mark in govc.marks().values()} == {request["event"]["id"]}
    assert len({event["id"] for event in sink.events()}) == len(sink.wait_for(1)) == 1
    assert len(host.processes()) == 1


def test_a_release_that_cannot_even_be_loaded_is_never_switched_to(host: Host) -> None:
    host.deploy()
    pid = host.pid()
    host.other_release("broken", LIFECYCLE, "class Service:", "class Service: (")
    failed = host.run()
    assert failed.error_code == "release_unusable"
    assert "SyntaxError" in failed.result["msg"]
    assert host.processes() == [pid]


@pytest.mark.usefixtures("tagged")
def test_a_release_that_does_not_get_ready_is_rolled_back(host: Host, govc: Govc, dispatcher: Dispatcher) -> None:
    good = host.deploy(max_vms=2)
    host.other_release("broken", LIFECYCLE, "self._polling = True", "raise RuntimeError('out of order')")
    failed = host.run(max_vms=3)
    assert (failed.error_code, failed.result["rolled_back"]) == ("worker_not_ready", True)
    assert f"Rolled back to release {good.result['release']}" in failed.result["msg"]
    assert "out of order" in "".join(failed.result["log"])
    assert len(host.processes()) == 1
    assert len(dispatcher.run(a_request("HIGH"))["victims"]) == 2
    host.ansible.use(host.collection)
    assert not host.deploy(max_vms=2).changed


def test_settings_that_cannot_work_are_rolled_back_with_the_reason(host: Host) -> None:
    host.deploy()
    environment = Path(host.root / "instances" / "default" / "worker.env").read_text()
    nobody = f"https://{LOOPBACK}:{free_port()}"
    failed = host.run(vcenter_url=nobody, ready_timeout=20)
    assert failed.error_code == "worker_not_ready"
    assert "vcenter: " in failed.result["msg"]
    assert failed.result["rolled_back"]
    assert (host.root / "instances" / "default" / "worker.env").read_text() == environment
    assert not host.deploy().changed
    wrong = host.run(environment={"PREEMPTION_VCENTER_CALLS": "none"})
    assert "it exited" in wrong.result["msg"]
    assert "PREEMPTION_VCENTER_CALLS" in wrong.result["msg"]
    assert not host.deploy().changed


def test_a_first_deployment_that_fails_leaves_no_worker(host: Host) -> None:
    failed = host.run(vcenter_url=f"https://{LOOPBACK}:{free_port()}", ready_timeout=3)
    assert "Rolled back to no worker" in failed.result["msg"]
    assert host.processes() == []
    assert not (host.root / "instances" / "default").exists()
    assert host.remove().changed
    assert not host.root.exists()


def test_who_fired_the_power_off_is_the_account_that_was_deployed(
    host: Host, tagged: VCSim, govc: Govc, dispatcher: Dispatcher
) -> None:
    host.deploy()
    witness = tagged.witness()
    with witness.watching_shutdowns() as shutdowns:
        dispatcher.run(a_request("HIGH"))
        assert set(shutdowns.methods(WORKER_USER)) == {govc.machine(name).ref for name in TAGGED}
    witness.close()
