# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secure link: which certificates are trusted, and what is said about the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.certificates import CertificateAuthority
from support.vcsim import Model, VCSim
from vsphere_preemption.core.errors import VCenterTlsRefused, VCenterUnreachable

from .conftest import Clients

SMALL = Model(machines=1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority) -> Iterator[VCSim]:
    vcsim = VCSim(tmp_path_factory.mktemp("good"), model=SMALL, authority=authority).start()
    yield vcsim
    vcsim.stop()


@pytest.fixture(scope="module")
def expired(tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority) -> Iterator[VCSim]:
    certificate = authority.server("expired", expired=True)
    folder = tmp_path_factory.mktemp("expired")
    vcsim = VCSim(folder, model=SMALL, authority=authority, certificate=certificate).start()
    yield vcsim
    vcsim.stop()


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority) -> Iterator[VCSim]:
    certificate = authority.server("elsewhere", hosts=("vcenter.example.com",))
    folder = tmp_path_factory.mktemp("elsewhere")
    vcsim = VCSim(folder, model=SMALL, authority=authority, certificate=certificate).start()
    yield vcsim
    vcsim.stop()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCSim]:
    vcsim = VCSim(tmp_path_factory.mktemp("plain"), model=SMALL, tls=False).start()
    yield vcsim
    vcsim.stop()


def test_a_certificate_of_the_given_authority_is_trusted(good: VCSim, clients: Clients) -> None:
    assert clients.open(good).check().name == "VMware vCenter Server"


def test_a_certificate_of_another_authority_is_refused(good: VCSim, clients: Clients, tmp_path: Path) -> None:
    other = CertificateAuthority(tmp_path / "other", "Another authority")
    with pytest.raises(VCenterTlsRefused, match=r"not signed by a trusted CA.*CA file"):
        clients.open(good, {"VCENTER_CA_FILE": str(other.file)}).check()


def test_a_certificate_may_be_trusted_by_itself(good: VCSim, authority: CertificateAuthority, clients: Clients) -> None:
    own = authority.file.parent / "vcenter.pem"
    assert clients.open(good, {"VCENTER_CA_FILE": str(own)}).check()


def test_a_loopback_address_gets_no_trust_of_its_own(good: VCSim, clients: Clients) -> None:
    """pyVmomi would skip the check there when it is left to itself."""
    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(VCenterTlsRefused):
            clients.open(good, {"VCENTER_CA_FILE": "", "VCENTER_URL": f"https://{host}:{good.port}"}).check()
    assert clients.errors() == ["vcenter_tls_refused"] * 2


def test_an_expired_certificate_is_refused_as_expired(expired: VCSim, clients: Clients) -> None:
    with pytest.raises(VCenterTlsRefused, match=r"is expired\. Renew"):
        clients.open(expired).check()


def test_a_certificate_for_another_host_is_refused_as_such(elsewhere: VCSim, clients: Clients) -> None:
    with pytest.raises(VCenterTlsRefused, match="for another host name"):
        clients.open(elsewhere).check()


def test_a_refusal_is_one_line(expired: VCSim, clients: Clients) -> None:
    with pytest.raises(VCenterTlsRefused) as caught:
        clients.open(expired).check()
    assert "\n" not in str(caught.value)
    assert not caught.value.retryable


@pytest.mark.parametrize("kind", ["expired", "elsewhere"])
def test_an_insecure_link_takes_any_certificate(kind: str, request: pytest.FixtureRequest, clients: Clients) -> None:
    vcsim: VCSim = request.getfixturevalue(kind)
    changes = {"VCENTER_INSECURE": "true", "VCENTER_CA_FILE": ""}
    assert clients.open(vcsim, changes).check()


def test_a_ca_file_that_was_replaced_is_read_again(good: VCSim, clients: Clients, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(CertificateAuthority(tmp_path / "other").file.read_bytes())
    client = clients.open(good, {"VCENTER_CA_FILE": str(file)})
    with pytest.raises(VCenterTlsRefused):
        client.check()
    file.write_bytes(good.ca_file.read_bytes())
    assert client.check()


def test_a_port_without_tls_is_told_as_that(plain: VCSim, clients: Clients) -> None:
    with pytest.raises(VCenterTlsRefused, match="serve HTTPS"):
        clients.open(plain, {"VCENTER_CA_FILE": "", "VCENTER_URL": f"https://127.0.0.1:{plain.port}"}).check()


def test_a_plain_link_works_where_it_is_allowed(plain: VCSim, clients: Clients) -> None:
    assert clients.open(plain, {"VCENTER_CA_FILE": "", "VCENTER_INSECURE": "true"}).check()


def test_the_proxy_of_the_environment_is_not_used(
    good: VCSim, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert clients.open(good).check()


def test_a_closed_port_is_told_as_that(clients: Clients, good: VCSim) -> None:
    with pytest.raises(VCenterUnreachable, match="no connection"):
        clients.open(good, {"VCENTER_URL": "https://127.0.0.1:9"}).check()
