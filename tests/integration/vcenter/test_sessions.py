# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions: opened once, found to be lost, opened again; credentials that rotate; vCenter that goes away."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.vcenter_faults import Cut
from support.vcenter_proxy import VCenterProxy
from support.vcsim import PASSWORD, WORKER_USER, Model, VCSim, write_credentials
from vsphere_preemption.core.errors import VCenterLoginRefused, VCenterUnreachable
from vsphere_preemption.core.inventory import ManagedObject, PowerState
from vsphere_preemption.vcenter.client import VCenter

from .conftest import TAGGED, Clients

LOGIN_CALLS = ["GetServiceVersions", "Login", "RetrieveContent", "create-session", "create-session"]


def end_sessions(vcsim: VCSim) -> None:
    with contextlib.closing(vcsim.witness()) as witness:
        assert witness.end_sessions(WORKER_USER) > 0


def test_nothing_is_called_before_it_is_needed(vcsim: VCSim, clients: Clients) -> None:
    clients.open(vcsim)
    assert clients.calls() == []


def test_a_login_takes_few_calls_and_a_check_one(vcsim: VCSim, clients: Clients) -> None:
    client = clients.open(vcsim)
    about = client.check()
    assert clients.calls() == sorted(["CurrentTime", *LOGIN_CALLS])
    assert (about.user, client.user) == (WORKER_USER, WORKER_USER)
    assert about.instance_uuid
    assert client.check() == about
    assert clients.calls() == ["CurrentTime"]


def test_many_threads_share_one_login(vcsim: VCSim, clients: Clients) -> None:
    client = clients.open(vcsim)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: client.check(), range(8)))
    assert clients.calls() == sorted(["CurrentTime"] * 8 + LOGIN_CALLS)


def test_a_terminated_session_is_replaced_before_anybody_notices(
    vcsim: VCSim, refs: list[ManagedObject], clients: Clients
) -> None:
    client = clients.open(vcsim)
    client.check()
    end_sessions(vcsim)
    clients.calls()
    with ThreadPoolExecutor(5) as threads:
        machines = list(threads.map(lambda _: client.read(refs), range(5)))
    assert all(len(found) == 3 for found in machines)
    assert clients.calls().count("Login") == 1


def test_a_lost_session_is_seen_in_a_bulk_read_that_raises_nothing(
    vcsim: VCSim, refs: list[ManagedObject], clients: Clients
) -> None:
    client = clients.open(vcsim)
    client.tagged("preemptible")
    end_sessions(vcsim)
    tagged = client.tagged("preemptible")
    assert {machine.power_state for machine in tagged.machines} == {PowerState.ON}


def test_a_changing_call_in_a_lost_session_is_left_to_the_caller_and_made_in_the_next_one(
    vcsim: VCSim, vcenter_proxy: VCenterProxy, refs: list[ManagedObject], clients: Clients
) -> None:
    client = clients.open(vcenter_proxy)
    client.check()
    end_sessions(vcsim)
    with pytest.raises(VCenterUnreachable, match="ended our session") as lost:
        client.power_off(refs[0])
    assert lost.value.retryable
    assert vcsim.govc().power_states()[TAGGED[0]] == "poweredOn"
    assert client.power_off(refs[0]).type == "Task"
    assert vcsim.govc().power_states()[TAGGED[0]] == "poweredOff"


def test_a_lost_rest_session_is_replaced(
    vcenter_proxy: VCenterProxy, refs: list[ManagedObject], clients: Clients
) -> None:
    client = clients.open(vcenter_proxy)
    client.tagged("preemptible")
    vcenter_proxy.end_rest_sessions()
    assert len(client.tagged("preemptible").machines) == 3


def test_a_restarted_vcenter_is_used_again(vcsim: VCSim, refs: list[ManagedObject], clients: Clients) -> None:
    client = clients.open(vcsim)
    client.write_mark(refs[0], "before")
    vcsim.restart()
    assert {machine.name for machine in client.tagged("preemptible").machines} == set(TAGGED)
    client.write_mark(refs[0], "after")
    assert client.read(refs)[refs[0]].mark == "after"


def test_a_vcenter_that_is_down_is_unreachable_and_back_when_it_is_back(
    vcsim: VCSim, refs: list[ManagedObject], clients: Clients
) -> None:
    client = clients.open(vcsim)
    client.check()
    saved = vcsim.save(vcsim.folder / "saved")
    vcsim.kill()
    with pytest.raises(VCenterUnreachable) as caught:
        client.check()
    assert caught.value.retryable
    again = VCSim(vcsim.folder / "again", load=saved, port=vcsim.port, authority=vcsim.authority).start()
    try:
        assert client.check()
    finally:
        again.stop()


def test_a_read_survives_a_connection_that_breaks(
    vcenter_proxy: VCenterProxy, refs: list[ManagedObject], clients: Clients
) -> None:
    client = clients.open(vcenter_proxy)
    client.tagged("preemptible")
    for pattern in ("RetrievePropertiesEx", "REST POST*list-attached-objects"):
        vcenter_proxy.on(pattern, Cut(after_forwarding=True))
        assert len(client.tagged("preemptible").machines) == 3


def test_idle_connections_that_vcenter_has_ended_harm_nobody(
    vcenter_proxy: VCenterProxy, refs: list[ManagedObject], clients: Clients
) -> None:
    client = clients.open(vcenter_proxy)
    client.check()
    vcenter_proxy.break_connections()
    client.power_off(refs[0])
    assert vcenter_proxy.calls.count("PowerOffVM_Task") == 1


def test_after_close_there_is_no_session_left_and_a_later_call_opens_one(vcsim: VCSim, clients: Clients) -> None:
    client = clients.open(vcsim)
    client.check()
    client.close()
    with contextlib.closing(vcsim.witness()) as witness:
        assert [session for session in witness.sessions() if session.userName == WORKER_USER] == []
    assert client.check()


@pytest.fixture
def strict(tmp_path_factory: pytest.TempPathFactory) -> VCSim:
    """A vCenter that looks at the password."""
    return VCSim(tmp_path_factory.mktemp("strict"), model=Model(machines=1), strict_login=True)


@pytest.fixture
def strict_proxy(strict: VCSim) -> Iterator[VCenterProxy]:
    proxy = VCenterProxy(strict.start()).start()
    yield proxy
    proxy.close()
    strict.stop()


def refused(client: VCenter) -> str:
    with pytest.raises(VCenterLoginRefused) as caught:
        client.check()
    return str(caught.value)


def test_a_wrong_password_is_sent_once_and_then_not_at_all(
    strict: VCSim, strict_proxy: VCenterProxy, clients: Clients
) -> None:
    client = clients.open(strict_proxy)
    write_credentials(strict.credentials, WORKER_USER, "a wrong one")
    for _attempt in range(3):
        assert "a wrong one" not in refused(client)
    assert strict_proxy.calls.count("Login") == 1
    assert strict_proxy.calls.count("REST POST*session") == 0


def test_a_rotated_password_is_used_without_a_restart(
    strict: VCSim, strict_proxy: VCenterProxy, clients: Clients
) -> None:
    client = clients.open(strict_proxy)
    write_credentials(strict.credentials, WORKER_USER, "not yet the right one")
    refused(client)
    write_credentials(strict.credentials, WORKER_USER, PASSWORD)
    assert client.check().user == WORKER_USER


def test_no_credentials_are_told_before_anything_is_called(strict_proxy: VCenterProxy, clients: Clients) -> None:
    client = clients.open(strict_proxy, {"VCENTER_SECRET_PATH": "/no/such/folder"})
    assert "/no/such/folder/username" in refused(client)
    assert strict_proxy.calls.count() == 0
