# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by the modules: the options for Temporal, calls with a client, and the account. Private to this collection.

The options are documented in doc_fragments/temporal.py. The library next to this file does not depend on Ansible.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ansible.module_utils.basic import env_fallback

from ..vsphere_preemption.core.contract import DEFAULT_ADDRESS, DEFAULT_NAMESPACE
from ..vsphere_preemption.core.errors import TemporalUnreachable
from ..vsphere_preemption.temporal import blocking
from ..vsphere_preemption.temporal.connection import TemporalConnection

if TYPE_CHECKING:
    from temporalio.client import Client

Result = TypeVar("Result")

CONNECT_SECONDS = 15.0
# For what surrounds the waiting: connecting, and a last look.
MARGIN_SECONDS = 60.0


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
    """The result of the call. It gets a client that is connected according to the options.

    timeout_seconds: how long the call may wait for something; connecting has its own limit.
    """
    connection = connection_of(params)

    async def connect_and_call() -> Result:
        return await call(await _client(connection))

    return blocking.run(connect_and_call, timeout_seconds=timeout_seconds + MARGIN_SECONDS)


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


def account() -> str:
    """The account that runs the module, for records of who did something; empty if it has no name."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        # A container may run under a user id without an account.
        return ""


async def _client(connection: TemporalConnection) -> Client:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await connection.connect()
    except TimeoutError as error:
        raise TemporalUnreachable(
            f"Cannot connect to Temporal at {connection.address}",
            why=f"no response after {CONNECT_SECONDS:g} seconds",
            next_step="Check the address, and that no firewall blocks the connection.",
        ) from error


def _from(*variables: str) -> dict[str, Any]:
    return {"fallback": (env_fallback, list(variables))}
