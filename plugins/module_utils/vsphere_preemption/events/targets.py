# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where reply events may go, and at which address.

A request names its own reply target, so whoever may signal could make the worker call anything that it can reach. The
operator's allow list decides. By default everything is allowed but the addresses that only the worker's own host or
its cloud can mean: loopback, link-local and metadata services. A name is resolved once, and the connection is made to
the address that was checked: a name that resolves differently a moment later gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..core.errors import InvalidSetting, SinkNotAllowed, SinkUnreachable

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[..., Sequence[Any]]

VARIABLE = "PREEMPTION_REPLY_TO_ALLOW"
EVERYTHING = "*"
_PORTS = {"http": 80, "https": 443}
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "fd20:ce::254")
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Target:
    """A reply target whose name and form are in order. host: as in the URL, in lower case, without brackets."""

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
        """A comma list of host names, addresses, CIDRs, or `*`. InvalidSetting for anything else."""
        entries = [entry.strip() for entry in text.split(",") if entry.strip()]
        networks = [network for network in map(_network, entries) if network]
        names = [_normal(entry) for entry in entries if entry != EVERYTHING and not _network(entry)]
        for name in names:
            if not _is_name(name.removeprefix("*.")):
                next_step = f"Write {VARIABLE} as host names, addresses, CIDRs or *, with commas between them."
                raise InvalidSetting(f"Cannot use {VARIABLE}", why=f"{name!r} is none of them", next_step=next_step)
        return cls(EVERYTHING in entries, tuple(names), tuple(networks))

    def check(self, url: str) -> Target:
        """The target in this URL. SinkNotAllowed where its form, or its name, rules it out."""
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError as error:
            raise _refused(f"the URL cannot be read ({error})") from error
        if parts.scheme not in _PORTS:
            raise _refused("only http and https are possible")
        if not parts.hostname or any(character.isspace() for character in url):
            raise _refused("the URL names no host")
        if "@" in parts.netloc:
            raise _refused("the URL carries credentials, which would end up in histories and logs")
        host = _normal(parts.hostname)
        return Target(url, parts.scheme, host, port, self.everything or any(_fits(host, name) for name in self.names))

    def resolve(self, target: Target, resolver: Resolver = socket.getaddrinfo) -> str:
        """The one address to connect to. SinkUnreachable for an unknown name, SinkNotAllowed when none is allowed."""
        try:
            found = resolver(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise SinkUnreachable(
                "Cannot send the reply event",
                why=f"the name {target.host} cannot be resolved ({error})",
                next_step="Correct replyTo in the request, or the name service of the worker.",
            ) from error
        addresses: list[str] = list(dict.fromkeys(entry[4][0].partition("%")[0] for entry in found))
        allowed = next((text for text in addresses if self._allows(target, ipaddress.ip_address(text))), None)
        if allowed is None:
            raise _refused(f"{target.host} ({', '.join(addresses)}) is not allowed")
        return allowed

    def _allows(self, target: Target, address: IpAddress) -> bool:
        if target.name_allowed:
            return True
        real = _embedded(address)
        if self.names or self.networks:
            return any(real in network for network in self.networks)
        return not _is_forbidden(real)


def _is_forbidden(address: IpAddress) -> bool:
    special = address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
    return special or address in _METADATA


def _embedded(address: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 one stands for, so that a mapped loopback is a loopback."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _fits(host: str, name: str) -> bool:
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


def _network(text: str) -> IpNetwork | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def _normal(host: str) -> str:
    return host.strip().lower().rstrip(".")


def _is_name(text: str) -> bool:
    labels: Iterable[str] = text.split(".")
    return all(label and all(c.isalnum() or c in "-_" for c in label) for label in labels)


def _refused(why: str) -> SinkNotAllowed:
    return SinkNotAllowed(
        "Will not send the reply event",
        why=why,
        next_step=f"Correct replyTo in the request, or let the operator of the worker allow it in {VARIABLE}.",
    )
