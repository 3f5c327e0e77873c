# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The webhook of a worker in Kubernetes: Secret, Service, port and way in while it is on; nothing while it is off.

What the objects hold is in tests/integration/roles/test_worker_manifests.py.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest

from support.certificates import CertificateAuthority
from support.kubernetes.cluster import Cluster

from .conftest import Role, changes
from .test_pod import NAME, pod_of
from .test_role import OWN

PORT = 8443
TOKEN, NEWER = "a-token-that-nobody-guesses", "another-token-of-the-sender"
ON: dict[str, Any] = {"worker_kubernetes_webhook_port": PORT, "worker_webhook_tokens": [TOKEN]}
OF_WEBHOOK = {f"secret/{NAME}-webhook", f"service/{NAME}-webhook"}


def test_check_do_check_do_and_off_again(role: Role, cluster: Cluster) -> None:
    role.run(worker_webhook_tokens=[TOKEN])
    assert cluster.names(role.namespace) == OWN
    before = cluster.versions(role.namespace)
    assert changes(role.run("--check", **ON)) > 0
    assert cluster.versions(role.namespace) == before
    assert changes(role.run(**ON)) > 0
    assert cluster.names(role.namespace) == OWN | OF_WEBHOOK
    before = cluster.versions(role.namespace)
    assert (changes(role.run("--check", **ON)), changes(role.run(**ON))) == (0, 0)
    assert cluster.versions(role.namespace) == before
    assert changes(role.run(worker_webhook_tokens=[TOKEN])) > 0
    assert cluster.names(role.namespace) == OWN
    assert "webhook" not in str(cluster.read("networkpolicy", NAME, role.namespace)["spec"])
    assert changes(role.run(worker_webhook_tokens=[TOKEN])) == 0


def test_the_pod_is_accepted_and_the_port_is_open_to_those_who_are_named(
    role: Role, cluster: Cluster, authority: CertificateAuthority
) -> None:
    server = authority.server()
    done = role.run(
        **ON,
        worker_webhook_cert_file=str(server.certificate),
        worker_webhook_key_file=str(server.key),
        worker_kubernetes_webhook_peers=[{"namespaceSelector": {}}],
    )
    assert changes(done) > 0
    pod = pod_of(cluster, role.namespace)
    cluster.kubectl("create", "--dry-run=server", "-f", "-", given=pod)
    service = cluster.read("service", f"{NAME}-webhook", role.namespace)["spec"]
    assert (service["type"], service["ports"][0]["port"], service["ports"][0]["targetPort"]) == (
        "ClusterIP",
        PORT,
        "webhook",
    )
    assert service["selector"].items() <= pod["metadata"]["labels"].items()
    health, webhook = cluster.read("networkpolicy", NAME, role.namespace)["spec"]["ingress"]
    assert "from" not in health
    assert webhook == {"from": [{"namespaceSelector": {}}], "ports": [{"port": "webhook", "protocol": "TCP"}]}


def test_another_token_changes_the_secret_alone_and_no_token_is_shown(role: Role, cluster: Cluster) -> None:
    role.run(**ON)
    before = cluster.versions(role.namespace)
    done = role.run("-vvv", "--diff", **{**ON, "worker_webhook_tokens": [TOKEN, NEWER]})
    assert changes(done) == 1
    after = cluster.versions(role.namespace)
    assert {name for name in after if after[name] != before[name]} == {f"Secret/{NAME}-webhook"}
    data = cluster.read("secret", f"{NAME}-webhook", role.namespace)["data"]
    assert base64.b64decode(data["tokens"]).decode() == f"{TOKEN}\n{NEWER}\n"
    encoded = base64.b64encode(TOKEN.encode()).decode()[:-4]
    assert [line for line in done.stdout.splitlines() if TOKEN in line or NEWER in line or encoded in line] == []


def test_absent_takes_the_webhook_along(role: Role, cluster: Cluster) -> None:
    role.run(**ON)
    assert changes(role.run(worker_state="absent")) > 0
    assert cluster.names(role.namespace) == set()


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        pytest.param({"worker_webhook_tokens": []}, "any workload in the cluster could stop VMs", id="no secret"),
        pytest.param({"worker_webhook_tokens": ["too-short"]}, "at least 16 characters", id="short secret"),
    ],
)
def test_one_that_the_worker_would_refuse_makes_nothing(
    role: Role, cluster: Cluster, variables: dict[str, Any], says: str
) -> None:
    done = role.run(**{**ON, **variables})
    assert done.returncode != 0
    assert says in " ".join(done.stdout.split())
    assert cluster.namespace_phase(role.namespace) == ""
