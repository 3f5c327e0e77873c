# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to Temporal and vCenter, from the same environment variables as the worker, which flags override.

Secrets come from the environment or from files, never from the command line, which every user of the host can read.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vsphere_preemption.core.contract import DEFAULT_SECRET_PATH, DEFAULT_TASK_QUEUE
from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption.temporal import blocking

from .output import Output

if TYPE_CHECKING:
    from temporalio.client import Client

    from vsphere_preemption.temporal.connection import TemporalConnection
    from vsphere_preemption.vcenter.client import VCenter

Result = TypeVar("Result")

FOREVER = float("inf")

_TEMPORAL_VARIABLES = {
    "server": "TEMPORAL_URL",
    "namespace": "TEMPORAL_NAMESPACE",
    "tls_ca_file": "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
    "tls_cert_file": "TEMPORAL_TLS_CLIENT_CERT_PATH",
    "tls_key_file": "TEMPORAL_TLS_CLIENT_KEY_PATH",
    "tls_server_name": "TEMPORAL_TLS_SERVER_NAME",
    "profile": "TEMPORAL_PROFILE",
    "config_file": "TEMPORAL_CONFIG_FILE",
}
_VCENTER_VARIABLES = {"vcenter_url": "VCENTER_URL", "vcenter_ca_file": "VCENTER_CA_FILE"}


def with_client(
    options: Namespace,
    output: Output,
    call: Callable[[Client], Coroutine[Any, Any, Result]],
    *,
    timeout_seconds: float = 0.0,
) -> Result:
    """`blocking.with_client` for the connection that flags and environment describe. Raises InvalidSetting as well."""
    connection = temporal_connection(options, os.environ)
    output.note(f"connecting to Temporal at {connection.address}, namespace {connection.namespace}")
    return blocking.with_client(connection, call, timeout_seconds=timeout_seconds)


def temporal_connection(options: Namespace, environ: Mapping[str, str]) -> TemporalConnection:
    """The connection settings for Temporal. Raises InvalidSetting."""
    from vsphere_preemption.temporal.connection import TemporalConnection

    given = _given(options, _TEMPORAL_VARIABLES)
    if options.tls is not None:
        given["TEMPORAL_TLS"] = str(options.tls).lower()
    if options.api_key_file is not None:
        given["TEMPORAL_API_KEY"] = _secret(options.api_key_file)
    return TemporalConnection.from_environment({**environ, **given})


def task_queue(options: Namespace) -> str:
    """The task queue of the worker. Raises InvalidSetting if it is empty."""
    if options.queue is None:
        return os.environ.get("TEMPORAL_TASKQUEUE") or DEFAULT_TASK_QUEUE
    return not_empty("queue", options.queue)


def with_vcenter(options: Namespace, output: Output, look: Callable[[VCenter], Result]) -> Result:
    """Run the call with a connected client, close it, and return the result. Raises InvalidSetting, VCenterError."""
    from vsphere_preemption.vcenter.client import VCenter
    from vsphere_preemption.vcenter.settings import FileCredentials, GivenCredentials, VCenterSettings

    environ = {**os.environ, **_given(options, _VCENTER_VARIABLES)}
    if options.vcenter_insecure is not None:
        environ["VCENTER_INSECURE"] = str(options.vcenter_insecure).lower()
    settings = VCenterSettings.from_environment(environ)
    name, word = (environ.get(variable, "") for variable in ("VCENTER_USERNAME", "VCENTER_PASSWORD"))
    folder = options.vcenter_secret_path or environ.get("VCENTER_SECRET_PATH") or DEFAULT_SECRET_PATH
    given = name and word and options.vcenter_secret_path is None
    output.note(f"connecting to vCenter at {settings.endpoint}")
    with VCenter(settings, GivenCredentials(name, word) if given else FileCredentials(folder)) as vcenter:
        return look(vcenter)


def not_empty(name: str, value: str) -> str:
    """The value of a flag. Raises InvalidSetting if it is empty."""
    if not value.strip():
        raise InvalidSetting(
            f"Cannot use the flag --{name}", why="it is empty", next_step="Set a value, or omit the flag."
        )
    return value


def _given(options: Namespace, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that correspond to the flags that were set."""
    values = {flag: getattr(options, flag) for flag in variables}
    return {
        variables[flag]: not_empty(flag.replace("_", "-"), value) for flag, value in values.items() if value is not None
    }


def _secret(file: str) -> str:
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(
            "Cannot use the flag --api-key-file",
            why=f"{file} cannot be read ({getattr(error, 'strerror', None) or 'it is not a text file'})",
            next_step="Set it to a file that contains the API key.",
        ) from error
    return not_empty("api-key-file", text)
