# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that the role worker would bring to Kubernetes, rendered without a cluster.

`make test-kubernetes` brings them to a real API server; this is what can be seen without one.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from support.ansible import Ansible, Completed
from support.certificates import CertificateAuthority
from support.paths import CHECKOUT

ROLE = CHECKOUT / "roles" / "worker"
PLAY = f"""
- name: Render the objects
  hosts: localhost
  gather_facts: false
  vars_files: [{ROLE}/defaults/main.yml]
  tasks:
    - name: Load what they are made of
      ansible.builtin.include_vars:
        dir: {ROLE}/vars/kubernetes
        extensions: [yml]

    - name: Check what the site has set
      ansible.builtin.include_tasks: {ROLE}/tasks/kubernetes/check.yml

    # As options of a task, so that what is omitted is left out.
    - name: Render them
      ansible.builtin.set_fact:
        objects: "{{{{ _worker_kubernetes_wanted | map(attribute='object') }}}}"

    - name: Write them down
      ansible.builtin.copy:
        content: "{{{{ objects | to_json }}}}"
        dest: "{{{{ rendered }}}}"
        mode: "0600"
"""
NAME = "vsphere-preemption-worker"
PORT = 8443
TOKENS, KEY = ["first-token-of-a-sender", "second-token-of-one"], "a key of a sender"
LEAST = {
    "worker_vcenter_url": "https://vcenter.example.com",
    "worker_vcenter_username": "svc",
    "worker_vcenter_password": "hunter2",
    "worker_kubernetes_image": "registry.example.com/worker:1",
}
ON = {"worker_kubernetes_webhook_port": PORT, "worker_webhook_tokens": TOKENS}

Objects = dict[str, Any]


class Renderer:
    """Renders what the role would bring, with these variables beside the least."""

    def __init__(self, folder: Path) -> None:
        self._ansible = Ansible(folder / "ansible", {})
        self._file = folder / "rendered.json"

    def run(self, **variables: Any) -> Completed:
        return self._ansible.playbook(PLAY, "-e", json.dumps({**LEAST, "rendered": str(self._file), **variables}))

    def objects(self, **variables: Any) -> Objects:
        """By kind/name."""
        done = self.run(**variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return {f"{one['kind']}/{one['metadata']['name']}": one for one in json.loads(self._file.read_text())}


@pytest.fixture
def renderer(tmp_path: Path) -> Renderer:
    return Renderer(tmp_path)


def decoded(secret: Any) -> dict[str, str]:
    return {name: base64.b64decode(text).decode() for name, text in secret["data"].items()}


def container_of(objects: Objects) -> Any:
    return objects[f"Deployment/{NAME}"]["spec"]["template"]["spec"]["containers"][0]


def test_nothing_of_a_webhook_is_there_while_it_is_off(renderer: Renderer) -> None:
    secrets = {"worker_webhook_tokens": TOKENS, "worker_webhook_hmac_keys": [KEY], "worker_webhook_per_second": 5}
    assert renderer.objects(**secrets) == renderer.objects()
    objects = renderer.objects()
    assert set(objects) == {
        "Secret/vsphere-credentials",
        f"ConfigMap/{NAME}-environment",
        f"NetworkPolicy/{NAME}",
        f"Deployment/{NAME}",
    }
    assert "webhook" not in json.dumps(objects).lower()


def test_a_webhook_has_a_port_a_service_and_a_way_in_of_its_own(renderer: Renderer) -> None:
    objects = renderer.objects(**ON, worker_kubernetes_webhook_peers=[{"podSelector": {}}])
    service = objects[f"Service/{NAME}-webhook"]["spec"]
    assert service["ports"] == [{"name": "webhook", "protocol": "TCP", "port": PORT, "targetPort": "webhook"}]
    pod = objects[f"Deployment/{NAME}"]["spec"]["template"]
    assert service["selector"].items() <= pod["metadata"]["labels"].items()
    assert {"name": "webhook", "containerPort": PORT, "protocol": "TCP"} in container_of(objects)["ports"]
    other, ours = objects[f"NetworkPolicy/{NAME}"]["spec"]["ingress"]
    assert [port["port"] for port in other["ports"]] == ["health", "metrics"]
    assert ours == {"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": "webhook"}]}


def test_secrets_are_in_the_secret_and_nowhere_else(renderer: Renderer, authority: CertificateAuthority) -> None:
    server = authority.server()
    objects = renderer.objects(
        **ON,
        worker_webhook_hmac_keys=[KEY],
        worker_webhook_cert_file=str(server.certificate),
        worker_webhook_key_file=str(server.key),
        worker_webhook_sources=["https://vc-1*/sdk", "https://vc-2/sdk"],
        worker_webhook_max_bytes=4096,
        worker_webhook_per_second=5,
    )
    assert decoded(objects.pop(f"Secret/{NAME}-webhook")) == {
        "tokens": "".join(f"{token}\n" for token in TOKENS),
        "hmac-keys": f"{KEY}\n",
        "key.pem": server.key.read_text(),
    }
    rest = json.dumps(objects)
    assert [word for word in (*TOKENS, KEY, "PRIVATE KEY") if word in rest] == []
    variables = objects[f"ConfigMap/{NAME}-environment"]["data"]
    assert {name: text for name, text in variables.items() if "WEBHOOK" in name} == {
        "PREEMPTION_WEBHOOK_ADDRESS": f"0.0.0.0:{PORT}",
        "PREEMPTION_WEBHOOK_TOKEN_FILE": "/var/bindings/webhook/tokens",
        "PREEMPTION_WEBHOOK_HMAC_FILE": "/var/bindings/webhook/hmac-keys",
        "PREEMPTION_WEBHOOK_CERT_FILE": "/etc/vsphere-preemption/webhook-cert.pem",
        "PREEMPTION_WEBHOOK_KEY_FILE": "/var/bindings/webhook/key.pem",
        "PREEMPTION_WEBHOOK_SOURCES": "https://vc-1*/sdk,https://vc-2/sdk",
        "PREEMPTION_WEBHOOK_MAX_BYTES": "4096",
        "PREEMPTION_WEBHOOK_PER_SECOND": "5",
    }
    assert objects[f"ConfigMap/{NAME}-files"]["data"] == {"webhook-cert.pem": server.certificate.read_text()}
    mounts = {mount["name"]: mount["mountPath"] for mount in container_of(objects)["volumeMounts"]}
    assert mounts["webhook"] == "/var/bindings/webhook"


@pytest.mark.long
def test_another_token_starts_no_new_pods(renderer: Renderer) -> None:
    """The worker reads its secrets again by itself."""
    one = renderer.objects(**ON)
    other = renderer.objects(**{**ON, "worker_webhook_tokens": ["another-token-of-one"]})
    assert one[f"Deployment/{NAME}"] == other[f"Deployment/{NAME}"]
    assert one[f"Secret/{NAME}-webhook"] != other[f"Secret/{NAME}-webhook"]


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        pytest.param({"worker_webhook_tokens": []}, "any workload in the cluster could stop VMs", id="no secret"),
        pytest.param({"worker_webhook_tokens": ["too-short"]}, "at least 16 characters", id="short secret"),
        pytest.param({"worker_webhook_tokens": [f"{KEY}\n{KEY}"]}, "no line breaks", id="two lines"),
        pytest.param({"worker_webhook_sources": []}, "worker_webhook_sources is set but empty", id="no source"),
        pytest.param({"worker_webhook_cert_file": "cert.pem"}, "worker_webhook_key_file", id="no key"),
    ],
)
def test_what_the_worker_would_refuse_is_refused_before_anything_is_made(
    renderer: Renderer, variables: dict[str, Any], says: str
) -> None:
    done = renderer.run(**{**ON, **variables})
    refused = " ".join((done.stdout + done.stderr).split())
    assert (done.returncode != 0, says in refused) == (True, True), refused
    assert [word for word in ("too-short", KEY) if word in refused] == []
