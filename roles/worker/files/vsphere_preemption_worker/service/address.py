# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses to listen on, as host:port."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from vsphere_preemption.core.environment import Environment, refused


@dataclass(frozen=True)
class Address:
    """An address to listen on: a host name or IP address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this host can reach it. A name other than localhost may resolve to any address."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"


def read_address(environ: Environment, name: str, *, everywhere: str = "0.0.0.0") -> Address | None:
    """The address in a variable; None if it is not set. everywhere: the host if only :port is set."""
    text = environ.get(name, "").strip()
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65536:
        raise refused(name, f"{text!r} is not host:port", f"Set {name} to an address such as 127.0.0.1:8080.")
    return Address(host.strip("[]") or everywhere, int(port))
