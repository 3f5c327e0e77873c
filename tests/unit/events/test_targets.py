# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where reply events may go: names, addresses in all their spellings, and names that change their mind."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import pytest

from vsphere_preemption.core.errors import InvalidSetting, SinkNotAllowed, SinkUnreachable
from vsphere_preemption.events.targets import ReplyTargets, Resolver


def answering(*addresses: str) -> Resolver:
    def resolve(host: str, port: int, **_: Any) -> Sequence[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, port)) for address in addresses]

    return resolve


def address_for(url: str, *, allow: str = "", resolver: Resolver = socket.getaddrinfo) -> str:
    targets = ReplyTargets.parse(allow)
    return targets.resolve(targets.check(url), resolver)


LOCAL = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://0.0.0.0/",
    "http://[::]/",
    "http://169.254.169.254/latest/meta-data",
    "http://[::ffff:169.254.169.254]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://224.0.0.1/",
    "http://168.63.129.16/",
]


@pytest.mark.parametrize("url", LOCAL)
def test_by_default_no_spelling_of_a_local_address_is_allowed(url: str) -> None:
    with pytest.raises(SinkNotAllowed):
        address_for(url)


@pytest.mark.parametrize("url", ["http://10.1.2.3/", "https://192.0.2.7:8443/x?y=1", "http://[2001:db8::1]/"])
def test_by_default_every_other_address_is_allowed(url: str) -> None:
    assert address_for(url)


@pytest.mark.parametrize(
    ("allow", "host", "resolves_to", "allowed"),
    [
        ("events.example.com", "events.example.com", "10.0.0.1", True),
        ("events.example.com", "EVENTS.example.com.", "127.0.0.1", True),
        ("events.example.com", "other.example.com", "10.0.0.1", False),
        ("*.example.com", "a.b.example.com", "10.0.0.1", True),
        ("*.example.com", "example.com", "10.0.0.1", False),
        ("*.example.com", "badexample.com", "10.0.0.1", False),
        ("10.0.0.0/8", "events.example.com", "10.0.0.1", True),
        ("10.0.0.0/8", "events.example.com", "11.0.0.1", False),
        ("10.0.0.0/8", "events.example.com", "::ffff:10.0.0.1", True),
        ("127.0.0.1", "events.example.com", "127.0.0.1", True),
        ("127.0.0.1", "events.example.com", "127.0.0.2", False),
        ("::1", "events.example.com", "::1", True),
        ("*", "events.example.com", "127.0.0.1", True),
        ("a.example, 10.0.0.0/8 ,", "a.example", "192.0.2.1", True),
    ],
)
def test_a_list_allows_what_it_names_and_nothing_else(allow: str, host: str, resolves_to: str, allowed: bool) -> None:
    if allowed:
        assert address_for(f"http://{host}/", allow=allow, resolver=answering(resolves_to)) == resolves_to
    else:
        with pytest.raises(SinkNotAllowed):
            address_for(f"http://{host}/", allow=allow, resolver=answering(resolves_to))


def test_of_several_addresses_an_allowed_one_is_taken() -> None:
    assert address_for("http://two.example/", resolver=answering("127.0.0.1", "10.0.0.9")) == "10.0.0.9"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "events",
        "ftp://events.example.com/",
        "file:///etc/passwd",
        "gopher://x/",
        "http://",
        "http:///path",
        "http://user:secret@events.example.com/",
        "http://events.example.com:99999/",
        "http://exa mple.com/",
        "http://events.example.com/\r\nX-Injected: 1",
    ],
)
def test_a_url_that_is_no_plain_web_address_is_refused_even_when_everything_is_allowed(url: str) -> None:
    with pytest.raises(SinkNotAllowed) as refusal:
        ReplyTargets.parse("*").check(url)
    assert "secret" not in str(refusal.value)


def test_an_unknown_name_may_be_known_later() -> None:
    def unknown(*_: Any, **__: Any) -> Sequence[Any]:
        raise socket.gaierror("Name or service not known")

    with pytest.raises(SinkUnreachable):
        address_for("http://events.example.com/", resolver=unknown)


@pytest.mark.parametrize("text", ["http://events.example.com", "a b", "**", "10.0.0.0/99", "*.", "a..b"])
def test_a_list_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match="PREEMPTION_REPLY_TO_ALLOW"):
        ReplyTargets.parse(text)
