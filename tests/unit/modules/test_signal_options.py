# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of preemption_signal to the request on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from ._collection import imported

signal = imported("plugins.modules.preemption_signal")
options = imported("plugins.module_utils._modules.temporal")
errors = imported("plugins.module_utils.vsphere_preemption.core.errors")

NOTHING: dict[str, Any] = {
    "tag": "preemptible",
    "criticality": "LOW",
    "event": None,
    "event_id": None,
    "event_source": None,
    "event_type": None,
    "event_data": None,
    "reply_to": "",
    "request_id": None,
    "workflow_id": "preempctl-run",
    "scope": None,
    "max_vms": None,
    "target": None,
    "vms": None,
    "dry_run": False,
    "reason": None,
    "policy": None,
    "policy_path": None,
    "vcenter_url": None,
}


def wire(**given: Any) -> dict[str, Any]:
    request: dict[str, Any] = signal.request_of({**NOTHING, **given}).as_wire()
    return request


def test_the_least_request_is_that_of_the_prototypes_command_line() -> None:
    request = wire()
    assert request.keys() == {"tag", "criticality", "event", "replyTo"}
    assert (request["event"]["source"], request["event"]["type"]) == ("preempctl-run", "PreempctlRunEvent")
    assert request["event"]["id"]
    assert wire()["event"]["id"] != request["event"]["id"]


def test_the_request_id_names_an_event_that_has_no_id() -> None:
    assert wire(request_id="r1")["event"]["id"] == "r1"
    assert wire(request_id="r1")["requestID"] == "r1"
    assert wire(request_id="r1", event={"source": "s"})["event"]["id"] == "r1"
    assert wire(request_id="r1", event_id="e1")["event"]["id"] == "e1"


def test_an_event_is_sent_as_it_was_given() -> None:
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": [1, None], "subject": "x", "ext": 5}
    assert wire(event=event)["event"] == event


@pytest.mark.parametrize("data", [{}, [], "", 0, False])
def test_empty_data_is_data(data: object) -> None:
    event = wire(event_data=data)["event"]
    assert event["data"] == data
    assert event["datacontenttype"] == "application/json"


def test_check_mode_shows_the_request_and_sends_nothing() -> None:
    result = signal.send({**NOTHING, "request_id": "r1", "reply_to": "http://u:p@s"}, check_mode=True)
    assert (result["changed"], result["request_id"]) == (True, "r1")
    assert [result[name] for name in ("preemption_id", "execution_run_id", "run_id")] == ["", "", ""]
    assert result["request"]["replyTo"] == "http://***@s"


def test_limits_are_one_object_of_which_only_what_is_set_is_sent() -> None:
    unset = dict.fromkeys(("cluster", "host", "resource_pool", "folder", "datacenter"))
    parts = {"cpu_mhz": None, "until_memory_percent": 70.0, "until_cpu_percent": None}
    request = wire(
        scope=[{**unset, "cluster": "c1"}, {**unset, "folder": "/DC0/vm/f"}],
        max_vms=5,
        target={"memory_mib": 1024, **parts},
        vms=["vm-1", "web"],
        dry_run=True,
        reason="drill",
    )
    assert request["narrow"] == {
        "scope": [{"cluster": "c1"}, {"folder": "/DC0/vm/f"}],
        "maxVMs": 5,
        "target": {"memoryMiB": 1024, "untilMemoryPercent": 70.0},
        "only": ["vm-1", "web"],
        "dryRun": True,
        "reason": "drill",
    }
    assert wire(max_vms=1)["narrow"] == {"maxVMs": 1}
    assert "narrow" not in wire()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"max_vms": 0}, "max_vms is 0"),
        ({"max_vms": -1}, "max_vms is -1"),
        ({"target": {"until_cpu_percent": 101.0}}, "untilCpuPercent"),
        ({"vms": [" "]}, "only"),
        ({"scope": [{"cluster": ""}]}, "scope"),
        ({"reason": "x" * 600}, "reason"),
    ],
)
def test_a_limit_that_cannot_be_is_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(errors.InvalidRequest, match=named):
        wire(**given)


def test_defaults_of_the_connection_are_those_of_the_contract() -> None:
    found = {name: spec.get("default") for name, spec in options.temporal_options().items()}
    assert found == {
        "temporal_address": "localhost:7233",
        "temporal_namespace": "vsphere-preemption",
        "temporal_tls": None,
        "temporal_ca_file": None,
        "temporal_client_cert_file": None,
        "temporal_client_key_file": None,
        "temporal_server_name": None,
        "temporal_api_key": None,
    }


def test_keys_passwords_and_the_reply_address_are_kept_from_the_log() -> None:
    spec = {**options.temporal_options(), **signal.OPTIONS}
    assert [name for name, option in spec.items() if option.get("no_log")] == [
        "temporal_api_key",
        "vcenter_password",
        "reply_to",
    ]
