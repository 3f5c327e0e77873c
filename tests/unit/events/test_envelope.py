# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reply event as a value."""

from __future__ import annotations

import pytest

from vsphere_preemption.events._delivery import encode
from vsphere_preemption.events.envelope import OutgoingEvent, preempted_event, source_reference
from vsphere_preemption.events.settings import Mode


def an_event(event_id: str = "e1", source: str = "localhost:7233/bench") -> OutgoingEvent:
    return OutgoingEvent("t", source, event_id, "2026-11-24T09:29:47.210833Z", {"tag": "ä", "virtualMachines": None})


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("localhost:7233", "localhost:7233/ns"),
        ("temporal.example.com:7233", "temporal.example.com:7233/ns"),
        ("127.0.0.1:7233", "//127.0.0.1:7233/ns"),
        ("[::1]:7233", "//[::1]:7233/ns"),
        ("3com.example:7233", "//3com.example:7233/ns"),
        ("a_b.example:7233", "//a_b.example:7233/ns"),
    ],
)
def test_the_source_is_always_a_uri_reference(address: str, source: str) -> None:
    assert source_reference(address, "ns") == source


def test_the_id_is_made_from_workflow_and_event() -> None:
    event = preempted_event(
        source_address="a:1", namespace="n", workflow_id="wf", event_id="e", time="2026-11-24T09:29:47Z", data={}
    )
    assert event.id == "wf-e"


def test_binary_mode_puts_the_data_alone_into_the_body() -> None:
    message = encode(an_event(), Mode.BINARY)
    assert message.body == '{"tag":"ä","virtualMachines":null}'.encode()
    assert message.headers["ce-time"] == "2026-11-24T09:29:47.210833Z"
    assert message.headers["ce-source"] == "localhost:7233/bench"
    assert message.headers["content-type"] == "application/json"


@pytest.mark.parametrize("event_id", ["a\r\nX-Injected: 1", 'quo"te', "ünï", "100%", "\ud800"])
def test_an_odd_id_cannot_break_out_of_its_header(event_id: str) -> None:
    header = encode(an_event(event_id), Mode.BINARY).headers["ce-id"]
    assert header.isascii()
    assert header.isprintable()
    assert '"' not in header
    assert " " not in header


@pytest.mark.parametrize("mode", list(Mode))
def test_the_same_event_is_the_same_bytes(mode: Mode) -> None:
    assert encode(an_event(), mode) == encode(an_event(), mode)
