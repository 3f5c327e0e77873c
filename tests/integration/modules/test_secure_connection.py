# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS, client certificates and API keys: what is right works, and what is wrong is told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from unit.worker.world import Script

from support.ansible import Ansible
from support.certificates import CertificateAuthority
from support.temporal import TemporalServer
from support.temporal_proxy import TemporalProxy

KEY = "a-key-that-nobody-may-see"
Options = dict[str, Any]


@dataclass
class Front:
    """A secure front, and the options with which a module gets through it."""

    proxy: TemporalProxy
    right: Options
    authority: CertificateAuthority


@pytest.fixture
def front(temporal: TemporalServer, authority: CertificateAuthority) -> Iterator[Front]:
    proxy = TemporalProxy(temporal.address, authority=authority, client_authority=authority, api_key=KEY).start()
    client = authority.client()
    right = {
        "temporal_address": proxy.address,
        "temporal_ca_file": str(authority.file),
        "temporal_client_cert_file": str(client.certificate),
        "temporal_client_key_file": str(client.key),
        "temporal_api_key": KEY,
    }
    yield Front(proxy, right, authority)
    proxy.close()


@pytest.fixture
def another(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / "another", "Another authority")


def refused(ansible: Ansible, options: Options, code: str) -> str:
    """The message of the one failure that all modules must give; the key is in none of their output."""
    message = ""
    for name, more in (("preemption_query", {}), ("preemption_signal", {"tag": "t", "wait": False})):
        failed = ansible.module(name, {**options, **more}, "-vvv")
        assert failed.error_code == code, failed.output
        assert KEY not in failed.output
        assert "Traceback" not in failed.output
        message = str(failed.result["msg"])
        assert "\n" not in message
    return message


def test_with_all_of_it_right_a_request_is_carried_out(
    ansible: Ansible, front: Front, work: Callable[[Script], None]
) -> None:
    work(Script())
    done = ansible.module("preemption_signal", {**front.right, "tag": "t"}, "-vvv")
    assert done.changed
    assert KEY not in done.output
    assert front.proxy.calls["ExecuteMultiOperation"] == 1


def test_the_settings_may_come_from_the_environment(
    ansible: Ansible, front: Front, work: Callable[[Script], None]
) -> None:
    work(Script())
    variables = {
        "TEMPORAL_URL": front.proxy.address,
        "TEMPORAL_TLS_SERVER_CA_CERT_PATH": front.right["temporal_ca_file"],
        "TEMPORAL_TLS_CLIENT_CERT_PATH": front.right["temporal_client_cert_file"],
        "TEMPORAL_TLS_CLIENT_KEY_PATH": front.right["temporal_client_key_file"],
        "TEMPORAL_API_KEY": KEY,
    }
    done = ansible.module("preemption_signal", {"tag": "t"}, "-vvv", env=variables)
    assert done.changed
    assert KEY not in done.output
    assert front.proxy.calls["ExecuteMultiOperation"] == 1


def test_a_server_certificate_of_another_authority_is_not_trusted(
    ansible: Ansible, front: Front, another: CertificateAuthority
) -> None:
    message = refused(ansible, {**front.right, "temporal_ca_file": str(another.file)}, "temporal_tls_refused")
    assert "not trusted" in message


def test_a_missing_client_certificate_is_told(ansible: Ansible, front: Front) -> None:
    missing = {"temporal_client_cert_file": None, "temporal_client_key_file": None}
    message = refused(ansible, {**front.right, **missing}, "temporal_tls_refused")
    assert "client certificate" in message


@pytest.mark.long
def test_a_client_certificate_of_another_authority_is_refused(
    ansible: Ansible, front: Front, another: CertificateAuthority
) -> None:
    foreign = another.client()
    files = {
        "temporal_client_cert_file": str(foreign.certificate),
        "temporal_client_key_file": str(foreign.key),
    }
    refused(ansible, {**front.right, **files}, "temporal_tls_refused")


@pytest.mark.long
def test_an_expired_client_certificate_is_refused(ansible: Ansible, front: Front) -> None:
    old = front.authority.client("old", expired=True)
    files = {"temporal_client_cert_file": str(old.certificate), "temporal_client_key_file": str(old.key)}
    refused(ansible, {**front.right, **files}, "temporal_tls_refused")


def test_an_expired_server_certificate_is_told(
    ansible: Ansible, temporal: TemporalServer, authority: CertificateAuthority
) -> None:
    proxy = TemporalProxy(
        temporal.address, authority=authority, certificate=authority.server("old", expired=True)
    ).start()
    try:
        options = {"temporal_address": proxy.address, "temporal_ca_file": str(authority.file)}
        assert "expired" in refused(ansible, options, "temporal_tls_refused")
    finally:
        proxy.close()


def test_a_wrong_key_is_refused_and_not_shown(ansible: Ansible, front: Front) -> None:
    wrong = "another-key-that-nobody-may-see"
    failed = ansible.module("preemption_query", {**front.right, "temporal_api_key": wrong}, "-vvv")
    assert failed.error_code == "temporal_access_denied"
    assert wrong not in failed.output
    assert "API key" in failed.result["msg"]


def test_a_missing_key_is_refused(ansible: Ansible, front: Front) -> None:
    refused(ansible, {**front.right, "temporal_api_key": None}, "temporal_access_denied")


def test_a_key_never_travels_in_clear_text(ansible: Ansible, temporal: TemporalServer) -> None:
    options = {"temporal_address": temporal.address, "temporal_api_key": KEY, "temporal_tls": False}
    assert "clear text" in refused(ansible, options, "invalid_setting")


@pytest.mark.parametrize("option", ["temporal_ca_file", "temporal_client_cert_file", "temporal_client_key_file"])
@pytest.mark.long
def test_a_file_that_is_not_there_is_named(ansible: Ansible, front: Front, option: str) -> None:
    message = refused(ansible, {**front.right, option: "/no/such/file.pem"}, "invalid_setting")
    assert "/no/such/file.pem" in message
