# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a restore as an Ansible result: whether anything changes, and the diff. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..vsphere_preemption.core.printable import printable
from ..vsphere_preemption.core.restore.record import VmRestoreStatus

ON = (VmRestoreStatus.RESTORED, VmRestoreStatus.PLANNED)


def would_change(record: Mapping[str, Any]) -> bool:
    """Whether a VM was powered on, or would be."""
    return any(machine["outcome"] in ON for machine in record["machines"])


def restore_diff(record: Mapping[str, Any]) -> dict[str, str]:
    """The VMs of the plan before and after, in the order in which they are restored."""
    lines = [(_name(machine), machine) for machine in record["machines"]]
    return {
        "before_header": "preempted VMs now",
        "after_header": "VMs after the restore",
        "before": "".join(f"{name}: off\n" for name, _machine in lines),
        "after": "".join(f"{name}: {_state(machine)}\n" for name, machine in lines),
    }


def _state(machine: Mapping[str, Any]) -> str:
    return "on" if machine["outcome"] in ON else f"off ({machine['reason']})"


def _name(machine: Mapping[str, Any]) -> str:
    return f"{printable(machine['name'])} ({machine['vm']['Value']})"
