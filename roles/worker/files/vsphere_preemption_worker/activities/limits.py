# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits that the operator of the worker sets, and those that are ours."""

from __future__ import annotations

from dataclasses import dataclass

# A run's outcomes have to fit into one payload of Temporal (2 MB); the next request takes the rest.
MOST_VICTIMS = 2000


@dataclass(frozen=True)
class RunLimits:
    """What bounds one run.

    max_vms: victims in one run; the prototype's 10.
    window_seconds: so long after a run further requests are skipped; the prototype's minute.
    grace_seconds: what a guest gets to shut down by itself; 120 as on most public clouds.
    """

    max_vms: int = 10
    window_seconds: float = 60.0
    grace_seconds: float = 120.0

    @property
    def claim_lease_seconds(self) -> float:
        """A pending mark older than this is of a run that died: a run settles a mark within its grace period."""
        return self.grace_seconds + 60.0
