# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an IP address really refers to: addresses inside others, and addresses that only mean the local host."""

from __future__ import annotations

import ipaddress
from typing import TypeAlias

IpAddress: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"
IpNetwork: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"

# Not allowed in requests by default, in addition to loopback, link-local and multicast: "this network" (on Linux,
# 0.0.0.0 is the host itself), broadcast, and the metadata services of AWS, Azure, Alibaba, Oracle and Google.
_NEVER_BY_DEFAULT = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "255.255.255.255",
        "169.254.169.254",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
)
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Ranges of IPv6 that contain an IPv4 address, and how far it is from the right end, in bits.
_IPV4_INSIDE = (
    (_MAPPED, 0),
    (_NAT64, 0),
    (ipaddress.IPv6Network("64:ff9b:1::/48"), 0),  # NAT64 for local use
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 0),  # translated
    (ipaddress.IPv6Network("::/96"), 0),  # compatible
    (ipaddress.IPv6Network("2002::/16"), 80),  # 6to4
)


def read_network(text: str) -> IpNetwork | None:
    """The network or the single address in a text, None if it is neither."""
    try:
        network = ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        start = _ipv4_inside(network.network_address)[0]
        return ipaddress.ip_network((start, network.prefixlen - 96))
    return network


def is_forbidden_by_default(address: IpAddress) -> bool:
    """Whether the address, or an IPv4 address in it, refers to the worker's own host, its link or its cloud."""
    return any(_is_special(form) for form in (address, *_ipv4_inside(address)))


def destinations(address: IpAddress) -> list[IpAddress]:
    """The addresses that a connection to this one really reaches."""
    if address in _MAPPED:
        return list(_ipv4_inside(address))
    return [address, *(_ipv4_inside(address) if address in _NAT64 else ())]


def _is_special(address: IpAddress) -> bool:
    special = address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
    return special or any(address in network for network in _NEVER_BY_DEFAULT)


def _ipv4_inside(address: IpAddress) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses inside an IPv6 address, so that a mapped loopback is a loopback."""
    number = int(address)
    return [ipaddress.IPv4Address(number >> bits & 0xFFFFFFFF) for network, bits in _IPV4_INSIDE if address in network]
