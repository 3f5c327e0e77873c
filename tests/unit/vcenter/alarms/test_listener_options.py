# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the event source: what is left out, what comes from the environment, and what is refused by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption.vcenter.alarms.listener_options import read_options
from vsphere_preemption.vcenter.settings import FileCredentials, GivenCredentials

URL = {"vcenter_url": "vc.example.com"}
SECRET = "do not show"


def test_an_address_is_enough() -> None:
    options = read_options(URL, {})
    assert (options.settings.url, options.settings.insecure, options.settings.ca_file) == (
        "vc.example.com",
        False,
        None,
    )
    assert (options.interval_seconds, options.state_file) == (1.0, None)
    assert options.credentials == FileCredentials("/var/bindings/vsphere")
    assert options.wants("anything")


def test_the_environment_completes_what_is_not_given_or_empty(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.touch()
    environment = {
        "VCENTER_URL": "other.example.com",
        "VCENTER_USERNAME": "reader",
        "VCENTER_PASSWORD": SECRET,
        "VCENTER_CA_FILE": str(ca_file),
        "VCENTER_INSECURE": "true",
    }
    options = read_options({"vcenter_url": "", "vcenter_ca_file": None, "state_file": ""}, environment)
    assert options.settings.url == "other.example.com"
    assert (options.settings.ca_file, options.settings.insecure) == (str(ca_file), True)
    assert options.credentials == GivenCredentials("reader", SECRET)
    assert SECRET not in repr(options)
    given = read_options({**URL, "vcenter_validate_certs": True}, environment)
    assert (given.settings.url, given.settings.insecure) == ("vc.example.com", False)


def test_patterns_do_not_care_for_case() -> None:
    options = read_options({**URL, "alarms": ["cluster MEMORY*", "Disk"]}, {})
    assert options.wants("Cluster memory usage")
    assert options.wants("disk")
    assert not options.wants("Disk full")
    assert read_options({**URL, "alarms": "Disk"}, {}).alarms == ("Disk",)


@pytest.mark.parametrize("interval", [0.2, 1, "5", 3600])
def test_an_interval_may_come_as_text(interval: object) -> None:
    assert read_options({**URL, "interval": interval}, {}).interval_seconds == float(str(interval))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("vcenter_adress", "vc"),
        ("vcenter_url", "https://user:pw@vc.example.com"),
        ("vcenter_url", ["vc"]),
        ("vcenter_ca_file", "/nowhere/ca.pem"),
        ("vcenter_username", "reader"),
        ("vcenter_validate_certs", "maybe"),
        ("alarms", []),
        ("alarms", [""]),
        ("alarms", {"a": 1}),
        ("interval", 0.1),
        ("interval", "nan"),
        ("interval", True),
        ("interval", "often"),
        ("state_file", ["x"]),
    ],
)
def test_what_cannot_be_is_refused(option: str, value: Any) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_options({**URL, option: value}, {})
    missing = {"vcenter_username": "vcenter_password", "vcenter_url": "vc"}
    assert missing.get(option, option).partition("_")[0] in str(caught.value).lower()


def test_a_password_of_the_wrong_kind_is_not_shown() -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_options({**URL, "vcenter_username": "reader", "vcenter_password": [SECRET]}, {})
    assert SECRET not in str(caught.value)
