# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where reply events may be sent, and to which address.

A request names its own reply target, so any client that can send a signal could make the worker call anything that it
can reach. The operator's allow list decides. By default, everything is allowed except addresses of the worker's own
host or its cloud: loopback, link-local and metadata services. A name is resolved once, and the connection is made to
the address that was checked, so that a name that resolves differently later has no effect.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ..core.errors import InvalidSetting, SinkNotAllowed, SinkUnreachable
from .addresses import IpAddress, IpNetwork, destinations, is_forbidden_by_default, read_network

Resolver = Callable[..., Sequence[Any]]

VARIABLE = "PREEMPTION_REPLY_TO_ALLOW"
EVERYTHING = "*"
_PORTS = {"http": 80, "https": 443}
# The two standards for international names interpret these as different hosts, so the name is ambiguous.
_AMBIGUOUS = frozenset("\u00df\u03c2\u200c\u200d")


@dataclass(frozen=True)
class ReplyTarget:
    """A reply target with a valid name and format.

    url: the original URL with the host in its normalized form. host: in lower-case ASCII, without brackets.
    """

    url: str
    scheme: str
    host: str
    port: int
    name_allowed: bool


@dataclass(frozen=True)
class ReplyTargets:
    """The allow list. names: exact, or `*.suffix`. Empty lists mean the default."""

    everything: bool = False
    names: tuple[str, ...] = ()
    networks: tuple[IpNetwork, ...] = ()

    @classmethod
    def parse(cls, text: str) -> ReplyTargets:
        """A comma-separated list of host names, addresses, CIDRs, or `*`. Raises InvalidSetting for anything else."""
        entries = [entry.strip() for entry in text.split(",") if entry.strip()]
        networks = [network for network in map(read_network, entries) if network]
        names = [_listed_name(entry) for entry in entries if entry != EVERYTHING and not read_network(entry)]
        return cls(EVERYTHING in entries, tuple(names), tuple(networks))

    def check(self, url: str) -> ReplyTarget:
        """The target in this URL. Raises SinkNotAllowed if its format or name is not allowed."""
        try:
            parts = urlsplit(url)
            port = _PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
        except ValueError:
            # Not chained: this error repeats parts of the URL, and one of them may be a password.
            raise _refused("the URL is invalid") from None
        if parts.scheme not in _PORTS:
            raise _refused("only http and https are supported")
        if "@" in parts.netloc:
            raise _refused("the URL contains credentials, which would end up in histories and logs")
        if "\\" in url or " " in url or not url.isprintable():
            raise _refused("the URL contains a space, a backslash or a control character")
        if not parts.hostname or not port:
            raise _refused("the URL has no host, or port 0")
        host = _host(parts.hostname)
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        plain = urlunsplit((parts.scheme, place, parts.path, parts.query, ""))
        return ReplyTarget(
            plain, parts.scheme, host, port, self.everything or any(_fits(host, name) for name in self.names)
        )

    def resolve(self, target: ReplyTarget, resolver: Resolver = socket.getaddrinfo) -> str:
        """The address to connect to. Raises SinkUnreachable for an unknown name, SinkNotAllowed if none is allowed."""
        try:
            found = resolver(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise SinkUnreachable(
                "Cannot send the reply event",
                why=f"the name {target.host} cannot be resolved ({error})",
                next_step="Correct replyTo in the request, or the worker's DNS configuration.",
            ) from error
        addresses: list[str] = list(dict.fromkeys(entry[4][0].partition("%")[0] for entry in found))
        allowed = next((text for text in addresses if self._allows(target, ipaddress.ip_address(text))), None)
        if allowed is None:
            raise _refused(f"{target.host} ({', '.join(addresses)}) is not allowed")
        return allowed

    def _allows(self, target: ReplyTarget, address: IpAddress) -> bool:
        if target.name_allowed:
            return True
        if self.names or self.networks:
            return any(end in network for end in destinations(address) for network in self.networks)
        return not is_forbidden_by_default(address)


def _fits(host: str, name: str) -> bool:
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


def _listed_name(entry: str) -> str:
    wildcard = "*." if entry.startswith("*.") else ""
    try:
        return wildcard + _ascii(entry.removeprefix("*."))
    except ValueError as error:
        why = f"{entry!r} is not a host name, an address, a CIDR or *"
        next_step = f"Set {VARIABLE} to a comma-separated list of host names, addresses, CIDRs or *."
        raise InvalidSetting(f"Cannot use {VARIABLE}", why=why, next_step=next_step) from error


def _host(text: str) -> str:
    """The host of a URL in the normalized form that is compared, resolved and sent."""
    try:
        if ":" not in text:
            return _ascii(text)
        address = ipaddress.IPv6Address(text)
        if address.scope_id:
            raise ValueError(f"{text!r} contains a network interface")
        return str(address)
    except ValueError as error:
        raise _refused(
            "the host is neither a name nor an address; use the xn--… form for an international name"
        ) from error


def _ascii(name: str) -> str:
    """A host name in lower-case ASCII, without a trailing dot. Raises ValueError if it is invalid or ambiguous."""
    folded = name.lower()
    if _AMBIGUOUS & set(folded):
        raise ValueError(f"{name!r} is ambiguous")
    plain = folded.encode("idna").decode("ascii").removesuffix(".")
    if not _is_name(plain):
        raise ValueError(f"{name!r} is not a host name")
    return plain


def _is_name(text: str) -> bool:
    return all(label and all(letter.isalnum() or letter in "-_" for letter in label) for label in text.split("."))


def _refused(why: str) -> SinkNotAllowed:
    return SinkNotAllowed(
        "Will not send the reply event",
        why=why,
        next_step=f"Correct replyTo in the request, or ask the operator of the worker to allow it in {VARIABLE}.",
    )
