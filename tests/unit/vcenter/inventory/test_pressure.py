# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is summed up over hosts, on properties written by hand."""

from __future__ import annotations

from typing import Any

from vsphere_preemption.core.inventory import Usage
from vsphere_preemption.vcenter.inventory import pressure as module
from vsphere_preemption.vcenter.inventory.pressure import _sum

GIB = 1024**3


def a_host(**changes: Any) -> dict[str, Any]:
    properties = {
        module.CONNECTION: "connected",
        module.MAINTENANCE: False,
        module.MEMORY_BYTES: 4 * GIB + 1024,
        module.CORE_MHZ: 2000,
        module.CORES: 8,
        module.MEMORY_USED: 1500,
        module.CPU_USED: 300,
    }
    return properties | {getattr(module, name): value for name, value in changes.items()}


def test_bytes_become_mebibytes_and_each_core_counts() -> None:
    assert _sum([a_host()]) == Usage(memory_mib=4096, memory_used_mib=1500, cpu_mhz=16000, cpu_used_mhz=300)


def test_hosts_are_summed_up() -> None:
    assert _sum([a_host(), a_host(MEMORY_USED=500, CPU_USED=1)]) == Usage(8192, 2000, 32000, 301)


def test_hosts_that_run_nothing_do_not_count() -> None:
    away = [a_host(CONNECTION=state) for state in ("disconnected", "notResponding")]
    assert _sum([*away, a_host(MAINTENANCE=True), {}]) == Usage(0, 0, 0, 0)


def test_what_is_unset_counts_as_nothing() -> None:
    assert _sum([{module.CONNECTION: "connected", module.CORES: 8}]) == Usage(0, 0, 0, 0)
