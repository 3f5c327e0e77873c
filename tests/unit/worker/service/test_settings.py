# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the worker: every promised default, and what is refused."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.environment import Address
from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption.core.policy.model import Policy
from vsphere_preemption.events.sink import ContentMode
from vsphere_preemption_worker.service.settings import WorkerSettings

ENVIRON = {
    "HOME": "/nonexistent",
    "TEMPORAL_URL": "localhost:7233",
    "TEMPORAL_NAMESPACE": "spot",
    "TEMPORAL_TASKQUEUE": "vcenter-1",
    "VCENTER_URL": "https://vcenter.example.com",
}


def test_the_defaults_are_those_that_the_documentation_promises() -> None:
    settings = WorkerSettings.from_environment(ENVIRON)
    assert settings.base_policy == Policy()
    assert (Policy().amount.max_vms, Policy().rerun_window_seconds, Policy().actions.low.grace_seconds) == (10, 60, 120)
    assert settings.policy_file is None
    assert (settings.vcenter.calls, settings.vcenter.call_seconds) == (5, 30.0)
    assert (settings.vcenter.insecure, settings.vcenter.ca_file) == (False, None)
    assert str(settings.credentials.folder) == "/var/bindings/vsphere"
    assert (settings.sink.mode, settings.sink.timeout_seconds) == (ContentMode.BINARY, 10.0)
    assert (settings.health, settings.metrics, settings.debug) == (None, None, False)


def test_every_setting_can_be_made() -> None:
    made = {
        "PREEMPTION_MAX_VMS": "7",
        "PREEMPTION_WINDOW_SECONDS": "0",
        "PREEMPTION_GRACE_SECONDS": "1.5",
        "PREEMPTION_HEALTH_ADDRESS": "[::1]:8080",
        "PREEMPTION_METRICS_ADDRESS": ":9090",
        "PREEMPTION_POLICY_FILE": "/etc/preemption/policy.yml",
        "DEBUG": "true",
    }
    settings = WorkerSettings.from_environment({**ENVIRON, **made})
    made_of_it = settings.base_policy
    assert (made_of_it.amount.max_vms, made_of_it.rerun_window_seconds) == (7, 0.0)
    assert {action.grace_seconds for action in vars(made_of_it.actions).values()} == {1.5}
    assert str(settings.policy_file) == "/etc/preemption/policy.yml"
    assert settings.health == Address("::1", 8080)
    assert str(settings.health) == "[::1]:8080"
    assert settings.metrics == Address("0.0.0.0", 9090)
    assert settings.debug is True


@pytest.mark.parametrize("name", ["TEMPORAL_URL", "TEMPORAL_NAMESPACE", "TEMPORAL_TASKQUEUE", "VCENTER_URL"])
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(InvalidSetting, match=name):
        WorkerSettings.from_environment({**ENVIRON, name: " "})


def test_a_temporal_address_will_do_where_the_prototypes_variable_is_missing() -> None:
    environ = {name: value for name, value in ENVIRON.items() if name != "TEMPORAL_URL"}
    assert WorkerSettings.from_environment({**environ, "TEMPORAL_ADDRESS": "t:1"}).temporal.address == "t:1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREEMPTION_MAX_VMS", "0"),
        ("PREEMPTION_MAX_VMS", "-3"),
        ("PREEMPTION_MAX_VMS", "1.5"),
        ("PREEMPTION_GRACE_SECONDS", "soon"),
        ("PREEMPTION_WINDOW_SECONDS", "inf"),
        ("PREEMPTION_WINDOW_SECONDS", "nan"),
        ("PREEMPTION_HEALTH_ADDRESS", "8080"),
        ("PREEMPTION_HEALTH_ADDRESS", "host:0"),
        ("PREEMPTION_METRICS_ADDRESS", "host:http"),
        ("DEBUG", "a bit"),
    ],
)
def test_a_wrong_value_is_refused_and_the_variable_named(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=name):
        WorkerSettings.from_environment({**ENVIRON, name: value})
