# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod of the Deployment, as the API server takes it where the strictest pod security is enforced."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from support.certificates import CertificateAuthority
from support.kubernetes.cluster import Cluster, KubectlFailed

from .conftest import Role, changes

NAME = "vsphere-preemption-worker"


def pod_of(cluster: Cluster, namespace: str, name: str = NAME) -> dict[str, Any]:
    """The pod that the Deployment's controller would make."""
    template = cluster.read("deployment", name, namespace)["spec"]["template"]
    metadata = {"labels": template["metadata"]["labels"], "name": "trial", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def environment_of(cluster: Cluster, namespace: str) -> dict[str, str]:
    """The variables that the container gets from its ConfigMap."""
    data: dict[str, str] = cluster.read("configmap", f"{NAME}-environment", namespace)["data"]
    return data


@pytest.fixture
def everything(authority: CertificateAuthority) -> dict[str, Any]:
    """Every variable that adds something to the pod."""
    client = authority.client()
    return {
        "worker_temporal_ca_file": str(authority.file),
        "worker_temporal_client_cert_file": str(client.certificate),
        "worker_temporal_client_key_file": str(client.key),
        "worker_temporal_api_key": "an-api-key",
        "worker_vcenter_ca_file": str(authority.file),
        "worker_policy": {"version": 1, "default": "p", "policies": [{"name": "p", "amount": {"max_vms": 3}}]},
        "worker_reply_to_allow": ["broker.example.com", "*.svc.cluster.local"],
        "worker_max_vms": 7,
        "worker_environment": {"PREEMPTION_REPLY_MODE": "structured"},
    }


def test_the_least_pod_is_accepted(role: Role, cluster: Cluster) -> None:
    role.run()
    cluster.kubectl("create", "--dry-run=server", "-f", "-", given=pod_of(cluster, role.namespace))


def test_a_pod_with_everything_is_accepted(role: Role, cluster: Cluster, everything: dict[str, Any]) -> None:
    assert changes(role.run(**everything)) > 0
    assert changes(role.run(**everything)) == 0
    pod = pod_of(cluster, role.namespace)
    cluster.kubectl("create", "--dry-run=server", "-f", "-", given=pod)
    names = {volume["name"] for volume in pod["spec"]["volumes"]}
    assert names == {"tmp", "credentials", "temporal", "files"}
    assert [entry["name"] for entry in pod["spec"]["containers"][0]["env"]] == ["TEMPORAL_API_KEY"]


def test_the_server_would_refuse_a_weaker_pod(role: Role, cluster: Cluster) -> None:
    """So that the tests above say something."""
    role.run()
    weaker = copy.deepcopy(pod_of(cluster, role.namespace))
    weaker["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(KubectlFailed, match="violates PodSecurity"):
        cluster.kubectl("create", "--dry-run=server", "-f", "-", given=weaker)


def test_every_setting_arrives(role: Role, cluster: Cluster, everything: dict[str, Any]) -> None:
    role.run(**everything)
    variables = environment_of(cluster, role.namespace)
    assert variables == {
        "DEBUG": "false",
        "PREEMPTION_HEALTH_ADDRESS": "0.0.0.0:8080",
        "PREEMPTION_MAX_VMS": "7",
        "PREEMPTION_METRICS_ADDRESS": "0.0.0.0:9090",
        "PREEMPTION_POLICY_FILE": "/etc/vsphere-preemption/policy.yml",
        "PREEMPTION_REPLY_MODE": "structured",
        "PREEMPTION_REPLY_TO_ALLOW": "broker.example.com,*.svc.cluster.local",
        "TEMPORAL_NAMESPACE": "vsphere-preemption",
        "TEMPORAL_TASKQUEUE": "vsphere-preemption",
        "TEMPORAL_TLS_CLIENT_CERT_PATH": "/etc/vsphere-preemption/temporal-client-cert.pem",
        "TEMPORAL_TLS_CLIENT_KEY_PATH": "/var/bindings/temporal/client-key.pem",
        "TEMPORAL_TLS_SERVER_CA_CERT_PATH": "/etc/vsphere-preemption/temporal-ca.pem",
        "TEMPORAL_URL": "temporal.example.com:7233",
        "VCENTER_CA_FILE": "/etc/vsphere-preemption/vcenter-ca.pem",
        "VCENTER_INSECURE": "false",
        "VCENTER_SECRET_PATH": "/var/bindings/vsphere",
        "VCENTER_URL": "https://vcenter.example.com",
    }


def test_fields_of_the_site_are_added_to_the_pod(role: Role, cluster: Cluster) -> None:
    assert (
        changes(role.run(worker_kubernetes_pod={"nodeSelector": {"zone": "a"}, "securityContext": {"fsGroup": 7}})) > 0
    )
    spec = pod_of(cluster, role.namespace)["spec"]
    assert spec["nodeSelector"] == {"zone": "a"}
    assert spec["securityContext"]["fsGroup"] == 7
    assert spec["securityContext"]["runAsNonRoot"] is True


def test_one_who_gives_the_address_of_vcenter_opens_that_address_only(role: Role, cluster: Cluster) -> None:
    role.run(
        worker_vcenter_url="https://192.0.2.7:8443",
        worker_temporal_address="[2001:db8::7]:7234",
        worker_kubernetes_sink_ports=[8080],
        worker_kubernetes_sink_peers=[{"podSelector": {}}],
    )
    egress = cluster.read("networkpolicy", NAME, role.namespace)["spec"]["egress"]
    assert [[port["port"] for port in rule["ports"]] for rule in egress] == [[53, 53], [8443], [7234], [8080]]
    assert egress[1]["to"] == [{"ipBlock": {"cidr": "192.0.2.7/32"}}]
    assert egress[2]["to"] == [{"ipBlock": {"cidr": "2001:db8::7/128"}}]
    assert egress[3]["to"] == [{"podSelector": {}}]
