# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reply event as a value."""

from __future__ import annotations

import re

import pytest

from vsphere_preemption.core.errors import MissingLibrary
from vsphere_preemption.events import _delivery
from vsphere_preemption.events._delivery import encode
from vsphere_preemption.events.event_types import OutgoingEvent, preempted_event, source_reference
from vsphere_preemption.events.sink import ContentMode

# RFC 3986, appendix A, as far as our sources go: a scheme or `//authority` first, else no colon in the first segment.
CHARACTER = r"(?:[A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-F]{2})"
AUTHORITY = rf"(?:{CHARACTER}+|\[(?:{CHARACTER}|:)+\])(?::[0-9]*)?"
URI_REFERENCE = re.compile(
    rf"(?:[A-Za-z][A-Za-z0-9+.-]*:(?:{CHARACTER}|[:/])*|//{AUTHORITY}(?:/(?:{CHARACTER}|:)*)*|{CHARACTER}+(?:/(?:{CHARACTER}|:)*)*)"
)


def an_event(
    event_id: str = "e1", source: str = "localhost:7233/bench", time: str = "2026-11-24T09:29:47.210833Z"
) -> OutgoingEvent:
    return OutgoingEvent("t", source, event_id, time, {"tag": "ä", "virtualMachines": None})


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("localhost:7233", "localhost:7233/ns"),
        ("temporal.example.com:7233", "temporal.example.com:7233/ns"),
        ("127.0.0.1:7233", "//127.0.0.1:7233/ns"),
        ("[::1]:7233", "//[::1]:7233/ns"),
        ("3com.example:7233", "//3com.example:7233/ns"),
        ("a_b.example:7233", "//a_b.example:7233/ns"),
        ("-a:7233", "//-a:7233/ns"),
        ("a+b-c.d9:7233", "a+b-c.d9:7233/ns"),
        ("t\u00e9mporal:7233", "//t%C3%A9mporal:7233/ns"),
        ("[fe80::1%eth0]:7233", "//[fe80::1%25eth0]:7233/ns"),
        ("dns:///temporal:7233", "dns:///temporal:7233/ns"),
        ("temporal", "temporal/ns"),
    ],
)
def test_the_source_is_always_a_uri_reference(address: str, source: str) -> None:
    assert source_reference(address, "ns") == source
    assert URI_REFERENCE.fullmatch(source)


@pytest.mark.parametrize(
    ("namespace", "path"),
    [
        ("vsphere-preemption", "vsphere-preemption"),
        ("prod.a1b2c", "prod.a1b2c"),
        ("my namespace", "my%20namespace"),
        ("a:b/c", "a:b/c"),
        ("a?b#c[d]%", "a%3Fb%23c%5Bd%5D%25"),
        ("\u00fc\n", "%C3%BC%0A"),
    ],
)
def test_a_namespace_with_odd_characters_still_makes_a_uri_reference(namespace: str, path: str) -> None:
    source = source_reference("localhost:7233", namespace)
    assert source == f"localhost:7233/{path}"
    assert URI_REFERENCE.fullmatch(source)


@pytest.mark.parametrize("wrong", ["127.0.0.1:7233/ns", "a b", "3com:1/ns", "[::1]:7233/ns", "\u00fc"])
def test_the_pattern_of_these_tests_knows_what_is_none(wrong: str) -> None:
    assert not URI_REFERENCE.fullmatch(wrong)


def test_the_id_is_made_from_workflow_and_event() -> None:
    event = preempted_event(
        source_address="a:1", namespace="n", workflow_id="wf", event_id="e", time="2026-11-24T09:29:47Z", data={}
    )
    assert event.id == "wf-e"


def test_binary_mode_puts_the_data_alone_into_the_body() -> None:
    message = encode(an_event(), ContentMode.BINARY)
    assert message.body == '{"tag":"ä","virtualMachines":null}'.encode()
    assert message.headers["ce-time"] == "2026-11-24T09:29:47.210833Z"
    assert message.headers["ce-source"] == "localhost:7233/bench"
    assert message.headers["content-type"] == "application/json"


@pytest.mark.parametrize("event_id", ["a\r\nX-Injected: 1", 'quo"te', "ünï", "100%", "\ud800"])
def test_an_odd_id_cannot_break_out_of_its_header(event_id: str) -> None:
    header = encode(an_event(event_id), ContentMode.BINARY).headers["ce-id"]
    assert header.isascii()
    assert header.isprintable()
    assert '"' not in header
    assert " " not in header


def test_structured_mode_is_one_compact_object() -> None:
    message = encode(an_event(), ContentMode.STRUCTURED)
    assert message.headers == {"content-type": "application/cloudevents+json"}
    assert (
        message.body
        == (
            '{"specversion":"1.0","id":"e1","source":"localhost:7233/bench","type":"t","datacontenttype":"application/json",'
            '"time":"2026-11-24T09:29:47.210833Z","data":{"tag":"ä","virtualMachines":null}}'
        ).encode()
    )


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("2026-11-24T09:29:47Z", "2026-11-24T09:29:47Z"),
        ("2026-11-24T09:29:47.20603305Z", "2026-11-24T09:29:47.20603305Z"),
        ("2026-11-24T09:29:47.123456789Z", "2026-11-24T09:29:47.123456789Z"),
        ("2026-11-24T10:29:47.5+01:00", "2026-11-24T09:29:47.5Z"),
        ("2026-11-24\n09:29:47Z", "2026-11-24T09:29:47Z"),
    ],
)
def test_the_time_is_sent_in_utc_and_to_the_last_digit(given: str, sent: str) -> None:
    assert encode(an_event(time=given), ContentMode.BINARY).headers["ce-time"] == sent
    assert f'"time":"{sent}"'.encode() in encode(an_event(time=given), ContentMode.STRUCTURED).body


@pytest.mark.parametrize("mode", list(ContentMode))
def test_text_that_is_no_unicode_does_not_stop_the_event(mode: ContentMode) -> None:
    encode(OutgoingEvent("t", "a/b", "\ud800", "2026-11-24T09:29:47Z", {"tag": "\ud800"}), mode).body.decode()


def test_a_missing_library_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_delivery, "_PROBLEM", ImportError("No module named 'cloudevents'"))
    with pytest.raises(MissingLibrary, match=r"cloudevents.*Install"):
        encode(an_event(), ContentMode.BINARY)


@pytest.mark.parametrize("mode", list(ContentMode))
def test_the_same_event_is_the_same_bytes(mode: ContentMode) -> None:
    assert encode(an_event(), mode) == encode(an_event(), mode)
