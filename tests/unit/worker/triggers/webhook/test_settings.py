# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the webhook: every promised default, what is refused, and what would be open to everybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption_worker.service.address import Address
from vsphere_preemption_worker.triggers.webhook.settings import WebhookSettings


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "file"
    path.write_text("a-secret-that-is-long")
    return str(path)


def read(**variables: str) -> WebhookSettings | None:
    return WebhookSettings.from_environment({f"PREEMPTION_WEBHOOK_{name}": text for name, text in variables.items()})


def test_it_is_off_unless_there_is_an_address() -> None:
    assert read(PER_SECOND="5") is None


def test_the_defaults_are_those_that_the_documentation_promises() -> None:
    settings = read(ADDRESS=":8088")
    assert settings == WebhookSettings(Address("127.0.0.1", 8088))
    assert (settings.max_bytes, settings.per_second, settings.sources) == (262144, 50, ())


def test_every_setting_can_be_made(file: str) -> None:
    files = dict.fromkeys(("TOKEN_FILE", "HMAC_FILE", "CERT_FILE", "KEY_FILE"), file)
    settings = read(ADDRESS="[::]:8443", SOURCES="https://a/*, https://b/*", MAX_BYTES="2048", PER_SECOND="7", **files)
    assert settings is not None
    assert {settings.token_file, settings.hmac_file, settings.certificate, settings.key} == {Path(file)}
    assert settings.sources == ("https://a/*", "https://b/*")
    assert (settings.max_bytes, settings.per_second) == (2048, 7)


@pytest.mark.parametrize("address", ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "worker.example.com:1"])
def test_an_address_that_others_reach_needs_a_secret(address: str, file: str) -> None:
    with pytest.raises(InvalidSetting, match="could then stop VMs without authentication"):
        read(ADDRESS=address)
    assert read(ADDRESS=address, TOKEN_FILE=file)
    assert read(ADDRESS=address, HMAC_FILE=file)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "localhost:1"])
def test_this_machine_alone_needs_none(address: str) -> None:
    assert read(ADDRESS=address)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ADDRESS", "8088"),
        ("ADDRESS", "host:0"),
        ("TOKEN_FILE", "/nonexistent"),
        ("MAX_BYTES", "10"),
        ("PER_SECOND", "0"),
    ],
)
def test_what_cannot_be_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(InvalidSetting, match=f"PREEMPTION_WEBHOOK_{name}"):
        read(**{"ADDRESS": ":1", name: text})


@pytest.mark.parametrize(("given", "missing"), [("CERT_FILE", "KEY_FILE"), ("KEY_FILE", "CERT_FILE")])
def test_a_certificate_needs_its_key(file: str, given: str, missing: str) -> None:
    with pytest.raises(InvalidSetting, match=missing):
        read(ADDRESS=":1", **{given: file})
