# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare the simulated vCenter for the demo."""

from __future__ import annotations

import contextlib
import re

from support.alarms import AlarmDesk
from support.govc import Govc
from support.vcsim import VCSim
from support.witness import Witness
from vsphere_preemption.core.inventory import ManagedObject

from .cast import CAST, CATEGORY, TAG, TAGGED_BY_MISTAKE, Condition, Part

Placed = list[tuple[str, Part]]

ALARM = "Cluster memory"


def set_the_scene(vcsim: VCSim) -> dict[str, str]:
    """Rename, power off, suspend and convert the VMs; return the cluster of each VM by its new name."""
    govc = vcsim.govc()
    with contextlib.closing(vcsim.witness()) as witness:
        placed = _place(witness)
        for ref, part in placed:
            _bring_into_condition(govc, witness, ref, part)
    return {part.name: cluster for cluster, parts in CAST.items() for part in parts}


def make_mistakes(vcsim: VCSim) -> None:
    """Attach the tag to a host and a folder, too, as an administrator might do by mistake."""
    for _kind, path in TAGGED_BY_MISTAKE:
        vcsim.govc().attach_tag(CATEGORY, TAG, path)


def ring_the_alarm(vcsim: VCSim) -> str:
    """Define an alarm, and turn it red on the first cluster; return the MoRef of the cluster.

    The alarms that deploy has created also exist, but the simulator measures no usage, and so never triggers them.
    """
    cluster = next(iter(CAST))
    kind, ref = vcsim.govc().run("find", "-i", f"/DC0/host/{cluster}", "-maxdepth", "0").strip().split(":", 1)
    with contextlib.closing(vcsim.witness()) as witness:
        desk = AlarmDesk(witness)
        desk.define(ALARM, kind)
        desk.paint(ALARM, ManagedObject(kind, ref), "red")
    return ref


def _place(witness: Witness) -> Placed:
    """Assign each VM of vcsim its part and rename it."""
    refs = witness.refs()
    placed: Placed = []
    for cluster, parts in CAST.items():
        names = sorted((name for name in refs if name.startswith(f"{cluster}_")), key=_number)
        placed += [(refs[name], part) for name, part in zip(names, parts, strict=True)]
    for ref, part in placed:
        witness.rename(ref, part.name)
    return placed


def _bring_into_condition(govc: Govc, witness: Witness, ref: str, part: Part) -> None:
    match part.condition:
        case Condition.ON:
            # Without running VMware Tools, a real vCenter refuses to shut a guest down.
            witness.set_property(ref, "guest.toolsRunningStatus", "guestToolsRunning")
        case Condition.OFF:
            govc.power("off", part.name)
        case Condition.SUSPENDED:
            govc.power("suspend", part.name)
        case Condition.TEMPLATE:
            govc.power("off", part.name)
            govc.run("vm.markastemplate", govc.path_of(part.name))
        case Condition.UNREACHABLE:
            witness.set_connection_state(ref, "disconnected")


def _number(name: str) -> int:
    found = re.search(r"(\d+)$", name)
    return int(found[1]) if found else -1
