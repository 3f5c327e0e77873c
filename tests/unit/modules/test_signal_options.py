# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of preemption_signal to the request on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from ._collection import imported

signal = imported("plugins.modules.preemption_signal")
options = imported("plugins.module_utils._options")

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
    assert (result["changed"], result["request_id"], result["run_id"]) == (True, "r1", "")
    assert result["request"]["replyTo"] == "http://***@s"


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


def test_the_key_and_the_reply_address_are_kept_from_the_log() -> None:
    spec = {**options.temporal_options(), **signal.OPTIONS}
    assert [name for name, option in spec.items() if option.get("no_log")] == ["temporal_api_key", "reply_to"]
