# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of every VM, from govc's readings before and after, and from the run records."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from support.govc import Machine
from vsphere_preemption.core.records.explanation import HOW, LEFT_OUT, VICTIM

NOT_TAGGED = "it does not have the tag"
NOT_RECORDED = "it is not in any run record"


@dataclass(frozen=True)
class Row:
    """One line of the table. outcome: preempted, spared or failed."""

    name: str
    cluster: str
    tagged: bool
    before: str
    after: str
    outcome: str
    reason: str


def tell(
    before: Mapping[str, Machine],
    after: Mapping[str, Machine],
    *,
    clusters: Mapping[str, str],
    tagged: Collection[str],
    runs: Sequence[Mapping[str, Any]],
) -> list[Row]:
    """One row for each VM, by cluster and name. tagged: tagged objects as govc lists them, `Type:value`."""
    verdicts = _verdicts(runs)
    rows = []
    for name, machine in before.items():
        carries_tag = f"VirtualMachine:{machine.ref}" in tagged
        outcome, reason = verdicts.get(machine.ref, ("spared", NOT_RECORDED if carries_tag else NOT_TAGGED))
        now = _state(after[name]) if name in after else "gone"
        rows.append(Row(name, clusters[name], carries_tag, _state(machine), now, outcome, reason))
    return sorted(rows, key=lambda row: (row.cluster, row.name.lower()))


def others(runs: Sequence[Mapping[str, Any]], known: Mapping[str, Machine]) -> list[str]:
    """Tagged objects that are not VMs of the inventory, as `Type:value: reason`."""
    refs = {machine.ref for machine in known.values()}
    found = {
        f"{spared['vm']['Type']}:{spared['vm']['Value']}": LEFT_OUT.get(spared["reason"], spared["reason"])
        for run in runs
        for spared in run["leftOut"]["vms"]
        if spared["vm"]["Value"] not in refs
    }
    return [f"{ref}: {reason}" for ref, reason in sorted(found.items())]


def headline(run: Mapping[str, Any]) -> str:
    """The summary of a run, in one line."""
    stopped = sum(victim["outcome"] == "stopped" for victim in run["victims"])
    return (
        f"{run['criticality']} request: {run['outcome']}, {stopped} VMs stopped, "
        f"{run['leftOut']['total']} tagged objects left out, announcement {run['announcement']['status']}"
    )


def _verdicts(runs: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Outcome and reason by reference: from the run that stopped the VM, else from the last run that considered it."""
    verdicts: dict[str, tuple[str, str]] = {}
    stopped: dict[str, tuple[str, str]] = {}
    for run in runs:
        for spared in run["leftOut"]["vms"]:
            verdicts[spared["vm"]["Value"]] = ("spared", LEFT_OUT.get(spared["reason"], spared["reason"]))
        for victim in run["victims"]:
            if victim["outcome"] == "stopped":
                stopped[victim["vm"]["Value"]] = ("preempted", _how(victim, run["criticality"]))
            else:
                reason = victim["message"] or VICTIM.get(victim["reason"], victim["reason"])
                verdicts[victim["vm"]["Value"]] = (victim["outcome"], reason)
    return verdicts | stopped


def _how(victim: Mapping[str, Any], criticality: str) -> str:
    how = HOW.get(victim["method"], victim["method"])
    return f"{how}, for the {criticality} request"


def _state(machine: Machine) -> str:
    words = {"poweredOn": "on", "poweredOff": "off"}
    return "template" if machine.template else words.get(machine.power_state, machine.power_state)
