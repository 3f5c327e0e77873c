# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vCenter proxy counts rightly, and breaks exactly the calls that it was told to break."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from support.certificates import CertificateAuthority
from support.vcenter_calls import Call, most_at_once
from support.vcenter_faults import NO_PERMISSION, TASK_IN_PROGRESS, TOOLS_UNAVAILABLE, Cut, Fault, Run, Status, Swallow
from support.vcenter_proxy import VCenterProxy
from support.vcsim import WITNESS_USER, VCSim
from support.waiting import wait_until
from support.witness import Witness, vim

CONNECTION_ERRORS = (OSError, http.client.HTTPException)


@pytest.fixture
def through_proxy(vcenter_proxy: VCenterProxy) -> Iterator[Witness]:
    with contextlib.closing(vcenter_proxy.witness()) as witness:
        yield witness


@pytest.fixture
def direct(vcsim: VCSim) -> Iterator[Witness]:
    with contextlib.closing(vcsim.witness()) as witness:
        yield witness


def a_running_vm(witness: Witness) -> str:
    return min(ref for ref, state in witness.power_states().items() if state == "poweredOn")


def test_the_proxy_counts_as_many_calls_as_vcenter_itself(
    vcenter_proxy: VCenterProxy, through_proxy: Witness, direct: Witness
) -> None:
    def counted_by_vcenter() -> int:
        return sum(int(session.callCount) for session in direct.sessions() if session.key == own_key)

    own_key = through_proxy.session_key()
    before, own_before = counted_by_vcenter(), vcenter_proxy.calls.count()
    # One after the other: vcsim's own counter loses calls of one session that come at the same time.
    for _call in range(50):
        through_proxy.now()
    assert vcenter_proxy.calls.count() - own_before == 50
    assert counted_by_vcenter() - before == 50


def test_no_call_of_many_at_once_is_missed(vcenter_proxy: VCenterProxy, through_proxy: Witness) -> None:
    vcenter_proxy.calls.clear()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: through_proxy.now(), range(400)))
    assert vcenter_proxy.calls.counts() == {"CurrentTime": 400}


def test_calls_are_counted_by_their_soap_method_or_rest_path(
    vcenter_proxy: VCenterProxy, through_proxy: Witness, vcsim: VCSim
) -> None:
    tag = vcsim.govc().create_tag("preemption", "preemptible")
    vm = a_running_vm(through_proxy)
    vcenter_proxy.calls.clear()
    through_proxy.vm(vm).PowerOffVM_Task()
    through_proxy.attach_tag(tag, [vm])
    assert vcenter_proxy.calls.counts() == {
        "PowerOffVM_Task": 1,
        "REST POST /rest/com/vmware/cis/session": 1,
        "REST POST /rest/com/vmware/cis/tagging/tag-association/{id}?~action=attach-tag-to-multiple-objects": 1,
    }
    assert vcenter_proxy.calls.count("REST*") == 2


def test_the_delay_is_added_to_each_call_and_concurrent_calls_are_seen(
    vcenter_proxy: VCenterProxy, through_proxy: Witness
) -> None:
    vcenter_proxy.delay_seconds = 0.02
    vcenter_proxy.calls.clear()
    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: through_proxy.now(), range(40)))
    took = time.monotonic() - started
    assert 0.2 <= took < 0.5
    assert vcenter_proxy.calls.most_at_once() == 4
    assert all(0.02 <= call.ended - call.started < 0.1 for call in vcenter_proxy.calls.all())


def test_touching_calls_do_not_count_as_concurrent() -> None:
    calls = [Call("A", start, start + 1, "forwarded", 200) for start in (0.0, 1.0, 1.5)]
    assert most_at_once(calls) == 2
    assert most_at_once(calls[:2]) == 1


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (NO_PERMISSION, vim.fault.NoPermission),
        (TASK_IN_PROGRESS, vim.fault.TaskInProgress),
        (TOOLS_UNAVAILABLE, vim.fault.ToolsUnavailable),
        (Fault("InvalidState"), vim.fault.InvalidState),
    ],
    ids=lambda value: getattr(value, "type", ""),
)
def test_a_programmed_fault_reaches_the_client_as_that_fault_and_only_as_often_as_asked(
    vcenter_proxy: VCenterProxy, through_proxy: Witness, direct: Witness, fault: Fault, raised: type[Exception]
) -> None:
    vm = a_running_vm(direct)
    rule = vcenter_proxy.on("PowerOffVM_Task", fault, times=2)
    for _attempt in range(2):
        with pytest.raises(raised):
            through_proxy.vm(vm).PowerOffVM_Task()
    assert direct.power_states()[vm] == "poweredOn"
    through_proxy.vm(vm).PowerOffVM_Task()
    assert rule.used == 2
    wait_until(lambda: direct.power_states()[vm], 5, "the VM to be off", until=lambda state: state == "poweredOff")


def test_a_rule_for_one_vm_leaves_the_others_alone(
    vcenter_proxy: VCenterProxy, through_proxy: Witness, direct: Witness
) -> None:
    broken, sound = sorted(direct.power_states())[:2]
    vcenter_proxy.on("PowerOffVM_Task", NO_PERMISSION, vm=broken, times=None)
    through_proxy.vm(sound).PowerOffVM_Task()
    with pytest.raises(vim.fault.NoPermission):
        through_proxy.vm(broken).PowerOffVM_Task()


def test_skipped_calls_pass_before_the_rule_applies(vcenter_proxy: VCenterProxy, through_proxy: Witness) -> None:
    vcenter_proxy.on("CurrentTime", NO_PERMISSION, skip=2)
    through_proxy.now()
    through_proxy.now()
    with pytest.raises(vim.fault.NoPermission):
        through_proxy.now()
    through_proxy.now()


def test_a_cut_before_forwarding_leaves_vcenter_untouched(
    vcenter_proxy: VCenterProxy, through_proxy: Witness, direct: Witness
) -> None:
    vm = a_running_vm(direct)
    vcenter_proxy.on("PowerOffVM_Task", Cut())
    with pytest.raises(CONNECTION_ERRORS):
        through_proxy.vm(vm).PowerOffVM_Task()
    assert direct.power_states()[vm] == "poweredOn"


def test_a_cut_after_forwarding_hides_that_vcenter_acted(
    vcenter_proxy: VCenterProxy, through_proxy: Witness, direct: Witness
) -> None:
    vm = a_running_vm(direct)
    vcenter_proxy.on("PowerOffVM_Task", Cut(after_forwarding=True))
    with pytest.raises(CONNECTION_ERRORS):
        through_proxy.vm(vm).PowerOffVM_Task()
    wait_until(lambda: direct.power_states()[vm], 5, "the VM to be off", until=lambda state: state == "poweredOff")


def test_a_swallowed_guest_shutdown_succeeds_and_changes_nothing(
    vcenter_proxy: VCenterProxy, through_proxy: Witness, direct: Witness
) -> None:
    vm = a_running_vm(direct)
    vcenter_proxy.on("ShutdownGuest", Swallow())
    through_proxy.vm(vm).ShutdownGuest()
    assert direct.power_states()[vm] == "poweredOn"


def test_an_action_runs_between_the_answer_of_vcenter_and_its_arrival(
    vcenter_proxy: VCenterProxy, through_proxy: Witness, direct: Witness
) -> None:
    seen: list[str] = []
    vm = a_running_vm(direct)

    def look() -> None:
        seen.append(direct.power_states()[vm])

    vcenter_proxy.on("ShutdownGuest", Run(look))
    vcenter_proxy.on("ShutdownGuest", Run(look, after_forwarding=True))
    through_proxy.vm(vm).ShutdownGuest()
    with contextlib.suppress(vim.fault.InvalidPowerState):
        through_proxy.vm(vm).ShutdownGuest()
    assert seen == ["poweredOn", "poweredOff"]


def test_rest_calls_can_be_dropped(vcenter_proxy: VCenterProxy, through_proxy: Witness) -> None:
    vcenter_proxy.on("REST*", Status(503), times=None)
    with pytest.raises(requests.HTTPError, match="503"):
        through_proxy.attach_tag("urn:vmomi:InventoryServiceTag:x:GLOBAL", ["vm-1"])
    through_proxy.now()


def test_a_restart_of_vcenter_refuses_then_forgets_the_session(
    vcenter_proxy: VCenterProxy, through_proxy: Witness
) -> None:
    vcenter_proxy.restart_vcenter(down_seconds=0.05, end_sessions_of=WITNESS_USER)
    with pytest.raises((vim.fault.NotAuthenticated, *CONNECTION_ERRORS)):
        through_proxy.vm("vm-1").ShutdownGuest()
    with pytest.raises(vim.fault.NotAuthenticated):
        through_proxy.vm("vm-1").ShutdownGuest()


def test_a_certificate_of_another_authority_is_not_trusted(vcsim: VCSim, tmp_path: Path) -> None:
    stranger = CertificateAuthority(tmp_path / "stranger")
    proxy = VCenterProxy(vcsim, certificate=stranger.server()).start()
    with contextlib.closing(proxy), pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        proxy.witness()


def test_the_proxy_is_fast_enough_to_measure_through_it(
    vcenter_proxy: VCenterProxy, through_proxy: Witness, direct: Witness
) -> None:
    def milliseconds(witness: Witness) -> float:
        times = []
        for _call in range(200):
            started = time.perf_counter()
            witness.now()
            times.append(time.perf_counter() - started)
        return sorted(times)[len(times) // 2] * 1000

    milliseconds(through_proxy)
    milliseconds(direct)
    assert milliseconds(through_proxy) - milliseconds(direct) < 1.0
