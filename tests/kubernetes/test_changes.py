# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What another run with other variables does: it rolls where it has to, and takes away what is not wanted any more."""

from __future__ import annotations

import pytest

from support.kubernetes.cluster import Cluster

from .conftest import PASSWORD, Role, changes

NAME = "vsphere-preemption-worker"
POLICY = {"version": 1, "default": "p", "policies": [{"name": "p", "amount": {"max_vms": 3}}]}


def template(cluster: Cluster, namespace: str) -> object:
    """What decides whether new pods are made."""
    return cluster.read("deployment", NAME, namespace)["spec"]["template"]


def test_a_changed_policy_starts_new_pods(role: Role, cluster: Cluster) -> None:
    role.run(worker_policy=POLICY)
    before = template(cluster, role.namespace)
    changed = {**POLICY, "policies": [{"name": "p", "amount": {"max_vms": 4}}]}
    assert changes(role.run("--check", worker_policy=changed)) == 2
    assert template(cluster, role.namespace) == before
    assert changes(role.run(worker_policy=changed)) == 2
    assert template(cluster, role.namespace) != before


def test_a_changed_password_changes_the_secret_alone(role: Role, cluster: Cluster) -> None:
    role.run()
    before = template(cluster, role.namespace)
    assert changes(role.run(worker_vcenter_password=PASSWORD + "2")) == 1
    assert template(cluster, role.namespace) == before


def test_what_is_not_wanted_any_more_goes(role: Role, cluster: Cluster) -> None:
    role.run(worker_policy=POLICY, worker_temporal_api_key="key", worker_max_vms=4)
    assert f"secret/{NAME}-temporal" in cluster.names(role.namespace)
    assert changes(role.run(worker_kubernetes_network_policy=False)) > 0
    assert cluster.names(role.namespace) == {
        f"deployment.apps/{NAME}",
        f"configmap/{NAME}-environment",
        "secret/vsphere-credentials",
    }
    variables = cluster.read("configmap", f"{NAME}-environment", role.namespace)["data"]
    assert "PREEMPTION_MAX_VMS" not in variables
    assert "PREEMPTION_POLICY_FILE" not in variables
    assert changes(role.run(worker_kubernetes_network_policy=False)) == 0


def test_two_workers_live_side_by_side_and_go_one_by_one(role: Role, cluster: Cluster) -> None:
    role.run()
    first = cluster.names(role.namespace)
    second = {"worker_name": "east", "worker_task_queue": "east"}
    assert changes(role.run(**second)) > 0
    assert changes(role.run()) == 0
    assert f"deployment.apps/{NAME}-east" in cluster.names(role.namespace)
    assert changes(role.run(worker_state="absent", **second)) > 0
    assert cluster.names(role.namespace) == first
    assert cluster.namespace_phase(role.namespace) == "Active"


def test_a_namespace_of_the_site_stays(role: Role, cluster: Cluster) -> None:
    cluster.kubectl("create", "namespace", role.namespace)
    role.run()
    assert changes(role.run(worker_state="absent")) > 0
    assert cluster.namespace_phase(role.namespace) == "Active"


def test_a_namespace_with_something_else_in_it_stays(role: Role, cluster: Cluster) -> None:
    role.run()
    cluster.kubectl("create", "configmap", "of-the-site", "-n", role.namespace)
    assert changes(role.run(worker_state="absent")) > 0
    assert cluster.names(role.namespace) == {"configmap/of-the-site"}
    assert cluster.namespace_phase(role.namespace) == "Active"


def test_a_secret_of_the_site_is_used_and_never_touched(role: Role, cluster: Cluster) -> None:
    role.run(worker_state="absent")
    cluster.kubectl("create", "namespace", role.namespace)
    cluster.kubectl("create", "secret", "generic", "of-the-site", "-n", role.namespace, "--from-literal=username=x")
    wanted = {"worker_kubernetes_credentials_secret": "of-the-site", "worker_vcenter_password": None}
    assert changes(role.run(**wanted)) > 0
    before = cluster.read("secret", "of-the-site", role.namespace)
    assert changes(role.run(worker_state="absent", **wanted)) > 0
    assert cluster.names(role.namespace) == {"secret/of-the-site"}
    assert cluster.read("secret", "of-the-site", role.namespace) == before


def test_an_object_of_somebody_else_is_not_taken_over(role: Role, cluster: Cluster) -> None:
    cluster.kubectl("create", "namespace", role.namespace)
    cluster.kubectl("create", "secret", "generic", "vsphere-credentials", "-n", role.namespace)
    done = role.run()
    assert done.returncode != 0
    assert "vsphere-credentials" in done.stdout
    assert "worker_kubernetes_credentials_secret" in done.stdout
    assert cluster.names(role.namespace) == {"secret/vsphere-credentials"}


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        pytest.param({"worker_name": "Not A Name"}, "worker_name", id="name"),
        pytest.param({"worker_kubernetes_image": None}, "worker_kubernetes_image", id="image"),
        pytest.param({"worker_vcenter_password": None}, "worker_vcenter_password", id="password"),
        pytest.param({"worker_environment": {"LD_PRELOAD": "x"}}, "worker_environment", id="environment"),
        pytest.param({"worker_policy": {}, "worker_policy_file": "policy.yml"}, "not both", id="policies"),
        pytest.param({"worker_kubernetes_replicas": "many"}, "worker_kubernetes_replicas", id="replicas"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_made(
    role: Role, cluster: Cluster, variables: dict[str, object], says: str
) -> None:
    done = role.run(**variables)
    assert done.returncode != 0
    assert says in done.stdout
    assert cluster.namespace_phase(role.namespace) == ""
