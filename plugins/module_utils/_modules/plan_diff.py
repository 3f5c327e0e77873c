# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as a diff: the VMs that are powered on now, and their state after the run. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..vsphere_preemption.core.contract import StopMethod

# Who wants to see all of them finds them in the result.
LEFT_OUT_SHOWN = 100


def plan_diff(plan: Mapping[str, Any]) -> dict[str, str]:
    """The diff that Ansible shows, for a plan from `_planning.planned`."""
    before = [f"{_name(victim)}: on" for victim in plan["victims"]]
    return {
        "before_header": "VMs with the tag now",
        "after_header": f"VMs after a run under the policy {plan['policy']['name']}",
        "before": _text(before),
        "after": _text([*_after(plan), *_left_out(plan)]),
    }


def _after(plan: Mapping[str, Any]) -> Iterator[str]:
    if plan["refused"]:
        yield f"no VM is stopped ({plan['reason']}): {plan['message']}"
    suspended = plan["method"] == StopMethod.SUSPEND.value
    state = "suspended" if suspended else f"off ({plan['method']})"
    for victim in plan["victims"]:
        priority = f", {_one_line(victim['priority'])}" if victim["priority"] else ""
        frees = f"frees {victim['memory_mib']} MiB and {victim['cpu_mhz']} MHz"
        yield f"{_name(victim)}: {state}, {frees}{priority}"


def _left_out(plan: Mapping[str, Any]) -> Iterator[str]:
    if not plan["left_out"]:
        return
    counts = ", ".join(f"{reason} {count}" for reason, count in plan["left_out_count"].items())
    yield f"left out: {counts}"
    shown = plan["left_out"][:LEFT_OUT_SHOWN]
    width = max(len(entry["reason"]) for entry in shown)
    for entry in shown:
        yield f"  {entry['reason']:<{width}}  {_one_line(entry['name'])} ({entry['vm']})"
    if more := len(plan["left_out"]) - len(shown):
        yield f"  and {more} more"


def _name(victim: Mapping[str, Any]) -> str:
    return f"{victim['rank']}. {_one_line(victim['name'])} ({victim['vm']})"


def _one_line(text: str) -> str:
    """A name may contain anything, including line breaks and control characters."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
