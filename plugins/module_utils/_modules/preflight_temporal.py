# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The preflight checks of Temporal. Private to this collection."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..vsphere_preemption.core.errors import PreemptionError, TemporalAccessDenied, TemporalTlsRefused
from ..vsphere_preemption.core.preflight.check import Check, blocked_by, failed_with, passed, skipped, warned
from ..vsphere_preemption.core.preflight.rules import check_namespace, check_switch, check_temporal_clock, check_worker
from ..vsphere_preemption.temporal.kill_switch import read_kill_switch
from ..vsphere_preemption.temporal.preflight import read_namespace, read_pollers
from .temporal import connection_of, with_client

if TYPE_CHECKING:
    from temporalio.client import Client

CONNECTION, TLS, ACCESS, NAMESPACE = "temporal_connection", "temporal_tls", "temporal_access", "temporal_namespace"
WORKER, SWITCH, CLOCK = "worker", "kill_switch", "temporal_clock"
NAMES = (CONNECTION, TLS, ACCESS, NAMESPACE, WORKER, SWITCH, CLOCK)


def temporal_checks(params: Mapping[str, Any]) -> list[Check]:
    """All checks of NAMES, in that order. params: with the options for Temporal, and `task_queue`."""
    known: list[Check] = []

    async def look(client: Client) -> list[Check]:
        namespace = check_namespace(await read_namespace(client))
        return [*known, namespace, *await _inside(client, params["task_queue"])]

    try:
        secure = bool(connection_of(params).tls)
        known += _reached(params["temporal_address"], secure=secure)
        return with_client(params, look)
    except PreemptionError as error:
        return blocked_by(NAMES, _stage(error), error, known=known)


def _reached(address: str, *, secure: bool) -> list[Check]:
    """The checks that have passed once the namespace was read."""
    return [
        passed(CONNECTION, f"The frontend {address} responds."),
        _encryption(address, secure=secure),
        passed(ACCESS, "Temporal grants access."),
    ]


def _encryption(address: str, *, secure: bool) -> Check:
    if secure:
        return passed(TLS, "The connection is encrypted, and the server certificate is trusted.")
    if _is_here(address):
        return passed(TLS, "The connection is not encrypted; it does not leave this host.")
    step = "Use TLS (temporal_tls, temporal_ca_file); requests decide which VMs are stopped."
    return warned(TLS, f"The connection to {address} is not encrypted.", step)


def _is_here(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _stage(error: PreemptionError) -> str:
    """The check that an error belongs to, if the namespace could not be read."""
    if isinstance(error, TemporalTlsRefused):
        return TLS
    if isinstance(error, TemporalAccessDenied):
        return ACCESS
    return NAMESPACE if error.code in ("namespace_not_found", "temporal_error") else CONNECTION


async def _inside(client: Client, task_queue: str) -> list[Check]:
    """The checks for which the namespace must exist; if one fails, the others still run."""
    clock = skipped(CLOCK, "Temporal reports its time only if a worker is polling.")

    async def worker() -> Check:
        nonlocal clock
        pollers = await read_pollers(client, task_queue)
        now = datetime.now(UTC)
        if pollers:
            clock = check_temporal_clock(pollers, now)
        return check_worker(pollers, task_queue, now)

    async def switch() -> Check:
        found = await read_kill_switch(client, task_queue)
        return check_switch(str(found), paused=found.paused)

    return [await _looked(WORKER, worker), await _looked(SWITCH, switch), clock]


async def _looked(name: str, look: Callable[[], Awaitable[Check]]) -> Check:
    try:
        return await look()
    except PreemptionError as error:
        return failed_with(name, error)
