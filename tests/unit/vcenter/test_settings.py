# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings and credentials: what is accepted, what is refused, and what is never shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vsphere_preemption.core.errors import InvalidSetting, VCenterLoginRefused
from vsphere_preemption.vcenter.settings import (
    Endpoint,
    FileCredentials,
    GivenCredentials,
    Login,
    VCenterSettings,
)

SECRET = "do-not-show-me"


def test_the_defaults_are_these() -> None:
    settings = VCenterSettings.from_environment({"VCENTER_URL": "vcenter.example.com"})
    assert settings == VCenterSettings("vcenter.example.com", False, None, 5, 30.0)
    assert FileCredentials().folder == "/var/bindings/vsphere"


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("vcenter.example.com", Endpoint("vcenter.example.com", 443)),
        ("vcenter.example.com:8443", Endpoint("vcenter.example.com", 8443)),
        ("https://vcenter.example.com", Endpoint("vcenter.example.com", 443)),
        ("https://vcenter.example.com:8443/", Endpoint("vcenter.example.com", 8443)),
        ("https://vcenter.example.com/sdk", Endpoint("vcenter.example.com", 443)),
        ("https://10.0.0.7/sdk/", Endpoint("10.0.0.7", 443)),
        ("https://[2001:db8::7]:8443", Endpoint("2001:db8::7", 8443)),
    ],
)
def test_addresses_as_people_write_them_are_understood(url: str, endpoint: Endpoint) -> None:
    assert VCenterSettings(url).endpoint == endpoint


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "not set"),
        ("http://vcenter.example.com", "not encrypted"),
        ("ftp://vcenter.example.com", "ftp"),
        ("https://", "has no valid host"),
        ("https://vcenter.example.com:0", "has no valid host"),
        ("https://vcenter.example.com:99999", "not a valid address"),
        ("https://vcenter.example.com:https", "not a valid address"),
        ("https://vcenter example.com", "has no valid host"),
        ("https://vcenter.example.com/ui", "more than a host"),
        ("https://vcenter.example.com/?a=b", "more than a host"),
    ],
)
def test_other_addresses_are_refused_by_the_name_of_the_variable(url: str, why: str) -> None:
    with pytest.raises(InvalidSetting, match=rf"VCENTER_URL.*{why}"):
        VCenterSettings.from_environment({"VCENTER_URL": url})


def test_a_plain_link_needs_an_explicit_consent() -> None:
    settings = VCenterSettings.from_environment({"VCENTER_URL": "http://10.0.0.7", "VCENTER_INSECURE": "True"})
    assert settings.endpoint == Endpoint("10.0.0.7", 80, secure=False)


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(InvalidSetting) as caught:
        VCenterSettings.from_environment({"VCENTER_URL": f"https://me:{SECRET}@vcenter.example.com"})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VCENTER_INSECURE", "yes"),
        ("VCENTER_CA_FILE", "/no/such/file"),
        ("PREEMPTION_VCENTER_CALLS", "0"),
        ("PREEMPTION_VCENTER_CALLS", "2.5"),
        ("PREEMPTION_VCENTER_TIMEOUT_SECONDS", "0"),
        ("PREEMPTION_VCENTER_TIMEOUT_SECONDS", "inf"),
        ("PREEMPTION_VCENTER_TIMEOUT_SECONDS", "soon"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=name):
        VCenterSettings.from_environment({"VCENTER_URL": "vcenter.example.com", name: value})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "username").write_text("preemption@vsphere.local\n")
    (tmp_path / "password").write_text(f"{SECRET} \n")
    return tmp_path


def test_credentials_come_from_files_without_their_line_end(folder: Path) -> None:
    login = FileCredentials(folder).read()
    assert (login.username, login.password) == ("preemption@vsphere.local", f"{SECRET} ")


def test_files_that_were_written_again_make_another_login(folder: Path) -> None:
    credentials = FileCredentials(folder)
    before = credentials.read()
    assert credentials.read() == before
    os.utime(folder / "password", ns=(1, 1))
    assert credentials.read() != before


@pytest.mark.parametrize("name", ["username", "password"])
def test_missing_empty_and_unreadable_files_are_named(folder: Path, name: str) -> None:
    for spoil in (lambda file: file.write_bytes(b"\xff"), lambda file: file.write_text("\n"), Path.unlink):
        spoil(folder / name)
        with pytest.raises(VCenterLoginRefused, match=str(folder / name)):
            FileCredentials(folder).read()


def test_a_password_is_never_shown() -> None:
    shown = f"{Login('me', SECRET)!r} {GivenCredentials('me', SECRET)!r} {GivenCredentials('me', SECRET).read()!r}"
    assert "me" in shown
    assert SECRET not in shown
