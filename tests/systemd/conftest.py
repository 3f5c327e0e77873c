# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host, one vCenter and one Temporal for all stories, which follow one another as the life of a worker does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.dispatcher import Dispatcher
from support.paths import CACHE
from support.ports import LOOPBACK, free_port
from support.temporal import NAMESPACE, TemporalServer
from support.vcenter_proxy import VCenterProxy
from support.vcsim import PASSWORD, WORKER_USER, Model, VCSim

from .base import NoHost, base_archive, make_possible, wheelhouse
from .controller import Controller
from .host import SystemdHost

ACCOUNT = "preemption"
WHEELS = "/srv/wheels"
UNIT = "vsphere-preemption-default.service"


@dataclass(frozen=True)
class Site:
    """All that a story needs. before: the files of the host before anything was deployed."""

    host: SystemdHost
    controller: Controller
    vcsim: VCSim
    proxy: VCenterProxy
    dispatcher: Dispatcher
    spare_port: int
    before: dict[str, str] = field(repr=False)

    def main_pid(self) -> int:
        return int(self.host.unit(UNIT, "MainPID")["MainPID"])

    def asked(self, call: str) -> int:
        """How often the worker made a call to vCenter."""
        return self.proxy.calls.count(call)

    def wait_ready(self, seconds: float = 60.0) -> None:
        """Wait until systemd has heard that the worker is ready."""
        self.host.wait("the worker to be ready", f"systemctl is-active --quiet {UNIT}", seconds)


@pytest.fixture(scope="session")
def host() -> Iterator[SystemdHost]:
    """A booted host with a wheelhouse. Where there can be none, the tests fail and say why."""
    try:
        make_possible()
        found = SystemdHost(CACHE / "systemd" / "host", base_archive())
        wheels = wheelhouse()
        found.start()
    except NoHost as error:
        pytest.fail(str(error), pytrace=False)
    shutil.copytree(wheels, found.root / WHEELS.lstrip("/"))
    yield found
    found.destroy()


@pytest.fixture(scope="session")
def site(host: SystemdHost, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    vcsim = VCSim(tmp_path_factory.mktemp("vcsim"), model=Model(machines=6)).start()
    proxy = VCenterProxy(vcsim).start()
    variables = {
        "worker_wheelhouse": WHEELS,
        "worker_temporal_address": temporal.address,
        "worker_task_queue": NAMESPACE,
        "worker_vcenter_url": proxy.url,
        "worker_vcenter_username": WORKER_USER,
        "worker_vcenter_password": PASSWORD,
        "worker_vcenter_ca_file": str(vcsim.ca_file),
        "worker_health_address": f"{LOOPBACK}:{free_port()}",
        "worker_grace_seconds": 300,
        "worker_window_seconds": 0,
    }
    controller = Controller(tmp_path_factory.mktemp("controller"), host, variables)
    dispatcher = Dispatcher(temporal, workflow_id="systemd", task_queue=NAMESPACE)
    host.run("useradd", "--system", "--no-create-home", ACCOUNT)
    yield Site(host, controller, vcsim, proxy, dispatcher, free_port(), host.files())
    dispatcher.close()
    proxy.close()
    vcsim.stop()


def credentials_folder(root: Path) -> Path:
    """Where the credentials of the instance lie on the host."""
    return root / "opt/vsphere-preemption/instances/default/credentials"
