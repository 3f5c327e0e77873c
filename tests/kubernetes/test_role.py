# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role worker in Kubernetes: what it makes, that it makes it once, and that nothing of it stays."""

from __future__ import annotations

import base64

from support.kubernetes.cluster import Cluster

from .conftest import PASSWORD, Role, changes

OWN = {
    "deployment.apps/vsphere-preemption-worker",
    "networkpolicy.networking.k8s.io/vsphere-preemption-worker",
    "configmap/vsphere-preemption-worker-environment",
    "secret/vsphere-credentials",
}


def test_check_mode_says_changed_and_makes_nothing(role: Role, cluster: Cluster) -> None:
    assert changes(role.run("--check", "--diff")) > 0
    assert cluster.namespace_phase(role.namespace) == ""


def test_first_run_makes_all_and_the_second_changes_nothing(role: Role, cluster: Cluster) -> None:
    assert changes(role.run()) > 0
    assert cluster.names(role.namespace) == OWN
    before = cluster.versions(role.namespace)
    assert changes(role.run("--check")) == 0
    assert changes(role.run("--diff")) == 0
    assert cluster.versions(role.namespace) == before


def test_the_namespace_enforces_the_strictest_pod_security(role: Role, cluster: Cluster) -> None:
    role.run()
    labels = cluster.read("namespace", role.namespace, role.namespace)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_account_arrives_as_it_is(role: Role, cluster: Cluster) -> None:
    role.run()
    data = cluster.read("secret", "vsphere-credentials", role.namespace)["data"]
    assert base64.b64decode(data["password"]).decode() == PASSWORD
    assert base64.b64decode(data["username"]).decode() == "preemption@vsphere.local"


def test_absent_leaves_nothing(role: Role, cluster: Cluster) -> None:
    role.run()
    assert changes(role.run("--check", worker_state="absent")) > 0
    assert cluster.names(role.namespace) == OWN
    assert changes(role.run(worker_state="absent")) > 0
    assert cluster.names(role.namespace) == set()
    assert cluster.namespace_phase(role.namespace) == "Terminating"
    cluster.finish_namespace(role.namespace)
    assert cluster.namespace_phase(role.namespace) == ""
    assert changes(role.run(worker_state="absent")) == 0


def test_no_secret_is_shown(role: Role, cluster: Cluster) -> None:
    key = "a-very-secret-api-key"
    outputs = [
        role.run("-vvv", "--diff", worker_temporal_api_key=key),
        role.run("-vvv", "--diff", worker_temporal_api_key=key, worker_vcenter_password=PASSWORD + "2"),
        role.run("-vvv", "--diff", worker_state="absent"),
    ]
    # The part that looks the same where a text is quoted.
    plain, encoded = PASSWORD.partition('"')[0], base64.b64encode(PASSWORD.encode()).decode()
    for done in outputs:
        assert done.returncode == 0, done.stdout
        for secret in (plain, encoded[:-4], key, base64.b64encode(key.encode()).decode()):
            shown = [line for line in done.stdout.splitlines() if secret in line]
            assert shown == []
