# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks of a preflight, and its result. Private to this collection. Nothing here changes anything."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from ansible.module_utils.basic import env_fallback

from ..vsphere_preemption.core.errors import PreemptionError
from ..vsphere_preemption.core.policy.problems import InvalidPolicy
from ..vsphere_preemption.core.preflight.check import (
    Check,
    blocked_by,
    failed,
    failed_with,
    in_the_way,
    passed,
    skipped,
    summary,
    table,
)
from ..vsphere_preemption.core.preflight.rules import LIBRARIES, check_libraries, check_policy, check_python
from ..vsphere_preemption.core.setup.privileges import FEATURES
from ..vsphere_preemption.events.sink import TimeLimit, reach
from ..vsphere_preemption.events.targets import VARIABLE as ALLOW_VARIABLE
from ..vsphere_preemption.events.targets import ReplyTargets
from .preflight_temporal import NAMES as TEMPORAL_NAMES
from .preflight_temporal import temporal_checks
from .preflight_vcenter import NAMES as VCENTER_NAMES
from .preflight_vcenter import vcenter_checks
from .request import policies_of, policy_options
from .temporal import TASK_QUEUE

ERROR_CODE = "preflight_failed"
SINK_SECONDS = 10.0
ADDRESS, RECEIVER = "reply_address", "reply_receiver"
NAMES = ("python", "libraries", *TEMPORAL_NAMES, *VCENTER_NAMES, "policy", ADDRESS, RECEIVER)
PROBLEMS_SHOWN = 3


def preflight_options() -> dict[str, dict[str, Any]]:
    """The part of an argument spec that defines what to check, in addition to Temporal and vCenter."""
    return {
        "tag": {"type": "str", "required": True},
        "features": {"type": "list", "elements": "str", "default": ["stop"], "choices": list(FEATURES)},
        "task_queue": TASK_QUEUE,
        **policy_options(),
        "reply_to": {"type": "str", "no_log": True},
        "reply_to_allow": {"type": "list", "elements": "str", "fallback": (env_fallback, [ALLOW_VARIABLE])},
        "reply_to_ca_file": {"type": "path", "fallback": (env_fallback, ["PREEMPTION_REPLY_CA_FILE"])},
        "required": {"type": "list", "elements": "str", "choices": list(NAMES)},
        "strict": {"type": "bool", "default": False},
        "fail": {"type": "bool", "default": True},
    }


def preflight(params: Mapping[str, Any]) -> list[Check]:
    """All checks of NAMES, in that order."""
    return [
        *local_checks(),
        *temporal_checks(params),
        *vcenter_checks(params),
        policy_check(params),
        *sink_checks(params),
    ]


def as_result(checks: Sequence[Check], *, required: Sequence[str] = (), strict: bool = False) -> dict[str, Any]:
    """The result of the module, whether or not the task fails.

    The decision is made here and not in a playbook: Ansible masks a secret wherever it occurs in a text or a number,
    including the name of a check, but never a boolean.
    """
    missing = in_the_way(checks, required, strict=strict)
    return {
        "changed": False,
        "ready": not missing,
        "missing": missing,
        "checks": [check.as_result() for check in checks],
        "table": table(checks),
    }


def as_failure(checks: Sequence[Check], result: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a task that fails. result: what `as_result` returned for the checks."""
    what = f"The installation is not ready because of {', '.join(result['missing'])}: {summary(checks)}."
    code = {"error_code": ERROR_CODE, "failure": {ERROR_CODE: True}}
    return {**result, **code, "msg": f"{what}\n{result['table']}", "retryable": False}


def local_checks() -> list[Check]:
    """The interpreter that runs this, and its libraries."""
    return [check_python(sys.version_info[:3]), check_libraries({name: _installed(name) for name in LIBRARIES})]


def policy_check(params: Mapping[str, Any]) -> Check:
    """The policy, if one is configured."""
    name = "policy"
    try:
        return check_policy(policies_of(params), params["tag"], params["features"])
    except InvalidPolicy as error:
        more = len(error.lines) - PROBLEMS_SHOWN
        lines = error.lines[:PROBLEMS_SHOWN] + ([f"and {more} more"] if more > 0 else [])
        return failed(name, f"{error.what}: {'; '.join(lines)}.", error.next_step)
    except PreemptionError as error:
        return failed_with(name, error)


def sink_checks(params: Mapping[str, Any]) -> list[Check]:
    """Whether the reply address is allowed, and whether a receiver is listening there; nothing is sent."""
    if not params["reply_to"]:
        return [skipped(name, "No reply address is set.") for name in (ADDRESS, RECEIVER)]
    known: list[Check] = []
    limit = TimeLimit(SINK_SECONDS)
    try:
        targets = ReplyTargets.parse(",".join(params["reply_to_allow"] or ()))
        target = targets.check(params["reply_to"])
        address = targets.resolve(target, limit.getaddrinfo)
        known.append(passed(ADDRESS, f"The address is allowed; {target.host} resolves to {address}."))
        reach(target, address, limit=limit, ca_file=params["reply_to_ca_file"])
    except PreemptionError as error:
        return blocked_by((ADDRESS, RECEIVER), RECEIVER if known else ADDRESS, error, known=known)
    reached = f"{target.host} accepts connections on port {target.port}; nothing was sent."
    return [*known, passed(RECEIVER, reached)]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
