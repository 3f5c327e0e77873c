# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics: the endpoint for Prometheus, and metrics of vCenter calls. Workflows count runs and victims."""

from __future__ import annotations

from collections.abc import Callable

from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from vsphere_preemption.core.environment import Address
from vsphere_preemption.core.errors import InvalidSetting

CallObserver = Callable[[str, float, str | None], None]


def make_runtime(address: Address | None) -> Runtime:
    """The SDK's runtime; with an address, it serves its own metrics and ours there."""
    if address is None:
        return Runtime(telemetry=TelemetryConfig())
    prometheus = PrometheusConfig(
        bind_address=str(address), counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
    )
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=prometheus))
    except (RuntimeError, ValueError) as error:
        raise InvalidSetting(
            f"Cannot serve metrics on {address}",
            why=str(error),
            next_step="Set PREEMPTION_METRICS_ADDRESS to a free IP address and port of this host.",
        ) from error


def observe_calls(runtime: Runtime) -> CallObserver:
    """Count the calls to vCenter and their errors by method, and measure their duration."""
    meter = runtime.metric_meter
    calls = meter.create_counter("preemption_vcenter_calls", "Calls to vCenter by method.")
    errors = meter.create_counter("preemption_vcenter_errors", "Failed calls to vCenter by method and error code.")
    seconds = meter.create_histogram_float("preemption_vcenter_call_seconds", "Time of a call to vCenter.")

    def observe(method: str, took: float, error_code: str | None) -> None:
        calls.add(1, {"method": method})
        seconds.record(took, {"method": method})
        if error_code:
            errors.add(1, {"method": method, "error_code": error_code})

    return observe
