# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by the modules: the options for Temporal, and calls with a client. Private to this collection.

The options are documented in doc_fragments/temporal.py. The library next to this file does not depend on Ansible.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ansible.module_utils.basic import env_fallback

from ..vsphere_preemption.core.contract import DEFAULT_ADDRESS, DEFAULT_NAMESPACE, DEFAULT_TASK_QUEUE
from ..vsphere_preemption.temporal import blocking
from ..vsphere_preemption.temporal.connection import TemporalConnection

if TYPE_CHECKING:
    from temporalio.client import Client

Result = TypeVar("Result")


def _from(*variables: str) -> dict[str, Any]:
    return {"fallback": (env_fallback, list(variables))}


TASK_QUEUE = {"type": "str", "default": DEFAULT_TASK_QUEUE, **_from("TEMPORAL_TASKQUEUE")}


def temporal_options() -> dict[str, dict[str, Any]]:
    """The part of an argument spec for the connection to Temporal."""
    return {
        "temporal_address": {"default": DEFAULT_ADDRESS, **_from("TEMPORAL_URL", "TEMPORAL_ADDRESS")},
        "temporal_namespace": {"default": DEFAULT_NAMESPACE, **_from("TEMPORAL_NAMESPACE")},
        "temporal_tls": {"type": "bool", **_from("TEMPORAL_TLS")},
        "temporal_ca_file": {"type": "path", **_from("TEMPORAL_TLS_SERVER_CA_CERT_PATH")},
        "temporal_client_cert_file": {"type": "path", **_from("TEMPORAL_TLS_CLIENT_CERT_PATH")},
        "temporal_client_key_file": {"type": "path", "no_log": False, **_from("TEMPORAL_TLS_CLIENT_KEY_PATH")},
        "temporal_server_name": {"type": "str", **_from("TEMPORAL_TLS_SERVER_NAME")},
        "temporal_api_key": {"type": "str", "no_log": True, **_from("TEMPORAL_API_KEY")},
    }


def with_client(
    params: Mapping[str, Any],
    call: Callable[[Client], Coroutine[Any, Any, Result]],
    *,
    timeout_seconds: float = 0.0,
) -> Result:
    """`blocking.with_client` for the connection that the options describe. Raises InvalidSetting as well."""
    return blocking.with_client(connection_of(params), call, timeout_seconds=timeout_seconds)


def connection_of(params: Mapping[str, Any]) -> TemporalConnection:
    """The connection that the options describe. Raises InvalidSetting."""
    return TemporalConnection.from_options(
        address=params["temporal_address"],
        namespace=params["temporal_namespace"],
        tls=params["temporal_tls"],
        ca_file=params["temporal_ca_file"],
        client_cert_file=params["temporal_client_cert_file"],
        client_key_file=params["temporal_client_key_file"],
        server_name=params["temporal_server_name"],
        api_key=params["temporal_api_key"],
    )
