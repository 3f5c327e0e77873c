# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of simulated vCenters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import pytest

from support.vcsim import VCSim
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.vcenter.client import VCenter
from vsphere_preemption.vcenter.settings import FileCredentials, VCenterSettings

TAGGED = ["DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1", "DC0_C1_RP0_VM0"]


class Server(Protocol):
    """vcsim, or the proxy in front of it."""

    def client_environment(self) -> dict[str, str]: ...


@dataclass
class Clients:
    """Makes clients, and closes them. seen: every call that one of them made, with its error."""

    opened: list[VCenter] = field(default_factory=list)
    seen: list[tuple[str, str | None]] = field(default_factory=list)

    def open(self, server: Server, changes: Mapping[str, str] | None = None, **settings: object) -> VCenter:
        """A client with the worker's environment. changes: other variables; settings: fields of VCenterSettings."""
        environment = {**server.client_environment(), **(changes or {})}
        chosen = VCenterSettings.from_environment(environment)
        client = VCenter(
            replace(chosen, **settings),  # type: ignore[arg-type]
            FileCredentials(environment["VCENTER_SECRET_PATH"]),
            observe=lambda name, _, code: self.seen.append((name, code)),
        )
        self.opened.append(client)
        return client

    def calls(self) -> list[str]:
        """The names of the calls since the last look, sorted: parallel ones have no order."""
        names = sorted(name for name, code in self.seen)
        self.seen.clear()
        return names

    def errors(self) -> list[str]:
        """The codes of the errors of those calls."""
        return [code for name, code in self.seen if code is not None]


@pytest.fixture
def clients() -> Iterator[Clients]:
    """Clients for the test; closed after it."""
    made = Clients()
    yield made
    for client in made.opened:
        client.close()


@pytest.fixture
def refs(vcsim: VCSim) -> list[ManagedObject]:
    """Three VMs that carry the tag `preemptible`, in order of TAGGED."""
    vcsim.tag_machines(TAGGED)
    machines = vcsim.govc().machines()
    return [ManagedObject("VirtualMachine", machines[name].ref) for name in TAGGED]
