# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options for the webhook of a worker, as variables and files; empty if there is no address.

Settings that the worker would reject are rejected here, before the running worker is changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from ..vsphere_preemption.core.errors import InvalidSetting
from .deployment_plan import File
from .readiness import split

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
        raise _wrong(
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
        raise _wrong("webhook_address", str(error), "Use the format 127.0.0.1:8088.") from error
    if not _is_loopback(address) and not any(f"credentials/{name}" in files for name in SECRETS):
        why = f"other machines can reach {address}, so any sender could stop VMs"
        raise _wrong("webhook_address", why, "Set webhook_tokens or webhook_hmac_keys, or listen on 127.0.0.1.")
    if params["webhook_sources"] == []:
        raise _wrong("webhook_sources", "it is set but empty", "Omit it to accept events from any source.")
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
        raise _wrong(name, why, f"Use up to {MOST_SECRETS} values.")
    if any(len(secret.encode()) < SHORTEST_SECRET for secret in secrets):
        raise _wrong(name, f"a value is shorter than {SHORTEST_SECRET} characters", "Use a longer value.")
    if any(secret != secret.strip() or not secret.isprintable() for secret in secrets):
        why = "a value has leading or trailing whitespace, or a non-printable character"
        raise _wrong(name, why, "Use another value.")
    return File.hidden("".join(f"{secret}\n" for secret in secrets))


def _is_loopback(address: str) -> bool:
    """In the same way as the worker: without a host, it listens on 127.0.0.1."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() in ("", "localhost")


def _wrong(name: str, why: str, next_step: str) -> InvalidSetting:
    return InvalidSetting(f"Cannot use {name}", why=why, next_step=next_step)
