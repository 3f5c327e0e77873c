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
    "http://0.1.2.3/",
    "http://255.255.255.255/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[2002:a83f:8110::]/",
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://127\u30020\u30020\u30021/",
    "HTTP://LocalHost/",
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
        ("::ffff:10.0.0.0/104", "events.example.com", "10.0.0.1", True),
        ("10.0.0.0/8", "events.example.com", "64:ff9b::a00:1", True),
        ("64:ff9b::/96", "events.example.com", "64:ff9b::a00:1", True),
        ("::/0", "events.example.com", "::ffff:127.0.0.1", False),
        ("10.0.0.0/8", "events.example.com", "2002:a00:1::", False),
        ("*", "events.example.com", "127.0.0.1", True),
        ("b\u00fccher.example", "xn--bcher-kva.example", "10.0.0.1", True),
        ("xn--bcher-kva.example", "B\u00dcCHER.example", "10.0.0.1", True),
        ("*.b\u00fccher.example", "a.xn--bcher-kva.example", "10.0.0.1", True),
        ("fussball.example", "fu\u00dfball.example", "10.0.0.1", False),
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
        "http://@events.example.com/",
        "http://events.example.com:99999/",
        "http://events.example.com:0/",
        "http://events.example.com:-1/",
        "http://events.example.com:secret/",
        "http://events.example.com\\.evil.example/",
        "http://events..example.com/",
        "http://./",
        "http://*.example.com/",
        "http://%31%32%37.0.0.1/",
        "http://" + "a" * 64 + ".example/",
        "http://fu\u00dfball.example/",
        "http://[::1%25lo]/",
        "http://[fe80::1%eth0]/",
        "http://[::1/",
        "http://ev\x00il.example/",
        "http://events.example.com/\ud800",
        "http://exa mple.com/",
        "http://events.example.com/\r\nX-Injected: 1",
    ],
)
def test_a_url_that_is_no_plain_web_address_is_refused_even_when_everything_is_allowed(url: str) -> None:
    with pytest.raises(SinkNotAllowed) as refusal:
        ReplyTargets.parse("*").check(url)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://Events.Example.com", "http://events.example.com:80"),
        ("HTTPS://events.example.com/a/b?c=d%20e#f", "https://events.example.com:443/a/b?c=d%20e"),
        ("http://b\u00fccher.example:8080/x", "http://xn--bcher-kva.example:8080/x"),
        ("http://[2001:DB8:0::1]/x", "http://[2001:db8::1]:80/x"),
        ("http://events.example.com./x", "http://events.example.com:80/x"),
        ("http://10.0.0.1//events.example.com/", "http://10.0.0.1:80//events.example.com/"),
        ("http://10.0.0.1?u=x@y/", "http://10.0.0.1:80?u=x@y/"),
    ],
)
def test_what_was_checked_is_what_is_called(url: str, plain: str) -> None:
    assert ReplyTargets().check(url).url == plain


def test_a_name_is_looked_up_once_so_a_second_answer_changes_nothing() -> None:
    answers = iter([answering("10.0.0.9"), answering("127.0.0.1")])

    def changing(*arguments: Any, **options: Any) -> Sequence[Any]:
        return next(answers)(*arguments, **options)

    assert address_for("http://rebinding.example/", resolver=changing) == "10.0.0.9"
    with pytest.raises(SinkNotAllowed):
        address_for("http://rebinding.example/", resolver=changing)


def test_an_unknown_name_may_be_known_later() -> None:
    def unknown(*_: Any, **__: Any) -> Sequence[Any]:
        raise socket.gaierror("Name or service not known")

    with pytest.raises(SinkUnreachable):
        address_for("http://events.example.com/", resolver=unknown)


@pytest.mark.parametrize(
    "text",
    ["http://events.example.com", "a b", "**", "10.0.0.0/99", "*.", ".", "a..b", "fu\u00dfball.example"],
)
def test_a_list_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match="PREEMPTION_REPLY_TO_ALLOW"):
        ReplyTargets.parse(text)
