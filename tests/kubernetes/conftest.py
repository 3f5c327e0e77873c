# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One real API server for all tests here, and the role that talks to it. `make test-kubernetes` runs them."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sanity.checkout import copy_into

from support.ansible import Ansible, Completed
from support.kubernetes.cluster import Cluster
from support.kubernetes.image import BASE, buildah, buildah_environment, prepare_image_parts, wheelhouse
from support.kubernetes.programs import python_client

PASSWORD = "pa'ss: {w} \"%ord\\ #1"
PLAY = """
- name: Put the worker into the cluster
  hosts: localhost
  gather_facts: false
  roles: [vsphere.preemption.worker]
"""

IMAGE = "localhost/vsphere-preemption-worker"
# Each process of the tests makes an image of its own, and takes it away.
TAG = f"trial-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
BUILD_SECONDS = 600.0

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Role:
    """Runs the role worker against the cluster, with these variables unless a test says otherwise."""

    ansible: Ansible
    variables: Mapping[str, Any]

    @property
    def namespace(self) -> str:
        return str(self.variables["worker_kubernetes_namespace"])

    def run(self, *flags: str, **changed: Any) -> Completed:
        """One run of the role; its variables without those that a test sets to None."""
        wanted = {name: value for name, value in {**self.variables, **changed}.items() if value is not None}
        return self.ansible.playbook(PLAY, "-e", json.dumps(wanted), *flags)


def changes(done: Completed) -> int:
    """How many tasks changed something; the run has to have succeeded."""
    assert done.returncode == 0, done.stdout + done.stderr
    recap = next(line for line in done.stdout.splitlines() if line.startswith("localhost ") and "changed=" in line)
    return int(recap.partition("changed=")[2].split()[0])


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as it is now: with other people's edits in between, a second run would change something."""
    return copy_into(tmp_path_factory.mktemp("collection"))


@pytest.fixture(scope="session")
def runtime_lock(collection: Path) -> Path:
    """The lock file that goes into the image."""
    return collection / "roles" / "worker" / "files" / "requirements.txt"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The API server. Each test has a namespace of its own."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster")).start()
    yield cluster
    cluster.stop()


@pytest.fixture
def role(cluster: Cluster, collection: Path, tmp_path: Path) -> Role:
    """The role with the least that it needs, in a namespace that is not there yet."""
    folder = tmp_path / "ansible"
    path = os.pathsep.join([str(folder / "links"), str(python_client())])
    ansible = Ansible(folder, {"PYTHONPATH": path}, collection=collection)
    ansible.seconds = BUILD_SECONDS
    return Role(
        ansible,
        {
            "worker_platform": "kubernetes",
            "worker_temporal_address": "temporal.example.com:7233",
            "worker_vcenter_url": "https://vcenter.example.com",
            "worker_vcenter_username": "preemption@vsphere.local",
            "worker_vcenter_password": PASSWORD,
            "worker_kubernetes_namespace": f"workers-{next(_numbers)}",
            "worker_kubernetes_image": "registry.example.com/vsphere-preemption-worker:0.2.0",
            "worker_kubernetes_kubeconfig": str(cluster.kubeconfig),
            "worker_kubernetes_wait": False,
        },
    )


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory, collection: Path, runtime_lock: Path) -> Ansible:
    """Runs playbooks where buildah works inside the cache."""
    prepare_image_parts(runtime_lock)
    folder = tmp_path_factory.mktemp("image") / "ansible"
    ansible = Ansible(folder, buildah_environment(), collection=collection)
    ansible.seconds = BUILD_SECONDS
    return ansible


@pytest.fixture(scope="session")
def image_variables(runtime_lock: Path) -> dict[str, Any]:
    """What the playbook needs to build without a registry and without a package index."""
    wheels = str(wheelhouse(runtime_lock))
    return {"image_name": IMAGE, "image_tag": TAG, "image_base": BASE, "image_wheelhouse": wheels}


@pytest.fixture(scope="session")
def container(builder: Ansible, image_variables: dict[str, Any]) -> Iterator[str]:
    """A container of the image that the playbook has built."""
    if buildah("images", "--quiet", "--filter", f"reference={IMAGE}:{TAG}").strip():
        buildah("rmi", f"{IMAGE}:{TAG}")
    assert changes(builder.named_playbook("build_image", image_variables)) == 1
    name = buildah("from", "--pull-never", f"{IMAGE}:{TAG}").strip()
    yield name
    buildah("rm", name)
    buildah("rmi", f"{IMAGE}:{TAG}")
