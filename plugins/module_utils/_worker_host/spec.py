# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task requests, from the options of the module: paths, environment variables, and files of the worker.

Settings that the worker would reject are rejected here, before the running worker is changed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from ..vsphere_preemption.core.errors import InvalidSetting
from ..vsphere_preemption.vcenter.settings import parse_endpoint
from .deployment_plan import POLICY_FILE, File
from .readiness import split
from .service import SECRET_FILES, Instance
from .venv import PackageSource

OPTIONS_OF_VARIABLES = {
    "PREEMPTION_WEBHOOK_ADDRESS": "webhook_address",
    "PREEMPTION_WEBHOOK_TOKEN_FILE": "webhook_tokens",
    "PREEMPTION_WEBHOOK_HMAC_FILE": "webhook_hmac_keys",
    "PREEMPTION_WEBHOOK_CERT_FILE": "webhook_cert_file",
    "PREEMPTION_WEBHOOK_KEY_FILE": "webhook_key_file",
    "PREEMPTION_WEBHOOK_SOURCES": "webhook_sources",
    "PREEMPTION_WEBHOOK_MAX_BYTES": "webhook_max_bytes",
    "PREEMPTION_WEBHOOK_PER_SECOND": "webhook_per_second",
}
CERTIFICATE = "tls/webhook_cert.pem"
# Options with secrets, each of which becomes a file with one secret per line.
SECRETS = ("webhook_tokens", "webhook_hmac_keys")
SHORTEST_SECRET, MOST_SECRETS = 16, 16


def webhook_files(params: Mapping[str, Any], shipped: Mapping[str, Any]) -> dict[str, File]:
    """The files of the webhook, by path in the directory of the instance. Raises InvalidSetting."""
    if not params["webhook_address"]:
        return {}
    found = {f"credentials/{name}": _secret_file(name, params[name]) for name in SECRETS if params[name]}
    if bool(shipped["webhook_cert"]) != bool(shipped["webhook_key"]):
        raise _unusable(
            "webhook_cert_file", "a certificate needs its key", "Set both webhook_cert_file and webhook_key_file."
        )
    if shipped["webhook_cert"]:
        found[CERTIFICATE] = File(shipped["webhook_cert"])
        found["credentials/webhook_key"] = File.hidden(shipped["webhook_key"])
    return found


def webhook_variables(params: Mapping[str, Any], folder: Path, files: Collection[str]) -> dict[str, Any]:
    """The variables of the webhook, without those that name secret files. files: of the instance."""
    address = params["webhook_address"]
    if not address:
        return {}
    try:
        split(address)
    except ValueError as error:
        raise _unusable("webhook_address", str(error), "Use the format 127.0.0.1:8088.") from error
    if not _is_loopback(address) and not any(f"credentials/{name}" in files for name in SECRETS):
        why = f"other machines can reach {address}, so any sender could stop VMs"
        raise _unusable("webhook_address", why, "Set webhook_tokens or webhook_hmac_keys, or listen on 127.0.0.1.")
    if params["webhook_sources"] == []:
        raise _unusable("webhook_sources", "it is set but empty", "Omit it to accept events from any source.")
    return {
        "PREEMPTION_WEBHOOK_ADDRESS": address,
        "PREEMPTION_WEBHOOK_CERT_FILE": str(folder / CERTIFICATE) if CERTIFICATE in files else None,
        "PREEMPTION_WEBHOOK_SOURCES": ",".join(params["webhook_sources"] or []),
        "PREEMPTION_WEBHOOK_MAX_BYTES": params["webhook_max_bytes"],
        "PREEMPTION_WEBHOOK_PER_SECOND": params["webhook_per_second"],
    }


def _secret_file(name: str, secrets: list[str]) -> File:
    """No message shows a secret."""
    if len(secrets) > MOST_SECRETS:
        why = f"it has {len(secrets)} values, but the maximum is {MOST_SECRETS}"
        raise _unusable(name, why, f"Use up to {MOST_SECRETS} values.")
    if any(len(secret.encode()) < SHORTEST_SECRET for secret in secrets):
        raise _unusable(name, f"a value is shorter than {SHORTEST_SECRET} characters", "Use a longer value.")
    if any(secret != secret.strip() or not secret.isprintable() for secret in secrets):
        why = "a value has leading or trailing whitespace, or a non-printable character"
        raise _unusable(name, why, "Use another value.")
    return File.hidden("".join(f"{secret}\n" for secret in secrets))


def _is_loopback(address: str) -> bool:
    """In the same way as the worker: without a host, it listens on 127.0.0.1."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() in ("", "localhost")


def _unusable(name: str, why: str, next_step: str) -> InvalidSetting:
    return InvalidSetting(f"Cannot use {name}", why=why, next_step=next_step)


NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
# Variables that have an option of their own, and those that have none.
OF_OPTIONS = {
    "PREEMPTION_POLICY_FILE": "policy or policy_file",
    "PREEMPTION_MAX_VMS": "max_vms",
    "PREEMPTION_WINDOW_SECONDS": "window_seconds",
    "PREEMPTION_GRACE_SECONDS": "grace_seconds",
    "PREEMPTION_REPLY_TO_ALLOW": "reply_to_allow",
    "PREEMPTION_HEALTH_ADDRESS": "health_address",
    "PREEMPTION_METRICS_ADDRESS": "metrics_address",
    **OPTIONS_OF_VARIABLES,
}
FURTHER = frozenset(
    {
        "PREEMPTION_VCENTER_CALLS",
        "PREEMPTION_VCENTER_TIMEOUT_SECONDS",
        "PREEMPTION_REPLY_MODE",
        "PREEMPTION_REPLY_TIMEOUT_SECONDS",
        "PREEMPTION_REPLY_CA_FILE",
        "PREEMPTION_WATCH_ALARMS",
    }
)
# Files that the controller sends, by the key under which it does: their place, and the variable that names them.
CERTIFICATES = {
    "temporal_ca": ("tls/temporal_ca.pem", "TEMPORAL_TLS_SERVER_CA_CERT_PATH"),
    "temporal_client_cert": ("tls/temporal_client_cert.pem", "TEMPORAL_TLS_CLIENT_CERT_PATH"),
    "vcenter_ca": ("tls/vcenter_ca.pem", "VCENTER_CA_FILE"),
}
CLIENT_KEY = "temporal_client_key"


@dataclass(frozen=True)
class DeploymentSpec:
    """release_sha256, lock_sha256: the release to run. archive: path of the sent release on the host, or empty.

    variables: of the worker, except those that name secret files. files: by path in the directory of the instance.
    ready_seconds: time for the worker to become ready; 0 does not wait. keep: number of releases to keep.
    """

    instance: Instance
    service: str
    release_sha256: str = ""
    lock_sha256: str = ""
    archive: str = ""
    python: str = ""
    source: PackageSource = field(default_factory=PackageSource)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, File] = field(default_factory=dict)
    ready_seconds: float = 0.0
    keep: int = 2

    @property
    def secrets(self) -> tuple[str, ...]:
        """The existing files of SECRET_FILES."""
        return tuple(name for name in SECRET_FILES if f"credentials/{name}" in self.files)


def spec_from(params: Mapping[str, Any]) -> DeploymentSpec:
    """The order of a task. Raises InvalidSetting for invalid options."""
    instance = _instance(params)
    if params["state"] == "absent":
        return DeploymentSpec(instance, params["service"])
    shipped = params["shipped"]
    if not shipped:
        why = "the module was run without its action plugin"
        raise _wrong("Cannot deploy a worker", why, "Run it as vsphere.preemption.preemption_worker_deploy.")
    files = _files(params, shipped)
    return DeploymentSpec(
        instance,
        params["service"],
        release_sha256=shipped["release_sha256"],
        lock_sha256=shipped["lock_sha256"],
        archive=shipped["archive"] or "",
        python=params["python"] or sys.executable,
        source=PackageSource(params["wheelhouse"] or "", params["index_url"] or ""),
        variables=_variables(params, instance, files),
        files=files,
        ready_seconds=_from_zero(params, "ready_timeout"),
        keep=max(1, _from_zero(params, "keep_releases")),
    )


def _instance(params: Mapping[str, Any]) -> Instance:
    name, root = params["name"], Path(params["directory"])
    if not NAME.fullmatch(name):
        why = f"{name!r} does not consist of 1 to 40 lowercase letters, digits and dashes"
        raise _wrong("Cannot use the name of the instance", why, "Correct name.")
    if not root.is_absolute() or root == Path("/") or ".." in root.parts:
        raise _wrong("Cannot use the directory", f"{root} is not an absolute path", "Correct directory.")
    try:
        split(params["health_address"])
    except ValueError as error:
        raise _wrong("Cannot use health_address", str(error), "Use the format 127.0.0.1:8080.") from error
    return Instance(name, root, params["health_address"], params["user"] or "")


def _files(params: Mapping[str, Any], shipped: Mapping[str, Any]) -> dict[str, File]:
    found = {place: File(shipped[key]) for key, (place, _variable) in CERTIFICATES.items() if shipped[key]}
    found["credentials/username"] = File.hidden(params["vcenter_username"])
    found["credentials/password"] = File.hidden(params["vcenter_password"])
    if shipped[CLIENT_KEY]:
        found[f"credentials/{CLIENT_KEY}"] = File.hidden(shipped[CLIENT_KEY])
    if shipped["policy"]:
        found[POLICY_FILE] = File(shipped["policy"])
    return {**found, **webhook_files(params, shipped)}


def _variables(params: Mapping[str, Any], instance: Instance, files: Mapping[str, File]) -> dict[str, str]:
    parse_endpoint(params["vcenter_url"], insecure=not params["vcenter_validate_certs"], label="vcenter_url")
    values = {
        "PYTHONPATH": str(instance.current),
        "PYTHONUNBUFFERED": "1",
        "TEMPORAL_URL": params["temporal_address"],
        "TEMPORAL_NAMESPACE": params["temporal_namespace"],
        "TEMPORAL_TASKQUEUE": params["task_queue"],
        "TEMPORAL_TLS": params["temporal_tls"],
        "TEMPORAL_TLS_SERVER_NAME": params["temporal_server_name"],
        "TEMPORAL_API_KEY": params["temporal_api_key"],
        "VCENTER_URL": params["vcenter_url"],
        "VCENTER_INSECURE": None if params["vcenter_validate_certs"] else True,
        "PREEMPTION_POLICY_FILE": str(instance.policy_file) if POLICY_FILE in files else None,
        "PREEMPTION_MAX_VMS": params["max_vms"],
        "PREEMPTION_WINDOW_SECONDS": params["window_seconds"],
        "PREEMPTION_GRACE_SECONDS": params["grace_seconds"],
        "PREEMPTION_REPLY_TO_ALLOW": ",".join(params["reply_to_allow"] or []),
        "PREEMPTION_HEALTH_ADDRESS": params["health_address"],
        "PREEMPTION_METRICS_ADDRESS": params["metrics_address"],
        "DEBUG": params["debug"] or None,
        **{variable: str(instance.folder / place) for place, variable in CERTIFICATES.values() if place in files},
        **webhook_variables(params, instance.folder, files),
        **_further(params["environment"] or {}),
    }
    return {name: _as_text(value) for name, value in values.items() if value not in (None, "")}


def _further(environment: Mapping[str, Any]) -> dict[str, Any]:
    for name in environment:
        if name in OF_OPTIONS:
            why = f"{name} has its own option"
            raise _wrong("Cannot use environment", why, f"Set {OF_OPTIONS[name]} instead.")
        if name not in FURTHER:
            why = f"{name} is not a variable of the worker"
            raise _wrong("Cannot use environment", why, f"Use one of {_listed(FURTHER)}.")
    return dict(environment)


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _from_zero(params: Mapping[str, Any], name: str) -> int:
    value = int(params[name])
    if value < 0:
        raise _wrong(f"Cannot use {name}", f"{value} is negative", "Set it to 0 or more.")
    return value


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _wrong(what: str, why: str, next_step: str) -> InvalidSetting:
    return InvalidSetting(what, why=why, next_step=next_step)
