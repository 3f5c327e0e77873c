# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the tag service, and what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from vsphere_preemption.vcenter.settings import GivenCredentials, VCenterSettings
from vsphere_preemption.vcenter.tags.lookup import Tags
from vsphere_preemption.vcenter.transport.gate import CallGate
from vsphere_preemption.vcenter.transport.http import ConnectionPool
from vsphere_preemption.vcenter.transport.login import LoginGuard
from vsphere_preemption.vcenter.transport.rest import Rest

from .tag_server import PASSWORD, USER, TagServer, TagService


class FakeClock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class TagClient:
    """The library's tag look-up against the tag service. seen: the calls by their names for metrics."""

    service: TagService
    rest: Rest
    tags: Tags
    clock: FakeClock
    seen: list[tuple[str, str | None]] = field(default_factory=list)

    def names(self) -> list[str]:
        """The calls since the last look, sorted: parallel ones have no order."""
        names = sorted(name for name, code in self.seen)
        self.seen.clear()
        return names


@pytest.fixture
def clock() -> FakeClock:
    """A clock that the test sets."""
    return FakeClock()


@pytest.fixture
def service() -> TagService:
    """Tags, under /api only."""
    return TagService()


@pytest.fixture
def client(service: TagService, clock: FakeClock) -> Iterator[TagClient]:
    """A client of the service."""
    with TagServer(service) as server:
        settings = VCenterSettings(server.url, insecure=True, call_seconds=5)
        connections = ConnectionPool(settings)
        seen: list[tuple[str, str | None]] = []
        calls = CallGate(5, address=str(settings.endpoint), observe=lambda name, _, code: seen.append((name, code)))
        rest = Rest(connections, calls, LoginGuard(GivenCredentials(USER, PASSWORD)))
        yield TagClient(service, rest, Tags(rest, calls=5, clock=clock), clock, seen)
        connections.drop()
