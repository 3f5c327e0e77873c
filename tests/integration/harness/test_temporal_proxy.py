# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secure front of Temporal lets the right clients in, and only them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from support.certificates import Certificate, CertificateAuthority
from support.temporal import NAMESPACE, TemporalServer
from support.temporal_proxy import TemporalProxy


@pytest.fixture
def front(temporal: TemporalServer, authority: CertificateAuthority) -> Iterator[TemporalProxy]:
    proxy = TemporalProxy(temporal.address, authority=authority, client_authority=authority, api_key="right").start()
    yield proxy
    proxy.close()


def connect(front: TemporalProxy, *, certificate: Certificate | None, api_key: str | None) -> Client:
    tls = TLSConfig(
        server_root_ca_cert=front.authority.file.read_bytes(),
        client_cert=certificate.certificate.read_bytes() if certificate else None,
        client_private_key=certificate.key.read_bytes() if certificate else None,
    )
    return asyncio.run(Client.connect(front.address, namespace=NAMESPACE, tls=tls, api_key=api_key))


def test_the_right_certificate_and_key_get_in(front: TemporalProxy, authority: CertificateAuthority) -> None:
    connect(front, certificate=authority.client(), api_key="right")
    assert front.calls["GetSystemInfo"] == 1


@pytest.mark.parametrize(
    ("api_key", "refusal"), [(None, "no API key"), ("wrong", "not accepted")], ids=["no key", "wrong key"]
)
def test_without_the_right_key_nobody_gets_in(
    front: TemporalProxy, authority: CertificateAuthority, api_key: str | None, refusal: str
) -> None:
    with pytest.raises(RuntimeError, match=refusal):
        connect(front, certificate=authority.client(), api_key=api_key)


def test_without_a_client_certificate_nobody_gets_in(front: TemporalProxy) -> None:
    with pytest.raises(RuntimeError):
        connect(front, certificate=None, api_key="right")
    assert front.calls.total() == 0


def test_temporals_own_errors_pass_with_their_details(front: TemporalProxy, authority: CertificateAuthority) -> None:
    async def describe() -> None:
        tls = TLSConfig(
            server_root_ca_cert=authority.file.read_bytes(),
            client_cert=certificate.certificate.read_bytes(),
            client_private_key=certificate.key.read_bytes(),
        )
        client = await Client.connect(front.address, namespace=NAMESPACE, tls=tls, api_key="right")
        await client.get_workflow_handle("no-such-workflow").describe()

    certificate = authority.client()
    with pytest.raises(RPCError, match="workflow not found") as caught:
        asyncio.run(describe())
    assert caught.value.status == RPCStatusCode.NOT_FOUND
    assert b"NotFoundFailure" in caught.value.raw_grpc_status
