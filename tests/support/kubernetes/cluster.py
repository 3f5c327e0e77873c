# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Kubernetes API: etcd and kube-apiserver on loopback, with pod security and RBAC, and no controllers.

So objects are checked, stored and served as in any cluster, and nothing ever runs. What the controllers would do where
a test needs it (ending a namespace) is done here.
"""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from support.certificates import CertificateAuthority
from support.ports import LOOPBACK, free_port
from support.processes import ServerProcess

from .programs import API_SERVER, ETCD, built, kubectl

START_SECONDS = 60.0
ADMIN = "admin"


class KubectlFailed(RuntimeError):
    """kubectl ended with an error; the text is what it said."""


class Cluster:
    """One API server with a store of its own.

    kubeconfig: of the administrator.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._port = free_port()
        self._token = secrets.token_hex(16)
        self._kubectl = kubectl()
        self._authority = CertificateAuthority(folder / "authority")
        self.kubeconfig = folder / "kubeconfig"
        self._etcd, etcd_url = _etcd(folder)
        self._server = ServerProcess("kube-apiserver", self._server_command(etcd_url), folder=folder)

    def start(self) -> Cluster:
        """Start both, and wait until the server says that it is ready."""
        _write_signing_key(self._folder / "sa.key")
        (self._folder / "tokens.csv").write_text(f"{self._token},{ADMIN},{ADMIN},system:masters\n")
        self.kubeconfig.write_text(yaml.safe_dump(self._kubeconfig()))
        self._etcd.start()
        self._server.start()
        self._server.wait_ready(self._is_ready, START_SECONDS)
        return self

    def stop(self) -> None:
        """End both."""
        self._server.stop()
        self._etcd.stop()

    def kubectl(self, *arguments: str, given: Mapping[str, Any] | None = None) -> str:
        """What kubectl says. given: an object for its standard input. KubectlFailed otherwise."""
        done = subprocess.run(
            [self._kubectl, "--kubeconfig", self.kubeconfig, *arguments],
            input=json.dumps(given) if given else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise KubectlFailed(done.stderr.strip())
        return done.stdout

    def read(self, kind: str, name: str, namespace: str) -> dict[str, Any]:
        """One object as it is stored."""
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
        return found

    def names(self, namespace: str) -> set[str]:
        """`kind/name` of everything in the namespace."""
        kinds = "deployments,networkpolicies,configmaps,secrets,serviceaccounts,services,pods,roles,rolebindings"
        return set(self.kubectl("get", kinds, "-n", namespace, "-o", "name").split())

    def versions(self, namespace: str) -> dict[str, str]:
        """The resource version of everything in the namespace: it moves with each write."""
        kinds = "deployments,networkpolicies,configmaps,secrets,services"
        found = json.loads(self.kubectl("get", kinds, "-n", namespace, "-o", "json"))["items"]
        return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in found}

    def namespace_phase(self, name: str) -> str:
        """Active, Terminating, or nothing when there is no such namespace."""
        return self.kubectl("get", "namespace", name, "--ignore-not-found", "-o", "jsonpath={.status.phase}")

    def finish_namespace(self, name: str) -> None:
        """End a namespace that is being removed, which takes a controller elsewhere."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {"finalizers": []}}
        self.kubectl("replace", "--raw", f"/api/v1/namespaces/{name}/finalize", "-f", "-", given=body)

    def _is_ready(self) -> bool:
        try:
            return self.kubectl("get", "--raw", "/readyz") == "ok"
        except KubectlFailed:
            return False

    def _server_command(self, etcd_url: str) -> list[str | Path]:
        key = self._folder / "sa.key"
        own = self._authority.server()
        return [
            built(API_SERVER),
            f"--etcd-servers={etcd_url}",
            f"--bind-address={LOOPBACK}",
            f"--secure-port={self._port}",
            f"--tls-cert-file={own.certificate}",
            f"--tls-private-key-file={own.key}",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--token-auth-file={self._folder / 'tokens.csv'}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
            # It would wait for the controller that makes service accounts.
            "--disable-admission-plugins=ServiceAccount",
        ]

    def _kubeconfig(self) -> dict[str, Any]:
        cluster = {"server": f"https://{LOOPBACK}:{self._port}", "certificate-authority": str(self._authority.file)}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": ADMIN, "user": {"token": self._token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": ADMIN}}],
        }


def _etcd(folder: Path) -> tuple[ServerProcess, str]:
    client, peer = (f"http://{LOOPBACK}:{free_port()}" for _port in range(2))
    flags = {
        "data-dir": folder / "etcd",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
        "unsafe-no-fsync": "true",
    }
    command: list[str | Path] = [built(ETCD), *(f"--{name}={value}" for name, value in flags.items())]
    return ServerProcess("etcd", command, folder=folder), client


def _write_signing_key(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
