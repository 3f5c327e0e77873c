# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of one round, and of several rounds together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import median

# The calls that cannot be made for several VMs together.
ABOUT_ONE_VM = ("SetField", "SetCustomValue", "PowerOffVM_Task", "ShutdownGuest")


@dataclass(frozen=True)
class Round:
    """One preemption. Seconds count from the moment when Temporal accepted the signal.

    stopped: VMs that vCenter's events say the worker switched off. first_off, last_off: by vCenter's clock.
    announced: the sink got the CloudEvent. resident_mib: of the worker, after the run.
    """

    stopped: int
    first_off: float
    last_off: float
    announced: float
    resident_mib: float

    @property
    def announced_after_last_off(self) -> float:
        """How long the announcement took after the last VM was off; negative when it came too early."""
        return self.announced - self.last_off


@dataclass(frozen=True)
class CallCount:
    """What one round asked of vCenter. calls: all of them by name. at_once: the most that were open together."""

    machines: int
    calls: dict[str, int]
    at_once: int

    @property
    def per_machine(self) -> float:
        """Calls about single VMs, for each VM that was stopped."""
        return sum(self.calls.get(name, 0) for name in ABOUT_ONE_VM) / self.machines

    @property
    def per_run(self) -> int:
        """All other calls, which serve the whole run."""
        return sum(count for name, count in self.calls.items() if name not in ABOUT_ONE_VM)


def middle(rounds: Sequence[Round]) -> Round:
    """The median of each number by itself."""
    values = {field.name: median(getattr(one, field.name) for one in rounds) for field in fields(Round)}
    return Round(**{**values, "stopped": int(values["stopped"])})
