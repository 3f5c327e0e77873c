# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`plan`: which VMs a preemption would stop now, computed locally with the worker's code, without Temporal."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from vsphere_preemption.core.planning.decision import DecisionContext, decide, decision_as_result
from vsphere_preemption.core.policy.model import PolicySet
from vsphere_preemption.policy_file.reading import load_policy_file

from . import exit_codes
from .connections import with_vcenter
from .output import Output, counted, safe, table
from .request_flags import request_of


def plan(options: Namespace, output: Output) -> int:
    """Show the victims in order, and why other VMs keep running. Raises InvalidPolicy, VCenterError."""
    request, policies = request_of(options), _policies(options)
    context = DecisionContext(datetime.now(UTC), lease_seconds=policies.lease_seconds, explain=True)
    decision = with_vcenter(options, output, lambda vcenter: decide(request, policies, vcenter, context))
    found = decision_as_result(decision, request, policies)
    output.answer(found, plan_lines(found))
    return exit_codes.OK


def plan_lines(found: dict[str, Any]) -> Iterator[str]:
    """The plan as lines of text."""
    rows = [
        *((v["rank"], v["vm"], v["name"], f"stop ({found['method']})", v["priority"]) for v in found["victims"]),
        *(("", v["vm"], v["name"], "leave", v["reason"]) for v in found["left_out"]),
    ]
    if rows:
        yield from table(("RANK", "VM", "NAME", "ACTION", "REASON"), rows)
    policy, freed = found["policy"], found["freed"]
    yield safe(f"Policy {policy['name']}, mode {policy['mode']}.")
    yield f"{len(found['victims'])} to stop, which frees {freed['memory_mib']} MiB and {freed['cpu_mhz']} MHz."
    if found["left_out_count"]:
        yield f"Left out: {safe(counted(found['left_out_count']))}."
    if found["shortfall"]:
        yield "This is less than the target."
    if found["refused"]:
        yield safe(f"Nothing would be stopped ({found['reason']}): {found['message']}")


def _policies(options: Namespace) -> PolicySet:
    file = options.policy_file or os.environ.get("PREEMPTION_POLICY_FILE", "").strip()
    return load_policy_file(file) if file else PolicySet()
