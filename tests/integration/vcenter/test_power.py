# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that stop VMs: made once, refused by name, and told from vCenter's own record."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from support.govc import Govc
from support.vcenter_faults import NO_PERMISSION, TASK_IN_PROGRESS, TOOLS_UNAVAILABLE, Cut, Fault, Hang, Run
from support.vcenter_proxy import VCenterProxy
from support.vcsim import WITNESS_USER, WORKER_USER, VCSim
from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.errors import (
    VCenterFault,
    VCenterObjectGone,
    VCenterPermissionDenied,
    VCenterTimeout,
    VCenterUnreachable,
)
from vsphere_preemption.core.inventory import ManagedObject, PowerState
from vsphere_preemption.core.sending import CallWithdrawn

from .conftest import TAGGED, Clients

Refs = list[ManagedObject]
LONG_AGO = timedelta(minutes=5)


def test_a_power_off_is_a_task_and_the_vm_goes_off(vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcsim)
    client.check()
    clients.calls()
    assert client.power_off(refs[0]).type == "Task"
    assert clients.calls() == ["PowerOffVM_Task"]
    assert TAGGED[0] not in govc.powered_on()


def test_a_guest_shuts_down_softly(vcsim: VCSim, refs: Refs, clients: Clients) -> None:
    with contextlib.closing(vcsim.witness()) as witness, witness.watching_shutdowns() as watch:
        clients.open(vcsim).shut_down_guest(refs[0])
        assert watch.methods(WORKER_USER) == {refs[0].value: "soft"}


@pytest.mark.parametrize(
    ("answer", "fault", "retryable"),
    [
        pytest.param(TOOLS_UNAVAILABLE, "ToolsUnavailable", False, id="no tools"),
        pytest.param(TASK_IN_PROGRESS, "TaskInProgress", True, id="busy"),
        pytest.param(Fault("SystemError", detail="<reason>vpxd</reason>"), "SystemError", True, id="system error"),
    ],
)
@pytest.mark.parametrize("call", ["PowerOffVM_Task", "ShutdownGuest"])
def test_a_refusal_has_the_name_of_the_fault(
    vcenter_proxy: VCenterProxy, refs: Refs, clients: Clients, call: str, answer: Fault, fault: str, retryable: bool
) -> None:
    client = clients.open(vcenter_proxy)
    vcenter_proxy.on(call, answer)
    with pytest.raises(VCenterFault, match=fault) as caught:
        (client.power_off if call == "PowerOffVM_Task" else client.shut_down_guest)(refs[0])
    assert (caught.value.fault, caught.value.retryable) == (fault, retryable)
    assert vcenter_proxy.calls.count(call) == 1


def test_faults_of_vcenter_itself_are_read(vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcsim)
    with contextlib.closing(vcsim.witness()) as witness:
        witness.disable_methods(refs[1].value, "PowerOffVMTask")
    with pytest.raises(VCenterFault) as caught:
        client.power_off(refs[1])
    assert caught.value.fault == "MethodDisabled"
    govc.power("off", TAGGED[0])
    with pytest.raises(VCenterFault) as caught:
        client.shut_down_guest(refs[0])
    assert caught.value.fault == "InvalidPowerState"
    with pytest.raises(VCenterObjectGone, match="vm-4711"):
        client.power_off(ManagedObject("VirtualMachine", "vm-4711"))


def test_a_missing_privilege_is_named(vcenter_proxy: VCenterProxy, refs: Refs, clients: Clients) -> None:
    vcenter_proxy.on("PowerOffVM_Task", NO_PERMISSION)
    with pytest.raises(VCenterPermissionDenied, match=r"VirtualMachine\.Interact\.PowerOff on Folder:group-d1"):
        clients.open(vcenter_proxy).power_off(refs[0])


@pytest.mark.parametrize("call", ["PowerOffVM_Task", "ShutdownGuest"])
def test_a_call_whose_answer_was_lost_is_not_made_again(
    vcenter_proxy: VCenterProxy, govc: Govc, refs: Refs, clients: Clients, call: str
) -> None:
    client = clients.open(vcenter_proxy)
    client.check()
    vcenter_proxy.on(call, Cut(after_forwarding=True))
    with pytest.raises(VCenterUnreachable, match="lost before the response"):
        (client.power_off if call == "PowerOffVM_Task" else client.shut_down_guest)(refs[0])
    assert vcenter_proxy.calls.count(call) == 1
    assert TAGGED[0] not in govc.powered_on()


def test_a_silent_vcenter_is_a_timeout(vcenter_proxy: VCenterProxy, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcenter_proxy, call_seconds=0.5)
    client.check()
    actions: dict[str, Callable[[], object]] = {
        "PowerOffVM_Task": lambda: client.power_off(refs[0]),
        "RetrievePropertiesEx": lambda: client.read(refs),
        "REST POST*list-attached-objects": lambda: client.tagged("preemptible"),
    }
    for pattern, act in actions.items():
        vcenter_proxy.on(pattern, Hang(2))
        with pytest.raises(VCenterTimeout) as caught:
            act()
        assert caught.value.retryable
        assert client.check()


def test_who_stopped_a_vm_is_in_vcenters_record(vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcsim)
    since = datetime.now(UTC) - LONG_AGO
    client.power_off(refs[0])
    client.shut_down_guest(refs[1])
    govc.power("off", TAGGED[2])
    assert client.who_stopped(refs, since) == {refs[0]: client.user, refs[1]: client.user, refs[2]: WITNESS_USER}
    assert client.who_stopped(refs[:1], since) == {refs[0]: WORKER_USER}
    assert client.who_stopped(refs, datetime.now(UTC) + LONG_AGO) == {}
    assert client.who_stopped([], since) == {}


def test_a_vm_that_runs_again_was_stopped_by_nobody(vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcsim)
    client.power_off(refs[0])
    govc.power("on", TAGGED[0])
    assert client.who_stopped(refs, datetime.now(UTC) - LONG_AGO) == {}


def test_how_a_vm_was_stopped_is_in_vcenters_record(vcsim: VCSim, govc: Govc, refs: Refs, clients: Clients) -> None:
    client = clients.open(vcsim)
    since = datetime.now(UTC) - LONG_AGO
    client.power_off(refs[0])
    client.shut_down_guest(refs[1])
    govc.power("off", TAGGED[2])
    stops = client.last_stops(refs, since)
    assert {vm: (stop.user, stop.method) for vm, stop in stops.items()} == {
        refs[0]: (WORKER_USER, StopMethod.HARD),
        refs[1]: (WORKER_USER, StopMethod.SOFT),
        refs[2]: (WITNESS_USER, StopMethod.HARD),
    }
    assert all(0 <= stop.seconds_ago < 30 for stop in stops.values())
    govc.power("on", TAGGED[0])
    assert refs[0] not in client.last_stops(refs, since)
    assert client.last_stops([], since) == {}


def test_a_guest_that_is_still_shutting_down_is_in_vcenters_record(vcsim: VCSim, refs: Refs, clients: Clients) -> None:
    vcsim.restart(delays_ms={"ShutdownGuest": 5000})
    client = clients.open(vcsim)
    client.shut_down_guest(refs[0])
    stop = client.last_stops(refs, datetime.now(UTC) - LONG_AGO)[refs[0]]
    assert (stop.user, stop.method) == (WORKER_USER, StopMethod.SOFT)
    assert client.read([refs[0]])[refs[0]].power_state is PowerState.ON


def test_looking_at_the_record_leaves_nothing_behind(vcsim: VCSim, refs: Refs, clients: Clients) -> None:
    """vCenter allows 32 event collectors only."""
    client = clients.open(vcsim)
    for _look in range(40):
        client.who_stopped(refs, datetime.now(UTC) - LONG_AGO)
    calls = clients.calls()
    assert calls.count("CreateCollectorForEvents") == calls.count("DestroyCollector") == 40


def withdrawn() -> None:
    raise CallWithdrawn


@pytest.mark.parametrize("call", ["power_off", "suspend", "shut_down_guest", "power_on", "write_mark"])
def test_a_call_that_is_withdrawn_reaches_no_vcenter(
    vcenter_proxy: VCenterProxy, govc: Govc, refs: Refs, clients: Clients, call: str
) -> None:
    client = clients.open(vcenter_proxy)
    client.ensure_attribute()
    before = len(vcenter_proxy.calls.all())
    with pytest.raises(CallWithdrawn):
        getattr(client, call)(refs[0], *(["a mark"] if call == "write_mark" else []), confirm=withdrawn)
    assert len(vcenter_proxy.calls.all()) == before
    assert client.read(refs)[refs[0]].mark is None
    assert TAGGED[0] in govc.powered_on()


def test_a_call_is_confirmed_after_it_has_waited_for_its_place(
    vcenter_proxy: VCenterProxy, govc: Govc, refs: Refs, clients: Clients
) -> None:
    client = clients.open(vcenter_proxy, calls=1)
    client.check()
    arrived, waiting, decided = threading.Event(), threading.Event(), threading.Event()

    def decide() -> None:
        arrived.set()
        assert waiting.wait(10)
        time.sleep(0.3)  # the second call gets as far as the place that the first one holds
        decided.set()

    def confirm() -> None:
        if decided.is_set():
            raise CallWithdrawn

    vcenter_proxy.on("PowerOffVM_Task", Run(decide))
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(client.power_off, refs[0])
        assert arrived.wait(10)
        second = threads.submit(client.power_off, refs[1], confirm)
        waiting.set()
        assert first.result().type == "Task"
        with pytest.raises(CallWithdrawn):
            second.result()
    assert TAGGED[1] in govc.powered_on()
