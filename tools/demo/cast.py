# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The VMs of the demo: every VM of the two clusters, with its role in the demo.

vcsim numbers its VMs, so each one is renamed to something that a user would recognise. The order is that of vcsim's own
names within a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

CATEGORY = "preemption"
TAG = "preemptible"


class Condition(Enum):
    """The state of a VM at the start of the demo."""

    ON = "on"
    OFF = "off"
    SUSPENDED = "suspended"
    TEMPLATE = "template"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Part:
    """One VM: its name, whether it has the tag, and its state."""

    name: str
    tagged: bool
    condition: Condition = Condition.ON


CAST: dict[str, tuple[Part, ...]] = {
    "DC0_C0": (
        Part("ci-runner-01", tagged=True),
        Part("ci-runner-02", tagged=True),
        Part("ci-runner-03", tagged=True),
        Part("render-01", tagged=True, condition=Condition.OFF),
        Part("render-02", tagged=True, condition=Condition.SUSPENDED),
        Part("golden-image-1", tagged=True, condition=Condition.TEMPLATE),
        Part("batch-01", tagged=True),
        Part("db-01", tagged=False),
        Part("db-02", tagged=False),
        Part("web-01", tagged=False),
        Part("web-02", tagged=False),
        Part("dev-01", tagged=False, condition=Condition.OFF),
    ),
    "DC0_C1": (
        Part("ci-runner-04", tagged=True),
        Part("ci-runner-05", tagged=True),
        Part("batch-02", tagged=True),
        Part("batch-03", tagged=True),
        Part("R&D-sandbox", tagged=True),
        Part("notebook-01", tagged=True),
        Part("render-03", tagged=True, condition=Condition.OFF),
        Part("branch-office", tagged=True, condition=Condition.UNREACHABLE),
        Part("golden-image-2", tagged=False, condition=Condition.TEMPLATE),
        Part("db-03", tagged=False),
        Part("web-03", tagged=False),
        Part("mail-01", tagged=False),
    ),
}

MACHINES_PER_CLUSTER = len(CAST["DC0_C0"])

# Objects other than VMs to which the tag is attached by mistake; a preemption must leave them out and continue.
TAGGED_BY_MISTAKE = (("HostSystem", "/DC0/host/DC0_C0/DC0_C0_H0"), ("Folder", "/DC0/vm"))
