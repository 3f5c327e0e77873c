# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The opposite of the reader, for tests: a policy as plain values that YAML can write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.policy.model import (
    Action,
    Actions,
    Amount,
    GroupBudget,
    Place,
    Policy,
    Priority,
    Protection,
    Restore,
    TimeWindow,
)


def as_plain(policy: Policy) -> dict[str, Any]:
    """The whole policy, every key of it that can be given."""
    return {
        "name": policy.name,
        "match": {"alarms": list(policy.match.alarms), "places": _places(policy.match.places)},
        "mode": policy.mode.value,
        "approval_timeout": policy.approval_seconds,
        "tags": list(policy.tags),
        "rerun_window": f"{int(policy.rerun_window_seconds)}s",
        "scope": {
            "alarm": policy.scope.alarm.value,
            "vcenter_wide": policy.scope.vcenter_wide,
            "within": _places(policy.scope.within),
        },
        "protect": _protection(policy.protection),
        "priority": _priority(policy.priority),
        "amount": _amount(policy.amount),
        "actions": _actions(policy.actions),
        "notice": {
            "lead": policy.notice.lead_seconds,
            "criticalities": [criticality.value for criticality in policy.notice.criticalities],
            "event": policy.notice.event,
            "guestinfo": policy.notice.guestinfo,
        },
        "events": {"skipped": policy.events.skipped, "failed": policy.events.failed},
        "waves": {"size": policy.waves.size, "pause": policy.waves.pause_seconds},
        "windows": {
            "never": [_window(window) for window in policy.windows.never],
            "only": [_window(window) for window in policy.windows.only],
        },
        "restore": _restore(policy.restore),
    }


def _places(places: Sequence[Place]) -> list[dict[str, str]]:
    return [{place.kind.value: place.name} for place in places]


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "", [])}


def _share(percent: float | None) -> str | None:
    return None if percent is None else f"{percent:g}%"


def _group(group: GroupBudget) -> dict[str, Any]:
    return _given(
        category=group.category,
        attribute=group.attribute,
        keep=group.keep,
        max_off=_share(group.max_off_percent),
        strict=group.strict,
    )


def _protection(protection: Protection) -> dict[str, Any]:
    return {
        "tags": list(protection.tags),
        "names": list(protection.names),
        "vms": list(protection.vms),
        "min_uptime": protection.min_uptime_seconds,
        "groups": [_group(group) for group in protection.groups],
    }


def _priority(priority: Priority) -> dict[str, Any]:
    return _given(category=priority.category, values=list(priority.values), unranked=priority.unranked)


def _amount(amount: Amount) -> dict[str, Any]:
    target = amount.target
    return {
        "max_vms": amount.max_vms,
        "per_hour": amount.per_hour,
        "per_vm_per_day": amount.per_vm_per_day,
        "target": _given(
            memory=target.memory_mib and f"{target.memory_mib}MiB",
            cpu=target.cpu_mhz and f"{target.cpu_mhz} MHz",
            until_memory=_share(target.until_memory_percent),
            until_cpu=_share(target.until_cpu_percent),
        ),
        "on_shortfall": amount.on_shortfall.value,
        "measure": amount.measure.value,
    }


def _actions(actions: Actions) -> dict[str, Any]:
    return {"LOW": _action(actions.low), "MEDIUM": _action(actions.medium), "HIGH": _action(actions.high)}


def _action(action: Action) -> dict[str, Any]:
    if action.method is StopMethod.SOFT_THEN_HARD:
        return {"method": "soft", "grace": action.grace_seconds, "escalate": "hard"}
    if action.method is StopMethod.SOFT:
        return {"method": "soft", "grace": action.grace_seconds}
    return {"method": action.method.value}


def _window(window: TimeWindow) -> dict[str, Any]:
    return {"cron": window.cron, "duration": window.duration_seconds, "timezone": window.timezone}


def _restore(restore: Restore) -> dict[str, Any]:
    return {
        "automatic": restore.automatic,
        "hold": restore.hold_seconds,
        "batch": restore.batch,
        "pause": restore.pause_seconds,
        "max_memory": _share(restore.max_memory_percent),
        "max_cpu": _share(restore.max_cpu_percent),
        "give_up": restore.give_up_seconds,
    }
