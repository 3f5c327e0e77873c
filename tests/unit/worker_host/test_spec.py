# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a task become variables and files of a worker, or are refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.paths import CHECKOUT
from unit.modules._collection import imported

spec = imported("plugins.module_utils._worker_host.spec")
options = imported("plugins.module_utils._worker_host.options")
InvalidSetting = imported("plugins.module_utils.vsphere_preemption.core.errors").InvalidSetting

SHIPPED = {**dict.fromkeys(options.SHIPPED, ""), "release_sha256": "a" * 64, "lock_sha256": "b" * 64}
GIVEN = {
    **{name: spec.get("default") for name, spec in options.OPTIONS.items()},
    "vcenter_url": "https://vcenter.example.com",
    "vcenter_username": "svc",
    "vcenter_password": "hunter2",
    "shipped": SHIPPED,
}


def ordered(**more: Any) -> Any:
    return spec.spec_from({**GIVEN, **more})


def test_the_least_that_is_given_makes_a_worker() -> None:
    found = ordered()
    assert found.variables == {
        "PYTHONPATH": "/opt/vsphere-preemption/instances/default/current",
        "PYTHONUNBUFFERED": "1",
        "TEMPORAL_URL": "localhost:7233",
        "TEMPORAL_NAMESPACE": "vsphere-preemption",
        "TEMPORAL_TASKQUEUE": "vsphere-preemption",
        "VCENTER_URL": "https://vcenter.example.com",
        "PREEMPTION_HEALTH_ADDRESS": "127.0.0.1:8080",
    }
    assert set(found.files) == {"credentials/username", "credentials/password"}
    assert "hunter2" not in repr(found)


FOLDER = "/opt/vsphere-preemption/instances/default"
SENT = {
    "temporal_ca": "CA",
    "temporal_client_cert": "CERT",
    "temporal_client_key": "KEY",
    "vcenter_ca": "VCA",
    "policy": "version: 1",
}
EVERYTHING = {
    "temporal_tls": True,
    "temporal_server_name": "t",
    "temporal_api_key": "k",
    "vcenter_validate_certs": False,
    "reply_to_allow": ["a", "b"],
    "max_vms": 3,
    "window_seconds": 0,
    "grace_seconds": 5,
    "metrics_address": "127.0.0.1:9",
    "debug": True,
    "environment": {"PREEMPTION_REPLY_MODE": "structured", "PREEMPTION_VCENTER_CALLS": 4},
}
VARIABLES = {
    "TEMPORAL_TLS": "true",
    "TEMPORAL_TLS_SERVER_NAME": "t",
    "TEMPORAL_API_KEY": "k",
    "TEMPORAL_TLS_SERVER_CA_CERT_PATH": f"{FOLDER}/tls/temporal_ca.pem",
    "TEMPORAL_TLS_CLIENT_CERT_PATH": f"{FOLDER}/tls/temporal_client_cert.pem",
    "VCENTER_CA_FILE": f"{FOLDER}/tls/vcenter_ca.pem",
    "VCENTER_INSECURE": "true",
    "PREEMPTION_POLICY_FILE": f"{FOLDER}/policy.yml",
    "PREEMPTION_REPLY_TO_ALLOW": "a,b",
    "PREEMPTION_MAX_VMS": "3",
    "PREEMPTION_WINDOW_SECONDS": "0",
    "PREEMPTION_GRACE_SECONDS": "5",
    "PREEMPTION_METRICS_ADDRESS": "127.0.0.1:9",
    "PREEMPTION_REPLY_MODE": "structured",
    "PREEMPTION_VCENTER_CALLS": "4",
    "DEBUG": "true",
}


def test_everything_that_is_given_reaches_the_worker() -> None:
    found = ordered(shipped={**SHIPPED, **SENT}, **EVERYTHING)
    assert found.variables.items() >= VARIABLES.items()
    assert found.secrets == ("temporal_client_key",)
    secret = {name for name, file in found.files.items() if file.secret}
    assert secret == {"credentials/username", "credentials/password", "credentials/temporal_client_key"}
    assert {found.files[name].mode for name in secret} == {0o600}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        pytest.param({"name": "../x"}, "name", id="a path as name"),
        pytest.param({"name": "X"}, "name", id="an upper case name"),
        pytest.param({"name": ""}, "name", id="no name"),
        pytest.param({"name": "a%i"}, "name", id="a specifier of systemd"),
        pytest.param({"directory": "opt"}, "directory", id="a relative directory"),
        pytest.param({"directory": "/"}, "directory", id="the root directory"),
        pytest.param({"directory": "/opt/../etc"}, "directory", id="a way up"),
        pytest.param({"health_address": "8080"}, "health_address", id="no address"),
        pytest.param({"vcenter_url": "http://vcenter"}, "vcenter_url", id="no encryption"),
        pytest.param({"environment": {"PATH": "x"}}, "PATH", id="a foreign variable"),
        pytest.param({"environment": {"PREEMPTION_MAX_VM": 1}}, "PREEMPTION_MAX_VM", id="a typing error"),
        pytest.param({"environment": {"PREEMPTION_MAX_VMS": 1}}, "max_vms", id="a variable with an option"),
        pytest.param({"ready_timeout": -1}, "ready_timeout", id="a negative time"),
        pytest.param({"shipped": None}, "action plugin", id="no action plugin"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidSetting, match=word):
        ordered(**given)


def test_an_address_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(InvalidSetting) as refused:
        ordered(vcenter_url="https://svc:hunter2@vcenter")
    assert "hunter2" not in str(refused.value)


def test_removing_needs_nothing_but_the_name() -> None:
    found = spec.spec_from({**GIVEN, "state": "absent", "shipped": None, "vcenter_url": None})
    assert (found.instance.name, found.files) == ("default", {})


KNOWN = {*spec.OF_OPTIONS, *spec.FURTHER}


def test_every_documented_variable_has_an_option_or_may_be_given() -> None:
    pages = "".join(page.read_text() for page in (CHECKOUT / "docs").glob("*.md"))
    documented = set(re.findall(r"^\| `(PREEMPTION_[A-Z_]+)`", pages, re.M))
    assert documented
    assert documented - KNOWN == set()


def test_every_variable_that_may_be_given_is_one_that_the_worker_reads() -> None:
    folders = ("roles/worker/files/vsphere_preemption_worker", "plugins/module_utils/vsphere_preemption")
    read = "".join(path.read_text() for folder in folders for path in (CHECKOUT / folder).rglob("*.py"))
    assert [
        name for name in KNOWN if name not in read and f'"{name.removeprefix("PREEMPTION_WEBHOOK_")}"' not in read
    ] == []
