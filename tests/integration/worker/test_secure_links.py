# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secure links, tried for real: a TLS front before Temporal, and vCenter with good and bad certificates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.certificates import Certificate, CertificateAuthority
from support.dispatcher import Dispatcher, a_request
from support.fixtures import StartWorker
from support.temporal import TemporalServer
from support.temporal_proxy import TemporalProxy
from support.vcenter_proxy import VCenterProxy
from support.vcsim import VCSim
from support.waiting import wait_until

API_KEY = "sesame-4711"


@pytest.fixture
def client_certificate(authority: CertificateAuthority) -> Certificate:
    return authority.client("worker")


@pytest.fixture
def front(temporal: TemporalServer, authority: CertificateAuthority) -> Iterator[TemporalProxy]:
    """Temporal behind TLS, for clients with a certificate and the API key."""
    proxy = TemporalProxy(temporal.address, authority=authority, client_authority=authority, api_key=API_KEY).start()
    yield proxy
    proxy.close()


@pytest.fixture
def secure(front: TemporalProxy, authority: CertificateAuthority, client_certificate: Certificate) -> dict[str, str]:
    """The settings that fit `front`."""
    return {
        "TEMPORAL_URL": front.address,
        "TEMPORAL_TLS_SERVER_CA_CERT_PATH": str(authority.file),
        "TEMPORAL_TLS_CLIENT_CERT_PATH": str(client_certificate.certificate),
        "TEMPORAL_TLS_CLIENT_KEY_PATH": str(client_certificate.key),
        "TEMPORAL_API_KEY": API_KEY,
    }


def test_a_run_over_mutual_tls_with_an_api_key(
    vcsim: VCSim, dispatcher: Dispatcher, start_worker: StartWorker, secure: dict[str, str]
) -> None:
    vcsim.tag_machines(["DC0_C0_RP0_VM0"])
    worker = start_worker(vcsim.client_environment(), {**secure, "DEBUG": "true"})
    assert dispatcher.run(a_request())["outcome"] == "done"
    assert API_KEY not in worker.log_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"TEMPORAL_TLS_SERVER_CA_CERT_PATH": "other CA"}, "not trusted", id="wrong CA"),
        pytest.param(
            {"TEMPORAL_TLS_CLIENT_CERT_PATH": None, "TEMPORAL_TLS_CLIENT_KEY_PATH": None},
            "client certificate",
            id="no client certificate",
        ),
        pytest.param({"TEMPORAL_API_KEY": "guess"}, "API key", id="wrong API key"),
        pytest.param({"TEMPORAL_API_KEY": None}, "API key", id="no API key"),
    ],
)
def test_a_refused_link_to_temporal_is_one_clear_line(
    shared_vcsim: VCSim,
    start_worker: StartWorker,
    secure: dict[str, str],
    tmp_path: Path,
    change: dict[str, str | None],
    said: str,
) -> None:
    settings: dict[str, str | None] = {**secure, **change}
    if settings["TEMPORAL_TLS_SERVER_CA_CERT_PATH"] == "other CA":
        settings["TEMPORAL_TLS_SERVER_CA_CERT_PATH"] = str(CertificateAuthority(tmp_path / "other", "Other").file)
    worker = start_worker(shared_vcsim.client_environment(), settings, wait=False)
    assert worker.wait_ended() == 4
    assert_one_line(worker.log_text(), said)


def test_an_expired_certificate_of_temporal_is_one_clear_line(
    shared_vcsim: VCSim, start_worker: StartWorker, temporal: TemporalServer, authority: CertificateAuthority
) -> None:
    front = TemporalProxy(
        temporal.address, authority=authority, certificate=authority.server("old", expired=True)
    ).start()
    settings = {"TEMPORAL_URL": front.address, "TEMPORAL_TLS_SERVER_CA_CERT_PATH": str(authority.file)}
    worker = start_worker(shared_vcsim.client_environment(), settings, wait=False)
    assert worker.wait_ended() == 4
    front.close()
    assert_one_line(worker.log_text(), "expired")


def test_vcenter_with_the_right_authority(vcsim: VCSim, dispatcher: Dispatcher, start_worker: StartWorker) -> None:
    vcsim.tag_machines(["DC0_C0_RP0_VM0"])
    start_worker(vcsim.client_environment())
    assert dispatcher.run(a_request())["outcome"] == "done"


@pytest.mark.parametrize("trouble", ["wrong CA", "expired", "other name"])
def test_a_certificate_of_vcenter_that_cannot_be_trusted_fails_the_run_with_one_clear_line(
    vcsim: VCSim, dispatcher: Dispatcher, start_worker: StartWorker, authority: CertificateAuthority, trouble: str
) -> None:
    certificates = {
        "wrong CA": authority.server("vcenter"),
        "expired": authority.server("old", expired=True),
        "other name": authority.server("other", hosts=("other.example",)),
    }
    vcsim.tag_machines(["DC0_C0_RP0_VM0"])
    proxy = VCenterProxy(vcsim, certificate=certificates[trouble], authority=authority).start()
    trusted = vcsim.ca_file if trouble == "wrong CA" else authority.file
    environment = {**proxy.client_environment(), "VCENTER_CA_FILE": str(trusted)}
    worker = start_worker(environment, wait=False)
    wait_until(worker.is_alive, 10, "the worker to be alive")
    record = dispatcher.run(a_request())
    proxy.close()
    assert not worker.is_ready()
    assert (record["outcome"], record["reason"]) == ("failed", "plan_failed")
    assert "certificate" in record["message"]
    assert "\n" not in record["message"]
    assert vcsim.govc().power_states()["DC0_C0_RP0_VM0"] == "poweredOn"


def assert_one_line(log: str, said: str) -> None:
    errors = [line for line in log.splitlines() if "level=error" in line]
    assert len(errors) == 1, log
    assert said in errors[0]
    assert "Traceback" not in log
    assert API_KEY not in log
