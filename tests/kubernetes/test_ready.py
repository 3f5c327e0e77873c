# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster holds is enough for a worker: started in the image as a kubelet would, it gets ready.

There is no kubelet here. So this reads the pod from the API server, writes its ConfigMaps and Secrets as files, and
starts the container with the pod's variables, mounts and user.
"""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from support.kubernetes.cluster import Cluster
from support.kubernetes.image import buildah_environment
from support.ports import LOOPBACK, free_port
from support.processes import ServerProcess
from support.temporal import TemporalServer
from support.vcsim import PASSWORD, WORKER_USER, VCSim

from .conftest import Role, changes
from .test_image import PYTHON

NAME = "vsphere-preemption-worker"

pytestmark = pytest.mark.timeout(1200)


def files_of(cluster: Cluster, namespace: str, volume: dict[str, Any]) -> dict[str, bytes]:
    """The files that a volume holds."""
    if "secret" in volume:
        data = cluster.read("secret", volume["secret"]["secretName"], namespace)["data"]
        return {name: base64.b64decode(text) for name, text in data.items()}
    if "configMap" in volume:
        data = cluster.read("configmap", volume["configMap"]["name"], namespace)["data"]
        return {name: text.encode() for name, text in data.items()}
    return {}


def mounts_of(cluster: Cluster, namespace: str, pod: dict[str, Any], folder: Path) -> list[str]:
    """The volumes of the pod as folders, and where they are mounted."""
    flags = []
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for mount in pod["containers"][0]["volumeMounts"]:
        place = folder / mount["name"]
        place.mkdir(parents=True)
        place.chmod(0o755 if mount.get("readOnly") else 0o1777)
        for name, content in files_of(cluster, namespace, volumes[mount["name"]]).items():
            (place / name).write_bytes(content)
        flags.append(f"--volume={place}:{mount['mountPath']}:{'ro' if mount.get('readOnly') else 'rw'}")
    return flags


def is_ready(port: int) -> bool:
    """The readiness probe."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def test_a_worker_that_is_started_from_the_cluster_gets_ready(
    role: Role, cluster: Cluster, container: str, temporal: TemporalServer, vcsim: VCSim, tmp_path: Path
) -> None:
    port = free_port()
    done = role.run(
        worker_temporal_address=temporal.address,
        worker_vcenter_url=vcsim.url,
        worker_vcenter_ca_file=str(vcsim.ca_file),
        worker_vcenter_username=WORKER_USER,
        worker_vcenter_password=PASSWORD,
        worker_policy={"version": 1, "default": "p", "policies": [{"name": "p", "amount": {"max_vms": 3}}]},
        worker_kubernetes_health_port=port,
        worker_kubernetes_metrics_port=free_port(),
    )
    assert changes(done) > 0
    pod = cluster.read("deployment", NAME, role.namespace)["spec"]["template"]["spec"]
    variables = cluster.read("configmap", f"{NAME}-environment", role.namespace)["data"]
    flags = [
        *(f"--env={name}={value}" for name, value in variables.items()),
        *mounts_of(cluster, role.namespace, pod, tmp_path / "volumes"),
        f"--user={pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}",
    ]
    command = ["buildah", "run", *flags, container, "--", PYTHON, "-m", "vsphere_preemption_worker"]
    worker = ServerProcess("worker", command, folder=tmp_path / "worker", environment=buildah_environment())
    worker.start()
    try:
        worker.wait_ready(lambda: is_ready(port), 60)
    finally:
        worker.stop()
