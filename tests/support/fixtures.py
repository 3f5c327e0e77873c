# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers for the integration tests: Temporal once for all, a vCenter per module or per test.

A test gets a task queue and a workflow id of its own, so that tests share one Temporal server without meeting.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping

import pytest

from support.certificates import CertificateAuthority
from support.dispatcher import Dispatcher
from support.govc import Govc
from support.sink import Sink
from support.temporal import TemporalServer
from support.vcenter_proxy import VCenterProxy
from support.vcsim import Model, VCSim
from support.worker import WorkerProcess

SMALL_MODEL = Model(clusters=2, hosts=2, machines=5)

StartWorker = Callable[..., WorkerProcess]


@pytest.fixture(scope="session")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """One Temporal server for the whole run, with the namespace `vsphere-preemption`. Do not stop it."""
    server = TemporalServer(tmp_path_factory.mktemp("temporal")).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def shared_vcsim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCSim]:
    """A vCenter with two clusters of five VMs for all tests of a module, which must not change it for one another."""
    vcsim = VCSim(tmp_path_factory.mktemp("vcsim"), model=SMALL_MODEL).start()
    yield vcsim
    vcsim.stop()


@pytest.fixture
def vcsim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCSim]:
    """A vCenter of the same shape for one test only (half a second)."""
    vcsim = VCSim(tmp_path_factory.mktemp("vcsim"), model=SMALL_MODEL).start()
    yield vcsim
    vcsim.stop()


@pytest.fixture
def govc(vcsim: VCSim) -> Govc:
    """The independent witness for `vcsim`."""
    return vcsim.govc()


@pytest.fixture
def vcenter_proxy(vcsim: VCSim) -> Iterator[VCenterProxy]:
    """A proxy in front of `vcsim` that counts calls and breaks them on demand."""
    proxy = VCenterProxy(vcsim).start()
    yield proxy
    proxy.close()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A receiver for CloudEvents."""
    receiver = Sink()
    yield receiver
    receiver.close()


@pytest.fixture
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """A certificate authority for one test."""
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def unique() -> str:
    """A short text that no other test has."""
    return uuid.uuid4().hex[:12]


@pytest.fixture
def task_queue(unique: str) -> str:
    """A task queue of the test's own."""
    return f"queue-{unique}"


@pytest.fixture
def workflow_id(unique: str) -> str:
    """A workflow id of the test's own."""
    return f"workflow-{unique}"


@pytest.fixture
def dispatcher(temporal: TemporalServer, task_queue: str, workflow_id: str) -> Iterator[Dispatcher]:
    """The dispatcher of the test's own workflow id; it is started by the first request."""
    own = Dispatcher(temporal, workflow_id=workflow_id, task_queue=task_queue)
    yield own
    own.close()


@pytest.fixture
def start_worker(
    tmp_path_factory: pytest.TempPathFactory, temporal: TemporalServer, task_queue: str
) -> Iterator[StartWorker]:
    """Start a worker on the test's task queue: `start_worker(vcsim.client_environment(), {"PREEMPTION_MAX_VMS": "3"})`.

    All workers that a test starts are ended after it.
    """
    workers: list[WorkerProcess] = []

    def start(
        vcenter: Mapping[str, str], settings: Mapping[str, str | None] | None = None, *, wait: bool = True
    ) -> WorkerProcess:
        worker = WorkerProcess(
            tmp_path_factory.mktemp("worker"),
            temporal_address=temporal.address,
            vcenter=vcenter,
            task_queue=task_queue,
            settings=settings,
        )
        workers.append(worker)
        return worker.start(wait=wait)

    yield start
    for worker in workers:
        worker.stop()
